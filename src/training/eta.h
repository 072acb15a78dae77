#pragma once
// When a training will be done, from what its own iterations, validations and saves have taken lately.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace testudo::training {

// Mean of the last values, each cut at three times their median: cyclic durations (short last batches)
// count as they are, a laptop's nap does not.
class MovingDuration {
  public:
    explicit MovingDuration(std::size_t window) : window_(window) {}
    void add(double seconds);
    std::optional<double> typical() const;

  private:
    std::size_t window_;
    std::deque<double> values_;
};

class Eta {
  public:
    explicit Eta(std::int64_t iterations_per_epoch);
    void iteration(double seconds) { iterations_.add(seconds); }
    void validation(double seconds) { validations_.add(seconds); }
    void save(double seconds) { saves_.add(seconds); }
    double iteration_seconds() const { return iterations_.typical().value_or(0); }
    // Seconds for what is left; nothing before the first iteration. A validation or save that never happened
    // yet counts nothing.
    std::optional<double> remaining(std::int64_t iterations, std::int64_t validations,
                                    std::int64_t saves) const;

  private:
    MovingDuration iterations_, validations_, saves_;
};

}  // namespace testudo::training
