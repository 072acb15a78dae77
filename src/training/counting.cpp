#include "training/counting.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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

std::int64_t Counting::last_of_epoch(std::int64_t epoch) const {
    return from_iteration + (epoch - from_epoch) * per_epoch();
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

bool Agenda::save_due(std::int64_t iteration) const {
    return iteration == total || is_due(iteration, save_every);
}

bool Agenda::validation_due(std::int64_t iteration) const {
    return is_due(iteration, validate_every) || (validate_saves && save_due(iteration));
}

std::int64_t Agenda::saves(std::int64_t after, std::int64_t until) const {
    const bool last = after < total && until >= total && !is_due(total, save_every);
    return count_due(after, until, save_every) + (last ? 1 : 0);
}

std::int64_t Agenda::validations(std::int64_t after, std::int64_t until) const {
    const std::int64_t own = count_due(after, until, validate_every);
    if (!validate_saves) return own;
    if (validate_every <= 0) return saves(after, until);
    std::int64_t both = 0;
    if (save_every > 0) {
        // Beyond the end there is nothing to count, and a product that large might not be a number.
        const std::int64_t step = validate_every / std::gcd(save_every, validate_every);
        if (step <= total / save_every) both = count_due(after, until, step * save_every);
    }
    const bool last = after < total && until >= total && !is_due(total, save_every);
    if (last && is_due(total, validate_every)) ++both;
    return own + saves(after, until) - both;
}

std::optional<std::int64_t> Agenda::next_save(std::int64_t after) const {
    if (after >= total) return {};
    return next_due(after + 1, save_every, total);
}

std::optional<std::int64_t> Agenda::next_validation(std::int64_t after) const {
    std::optional<std::int64_t> next;
    if (validate_every > 0) next = next_due(after + 1, validate_every, total + 1);
    if (next && *next > total) next.reset();
    if (!validate_saves) return next;
    const auto save = next_save(after);
    return next && save ? std::min(*next, *save) : next ? next : save;
}

}  // namespace testudo::training
