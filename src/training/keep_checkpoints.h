#pragma once
// Which checkpoints of a run stay on the disk: the newest ones, and those with the lowest validation loss.
#include <cstdint>
#include <string>
#include <vector>

#include "core/events.h"
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

// Deletes all checkpoints but those of the rule, and says so; returns the deleted iterations.
std::vector<std::int64_t> delete_old_checkpoints(const RunPaths& paths, const KeepRule& rule, Events& events);

// Checkpoints beyond the state that a run goes on from belong to another course of it: none of them may be
// taken for its newest, or be written over. All their files get the ending .superseded (then .superseded.2,
// …).
void set_later_checkpoints_aside(const RunPaths& paths, std::int64_t iteration, Events& events);

}  // namespace testudo::training
