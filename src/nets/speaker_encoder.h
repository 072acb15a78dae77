#pragma once
// Who speaks, as 256 numbers: the d-vector encoder of Resemblyzer (Wan et al. 2018, "Generalized end-to-end
// loss for speaker verification"). Inference only; state-dict names are Resemblyzer's.
#include <ATen/ATen.h>

#include "nets/parameters.h"

namespace testudo::nets {

class SpeakerEncoder {
  public:
    static constexpr std::int64_t bands = 40, frames = 160;  // of the windows it was trained on: 1.6 s
    static constexpr std::int64_t dimensions = 256;

    // Error(input) listing the tensors that are missing or of another shape.
    explicit SpeakerEncoder(const Find& find);

    // Spectrograms of audio/speaker_mel.h [batch, frames, 40] -> unit vectors [batch, 256]
    at::Tensor operator()(const at::Tensor& mels) const;

  private:
    std::vector<at::Tensor> lstm_;
    at::Tensor weight_, bias_;
};

}  // namespace testudo::nets
