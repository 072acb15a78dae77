#include "training/loss_watch.h"

#include <cmath>
#include <limits>
#include <numeric>

namespace testudo::training {

double LossWatch::limit() const {
    if (losses_.size() < least) return std::numeric_limits<double>::infinity();
    const auto count = static_cast<double>(losses_.size());
    const double mean = std::accumulate(losses_.begin(), losses_.end(), 0.0) / count;
    double squares = 0;
    for (const double loss : losses_) squares += (loss - mean) * (loss - mean);
    constexpr double deviations = 5, least_deviation = 0.01;  // the latter of the mean
    return mean + deviations * std::max(std::sqrt(squares / count), least_deviation * std::abs(mean));
}

void LossWatch::add(double loss) {
    if (losses_.size() == window) losses_.erase(losses_.begin());
    losses_.push_back(loss);
}

void LossWatch::restore(std::vector<double> losses) {
    losses_.clear();
    for (const double loss : losses)
        if (std::isfinite(loss)) add(loss);
}

}  // namespace testudo::training
