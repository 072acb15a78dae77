#pragma once
// What the losses of a training say to its user, in the words of the original studio's manual. Remarks change
// nothing: the training goes on.
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "training/metric_table.h"

namespace testudo::training {

struct Remark {
    std::string name;  // mel_above_text, overfitting
    std::string message;
};

class Remarks {
  public:
    explicit Remarks(std::int64_t per_epoch);

    // An iteration that comes again takes back what came from it on.
    void training(std::int64_t iteration, double text, double mel, double total);
    void validation(std::int64_t iteration, double total);
    void add(const MetricTable& earlier);  // of a run that goes on

    // What has become true and was not said yet:
    // - mel_above_text: over the last epoch (at least 20 iterations, at most 400) the mel loss was above the
    //   text loss on average;
    // - overfitting: the last three validations were all above the lowest one, the last by more than 1 %, and
    //   the training loss since the validation before is below that before the lowest one.
    std::optional<Remark> next();
    void mark_said(const std::string& name) { said_.insert(name); }

  private:
    struct Step {
        std::int64_t iteration = 0;
        double text = 0, mel = 0;
    };
    struct Validated {
        std::int64_t iteration = 0;
        double total = 0;     // of the validation
        double training = 0;  // mean total loss of the steps since the validation before; NaN without any
    };
    std::optional<std::string> mel_above_text() const;
    std::optional<std::string> overfitting() const;
    void rewind_to(std::int64_t iteration);

    std::size_t window_;
    std::deque<Step> steps_;
    std::vector<Validated> validations_;
    double sum_ = 0;  // of total losses since the last validation
    std::int64_t count_ = 0, last_ = 0;
    std::set<std::string> said_;
};

}  // namespace testudo::training
