#include "training/eta.h"

#include <algorithm>
#include <vector>

namespace testudo::training {

void MovingPace::add(double seconds, double work) {
    if (warm_up_ > 0 && values_.size() == warm_up_) {
        values_.clear();
        warm_up_ = 0;
    }
    values_.push_back({seconds, work});
    if (values_.size() > window_) values_.pop_front();
}

std::optional<double> MovingPace::seconds_per_work() const {
    if (values_.empty()) return {};
    std::vector<double> sorted;
    for (const Value& value : values_) sorted.push_back(value.seconds / value.work);
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    double seconds = 0, work = 0;
    for (const Value& value : values_) {
        seconds += std::min(value.seconds, 3 * *middle * value.work);
        work += value.work;
    }
    return seconds / work;
}

void Eta::expect(double validation_work, double save_seconds) {
    validation_work_ = validation_work;
    save_seconds_ = save_seconds;
}

std::optional<double> Eta::remaining(double work, std::int64_t validations, std::int64_t saves) const {
    const auto pace = iterations_.seconds_per_work();
    if (!pace) return {};
    constexpr double forward_alone = 1.0 / 3;
    return *pace * work +
           validations_.seconds_per_work().value_or(*pace * validation_work_ * forward_alone) *
               static_cast<double>(validations) +
           saves_.seconds_per_work().value_or(save_seconds_) * static_cast<double>(saves);
}

}  // namespace testudo::training
