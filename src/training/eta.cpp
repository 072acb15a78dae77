#include "training/eta.h"

#include <algorithm>
#include <vector>

namespace testudo::training {

void MovingDuration::add(double seconds) {
    values_.push_back(seconds);
    if (values_.size() > window_) values_.pop_front();
}

std::optional<double> MovingDuration::typical() const {
    if (values_.empty()) return {};
    std::vector<double> sorted(values_.begin(), values_.end());
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    const double most = 3 * *middle;
    double sum = 0;
    for (const double value : values_) sum += std::min(value, most);
    return sum / static_cast<double>(values_.size());
}

// Whole epochs, so that their short last batches weigh what they should.
Eta::Eta(std::int64_t iterations_per_epoch)
    : iterations_(static_cast<std::size_t>(std::clamp<std::int64_t>(iterations_per_epoch, 1, 400) *
                                           (20 / std::clamp<std::int64_t>(iterations_per_epoch, 1, 20)))),
      validations_(9),
      saves_(9) {}

std::optional<double> Eta::remaining(std::int64_t iterations, std::int64_t validations,
                                     std::int64_t saves) const {
    const auto step = iterations_.typical();
    if (!step) return {};
    return *step * static_cast<double>(iterations) +
           validations_.typical().value_or(0) * static_cast<double>(validations) +
           saves_.typical().value_or(0) * static_cast<double>(saves);
}

}  // namespace testudo::training
