#pragma once
// Tells a loss that leaps out of the recent ones.
#include <vector>

namespace testudo::training {

class LossWatch {
  public:
    static constexpr std::size_t window = 100, least = 20;

    // The largest loss that is no leap: the mean of the last 100 good steps' losses plus five standard
    // deviations, a deviation counting as at least 1 % of the mean (a nearly flat curve must not make trifles
    // of it); infinite while there are fewer than 20.
    double limit() const;
    void add(double loss);  // of a good step

    const std::vector<double>& losses() const { return losses_; }  // the window, oldest first
    void restore(std::vector<double> losses);                      // finite ones of them, the last 100

  private:
    std::vector<double> losses_;
};

}  // namespace testudo::training
