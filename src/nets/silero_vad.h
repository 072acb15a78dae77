#pragma once
// Silero VAD 6.2 at 16 kHz (github.com/snakers4/silero-vad, tinygrad_model.py): short-time Fourier
// magnitudes, four convolutions, an LSTM cell that is carried on from window to window, one probability for
// each.
#include <ATen/ATen.h>

#include <array>
#include <string>
#include <vector>

#include "nets/parameters.h"

namespace testudo::nets {

class SileroVad {
  public:
    static constexpr std::int64_t window = 512, context = 64;  // samples
    static constexpr std::int64_t width = 128;                 // of the LSTM

    // Copies the weights. Names are those of silero_vad_16k.safetensors or of the 16 kHz half of
    // silero_vad.jit. Error(input) listing what is missing or of another shape; `what` names the file in it.
    SileroVad(const Find& find, const std::string& what);

    struct State {
        std::array<float, width> hidden{}, cell{};
    };

    // Consecutive windows of one recording, each with the samples before it, [n, context + window] ->
    // probability of speech [n]. Only the LSTM depends on `state`, which is carried on; all else is computed
    // for the n windows at once (about 8 kB of memory for each).
    std::vector<float> forward(const at::Tensor& windows, State& state) const;

  private:
    // A convolution as a matrix product: rows of `taps * channels` inputs times [that, outputs].
    struct Convolution {
        at::Tensor weight, bias;
        std::int64_t stride = 1;
        at::Tensor operator()(const at::Tensor& input) const;
    };

    at::Tensor gates_from_input(const at::Tensor& windows) const;  // [n, 4 width]
    float step(const float* gates_from_input, State& state) const;

    at::Tensor fourier_;  // [256, 2 * 129]
    std::array<Convolution, 4> convolutions_;
    at::Tensor input_weight_, gate_bias_;  // [width, 4 width], [4 width]
    std::vector<float> hidden_weight_;     // [width, 4 width]
    std::array<float, width> last_weight_{};
    float last_bias_ = 0;
};

}  // namespace testudo::nets
