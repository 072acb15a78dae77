#pragma once
// From TorToiSe's 22.05 kHz mel spectrogram back to a wave without a trained vocoder.
#include <ATen/ATen.h>

#include <cstdint>

#include "audio/clip.h"

namespace testudo::synthesis {

struct GriffinLimOptions {
    int iterations = 80;
    double momentum = 0.99;  // of the fast variant (Perraudin et al. 2013)
    std::uint64_t seed = 1;  // of the first phases
};

// The power spectrogram [frequencies, frames] >= 0 whose mel is `mel` ([80, frames], log, divided by
// mel_norms): least squares with non-negative result, by multiplicative updates from the clamped
// pseudo-inverse.
at::Tensor invert_mel(const at::Tensor& mel, int iterations = 60);

// magnitude [n_fft/2 + 1, frames], frames >= 1 -> [(frames - 1) * hop] samples whose STFT (periodic Hann
// window of n_fft, centred, reflected) has about those magnitudes. Deterministic.
at::Tensor griffin_lim(const at::Tensor& magnitude, int n_fft, int hop,
                       const GriffinLimOptions& options = {});

// [80, frames] or [1, 80, frames] -> a clip at 22.05 kHz, scaled down if it would clip.
// Error(input) when the mel is empty, of another shape or not finite.
audio::Clip mel_to_wave(const at::Tensor& mel, const GriffinLimOptions& options = {});

}  // namespace testudo::synthesis
