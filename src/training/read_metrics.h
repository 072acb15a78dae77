#pragma once
// The metrics of a run from what it left: events.jsonl, the output of `testudo train --json`, or logs of the
// original trainers.
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "training/metric_table.h"
#include "training/run_paths.h"

namespace testudo::training {

// Which of the forms a line has is seen line by line. Error(input) when the file cannot be read or holds no
// metric of a training.
MetricTable read_metrics(const fs::path& file);

// Of a run's folder: events.jsonl, and what its logs (train_*.log, oldest first) tell of the iterations
// before the first in there. Error(input) when there is none.
MetricTable read_run_metrics(const fs::path& finetune);

MetricTable metrics_of_events(const std::vector<Json>& events);

// The names of the remarks in an events.jsonl; none when it is not there.
std::set<std::string> remarks_in(const fs::path& events);

}  // namespace testudo::training
