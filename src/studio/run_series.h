#pragma once
// The numbers of trainings as series for drawing.
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/json.h"
#include "studio/workspace.h"

namespace testudo::studio {

// Columns of one length; NaN where a point lacks the number. Always: it, time.
using Columns = std::map<std::string, std::vector<double>>;

struct RunSeries {
    Columns steps, validation;
    Json milestones = Json::array();  // [{it, what: "save" | "end", time}]
    std::uint64_t next = 0;           // byte behind the last line read
    bool reset = false;               // `after` was no place in this file: everything is here
};

struct RunEntry {
    std::string voice, run;  // "finetune", "finetune_archived_…"
    bool archived = false;
    bool log = false;             // only logs of DLAS tell of it
    double changed = 0;           // newest of its events, logs and checkpoints, seconds since 1970
    std::int64_t iteration = -1;  // of its newest checkpoint; -1: none
    fs::path folder, events;
};
// Runs of a voice that left numbers or checkpoints: the present one, then the archived ones, newest first.
std::vector<RunEntry> runs_of(const Workspace& workspace, const std::string& voice);

// The numbers that are in `keys` only, when there are any. All of a run, logs of DLAS included, as
// training::MetricTable has them: iterations that were made anew replace what they were.
RunSeries whole_series(const RunEntry& run, const std::vector<std::string>& keys = {});
// From byte `after` of the run's events on, as they came; a missing file has nothing.
RunSeries series_after(const RunEntry& run, std::uint64_t after, const std::vector<std::string>& keys = {});

// At most about `points` rows: the mean of equal stretches, the last row as it is.
Columns thinned(const Columns& columns, std::size_t points);

Json to_json(const Columns& columns);  // arrays by key, null for what is not finite

}  // namespace testudo::studio
