#pragma once
// Which clips of a step a process computes, and in which parts.
#include <vector>

#include "nets/unified_voice.h"

namespace testudo::training {

// Micro-batches of the clips `batch` (indices into `lengths`) that process `rank` of `ranks` computes. A
// batch is cut into `accumulation` parts in all, at least one for each process and never more than there are
// clips. Consistent objective: processes share the clips by their tokens. DLAS' objective averages over each
// micro-batch with its padding, so the parts of one process alone are dealt out whole: the result is the same
// where accumulation is no less than ranks.
std::vector<std::vector<int>> step_parts(const std::vector<int>& batch, const std::vector<int>& lengths,
                                         std::int64_t accumulation, nets::Objective objective, int rank = 0,
                                         int ranks = 1);

// Of a batch of `clips`, on one of `ranks` processes.
struct PartSizes {
    std::int64_t clips = 1;  // of the largest part
    std::int64_t parts = 1;  // that the process computes
};
PartSizes part_sizes(std::int64_t clips, std::int64_t accumulation, nets::Objective objective, int ranks);

}  // namespace testudo::training
