#pragma once
// PyanNet, the speaker segmentation of pyannote.audio 2 (Bredin and Laurent 2021, with SincNet's filters of
// Ravanelli and Bengio 2018): who of at most three speakers talks, every 17 ms of a window of 5 s. Inference
// only; state-dict names are pyannote's.
#include <ATen/ATen.h>

#include "nets/parameters.h"

namespace testudo::nets {

class PyannoteSegmentation {
  public:
    static constexpr std::int64_t rate = 16000;                // Hz
    static constexpr std::int64_t window = 80000;              // samples
    static constexpr std::int64_t frames = 293, speakers = 3;  // of a window
    static constexpr std::int64_t hop = 270, field = 991;      // samples from frame to frame, under one frame

    // Error(input) listing the tensors that are missing or of another shape.
    explicit PyannoteSegmentation(const Find& find);

    // Windows that begin every `step` samples (a multiple of 10) of `wave` [(windows - 1) * step + 80000],
    // float32 -> probabilities [windows, 293, 3]. Speakers of different windows have no common order.
    at::Tensor operator()(const at::Tensor& wave, std::int64_t step) const;

  private:
    struct Convolution {
        at::Tensor weight, bias, norm_weight, norm_bias;
    };
    at::Tensor filters_, filter_sums_;  // [80, 1, 251], [80]
    double wave_scale_ = 1, wave_shift_ = 0;
    Convolution convolutions_[3];  // the first has no weights of its own: it is the filters
    std::vector<at::Tensor> lstm_;
    std::pair<at::Tensor, at::Tensor> linear_[2], classifier_;
};

}  // namespace testudo::nets
