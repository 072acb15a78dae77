#pragma once
// Trainings by the names that a user gives them, and their numbers in the forms of other programs.
#include <string>
#include <vector>

#include "studio/training_charts.h"

namespace testudo::studio {

// Each of `sources` is a voice of the workspace (its run), a run's folder (finetune_archived_… too), an
// events.jsonl, what `testudo train --json` printed, or a log of DLAS. Runs of one name are numbered.
// Error(input) for what does not exist or holds no metrics.
std::vector<Run> read_runs(const fs::path& workspace, const std::vector<std::string>& sources);

// <folder>/<name>.csv of each; returns the files.
std::vector<fs::path> write_csv(const std::vector<Run>& runs, const fs::path& folder);
// <folder>/<name>/events.out.tfevents.testudo of each: `tensorboard --logdir <folder>` shows them side by
// side.
std::vector<fs::path> write_tensorboard(const std::vector<Run>& runs, const fs::path& folder);

}  // namespace testudo::studio
