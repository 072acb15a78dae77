#pragma once
// How long what is left of a training will take, from what its own iterations, validations and saves have
// taken lately.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace testudo::training {

// Seconds for a unit of work, as a moving mean around the median: values above three medians (a laptop's nap)
// count as three medians. The first values, slow while memory and kernels are made ready, are forgotten as
// soon as there are others.
class MovingPace {
  public:
    explicit MovingPace(std::size_t window, std::size_t warm_up = 0) : window_(window), warm_up_(warm_up) {}
    void add(double seconds, double work = 1);
    std::optional<double> seconds_per_work() const;

  private:
    struct Value {
        double seconds = 0, work = 1;
    };
    std::size_t window_, warm_up_;
    std::deque<Value> values_;
};

// Work is what an iteration's time goes with: the lengths of its clips together. So a short last batch, or
// one of short clips, tells as much of the pace as any other.
class Eta {
  public:
    void iteration(double seconds, double work) { iterations_.add(seconds, work); }
    void validation(double seconds) { validations_.add(seconds); }
    void save(double seconds) { saves_.add(seconds); }
    // What the first validation and save are taken to cost before they happened: a validation of that much
    // work a third of an iteration's (it has no backward pass).
    void expect(double validation_work, double save_seconds);

    // Seconds; nothing before the first iteration.
    std::optional<double> remaining(double work, std::int64_t validations, std::int64_t saves) const;

  private:
    MovingPace iterations_{200, 3}, validations_{9}, saves_{9};
    double validation_work_ = 0, save_seconds_ = 0;
};

}  // namespace testudo::training
