#include "training/counting.h"

#include <algorithm>
#include <cmath>

#include "dataset/batches.h"

namespace testudo::training {

std::int64_t Counting::per_epoch() const {
    if (lines <= 0) return 0;
    return dataset::iterations_per_epoch(static_cast<int>(lines),
                                         static_cast<int>(std::max<std::int64_t>(batch_size, 1)));
}

std::int64_t Counting::total() const {
    return from_iteration + std::max<std::int64_t>(epochs - from_epoch, 0) * per_epoch();
}

std::int64_t Counting::epoch_of(std::int64_t iteration) const {
    return from_epoch + (iteration - from_iteration - 1) / std::max<std::int64_t>(per_epoch(), 1) + 1;
}

std::int64_t Counting::step_of(std::int64_t iteration) const {
    return (iteration - from_iteration - 1) % std::max<std::int64_t>(per_epoch(), 1) + 1;
}

std::int64_t Counting::finished_epochs(std::int64_t iteration) const {
    return from_epoch + (iteration - from_iteration) / std::max<std::int64_t>(per_epoch(), 1);
}

std::int64_t iterations_of_rate(double epochs, std::int64_t per_epoch) {
    // A little over, so that 0.1 epochs of 30 iterations are 3 although 0.1 * 30 may come out just below.
    return std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::floor(epochs * static_cast<double>(per_epoch) + 1e-9)));
}

bool is_due(std::int64_t iteration, std::int64_t every) {
    return every > 0 && iteration > 0 && iteration % every == 0;
}

std::int64_t next_due(std::int64_t iteration, std::int64_t every, std::int64_t total) {
    if (every <= 0) return total;
    return std::min(total, (iteration + every - 1) / every * every);
}

std::int64_t count_due(std::int64_t after, std::int64_t until, std::int64_t every) {
    return every <= 0 || until <= after ? 0 : until / every - after / every;
}

}  // namespace testudo::training
