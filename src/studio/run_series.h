#pragma once
// The numbers of a training as series for drawing, from its events.jsonl.
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
    Json milestones = Json::array();  // [{it, what: "save" | "start", time}]
    std::uint64_t next = 0;           // byte behind the last line read
    bool reset = false;               // `after` was no place in this file: everything is here
};
// From byte `after` on; a missing file has nothing. Numbers that are in `keys` only, when there are any.
RunSeries read_series(const fs::path& events, std::uint64_t after, const std::vector<std::string>& keys = {});

// At most about `points` rows: the mean of equal stretches, the last row as it is.
Columns thinned(const Columns& columns, std::size_t points);

Json to_json(const Columns& columns);  // arrays by key, null for what is not finite
// mode,it,epoch,… a line a row.
std::string to_csv(const RunSeries& series);

struct RunEntry {
    std::string voice, run;  // "finetune", "finetune_archived_…"
    bool archived = false;
    double changed = 0;           // newest of its events and checkpoints, seconds since 1970
    std::int64_t iteration = -1;  // of its newest checkpoint; -1: none
    fs::path folder, events;
};
// Runs of a voice that have events or checkpoints: the present one, then the archived ones, newest first.
std::vector<RunEntry> runs_of(const Workspace& workspace, const std::string& voice);

}  // namespace testudo::studio
