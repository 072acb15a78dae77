#pragma once
// Which clips come together in a step, and how many steps an epoch has. Deterministic on every machine.
#include <cstdint>
#include <vector>

namespace testudo::dataset {

// Steps in one epoch; the one place that counts them. DLAS drops a short last batch (then an epoch may have
// no step at all); Testudo keeps it.
int iterations_per_epoch(int lines, int batch_size, bool drop_last = false);

// The batches of one epoch as indices into `lengths`. Every index comes exactly once (but for a dropped last
// batch). Clips of similar length are put together, in an order that depends on seed and epoch alone.
// A batch size above the number of clips gives one batch of all.
std::vector<std::vector<int>> epoch_batches(const std::vector<int>& lengths, int batch_size,
                                            std::uint64_t seed, int epoch, bool drop_last = false);

// `batch` (indices into `lengths`) shared among `ranks` processes so that each has about as many tokens: the
// longest clips first, each to the one that has least. In each share the order of the batch; one may be empty
// when there are fewer clips than processes. The same on every machine.
std::vector<std::vector<int>> share_batch(const std::vector<int>& lengths, const std::vector<int>& batch,
                                          int ranks);

// A well mixed seed for one example of one iteration: the random choices of a step depend on nothing else.
std::uint64_t example_seed(std::uint64_t run_seed, std::int64_t iteration, std::int64_t example);

}  // namespace testudo::dataset
