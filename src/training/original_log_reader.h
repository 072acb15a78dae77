#pragma once
// The metrics in a log of the original trainers, or in what they printed. Both forks are known:
//   … INFO: Training Metrics: {"loss_text_ce": …, "it": …, "epoch": …}     the studio's fork, every step
//   … INFO: Validation Metrics: {"loss_text_ce": …, "loss_mel_ce": …, "it": …}
//   … INFO: [epoch:  0, iter:   1,200, lr:(1.000e-05,1.000e-05,)] step: … loss_text_ce: … …   152334H's
//   >>Eval loss_text_ce: 5.6                                                152334H's, printed only
#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.h"

namespace testudo::training {

class OriginalLogReader {
  public:
    // The metric event (docs/formats.md) that a line holds, null when there is none: epochs from 1,
    // iteration_seconds, lr. Validations of the studio's fork have no epoch; those of 152334H have no
    // iteration either and get that of the last step before them, one event for each of their numbers, the
    // last being the whole.
    Json line(std::string_view text);

  private:
    Json studio(std::string_view values, bool validation);
    Json steps(std::string_view text);
    Json evaluation(std::string_view text);

    std::int64_t last_ = 0;  // iteration of the last step
    Json evaluation_;        // since then
};

}  // namespace testudo::training
