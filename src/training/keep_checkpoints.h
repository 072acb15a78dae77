#pragma once
// Which checkpoints of a run stay on the disk: the newest ones, and those with the lowest validation loss.
#include <cstdint>
#include <string>
#include <vector>

#include "training/run_paths.h"

namespace testudo::training {

struct KeepRule {
    std::int64_t states = 0;   // the newest so many; 0: all
    std::int64_t best = 0;     // and the so many best by validation loss
    std::string validated_on;  // only losses on the same can be compared, see OwnState
};

// The `count` of `iterations` (ascending) with the lowest validation loss in their states, best first; of
// equal ones the earlier. Only those validated on the same are compared; while there is none, those validated
// on what the newest of the others was, so that a changed list does not cost the best at once. States that
// cannot be read are no candidates.
std::vector<std::int64_t> best_checkpoints(const RunPaths& paths, const std::vector<std::int64_t>& iterations,
                                           std::int64_t count, const std::string& validated_on);

// Deletes all checkpoints but those of the rule; returns the deleted iterations.
std::vector<std::int64_t> delete_old_checkpoints(const RunPaths& paths, const KeepRule& rule);

}  // namespace testudo::training
