#pragma once
// Two resamplers: soxr for sound that people hear, and the windowed sinc that the Python programs train with.
#include <ATen/ATen.h>

#include <span>
#include <vector>

#include "audio/clip.h"

namespace testudo::audio {

// soxr HQ (flat to 0.9 of Nyquist, aliases below -140 dB); about samples·to/from samples come out.
Clip resample(const Clip& clip, int rate);

// The same, block by block, in bounded memory.
class Resampler {
  public:
    Resampler(int from, int to);
    ~Resampler();
    Resampler(const Resampler&) = delete;
    Resampler& operator=(const Resampler&) = delete;
    // The returned samples are valid until the next call. finish() gives what is still inside.
    std::span<const float> feed(std::span<const float> samples);
    std::span<const float> finish();

  private:
    std::span<const float> run(std::span<const float> samples, bool last);
    void* engine_ = nullptr;  // soxr_t; null when both rates are equal
    double ratio_ = 1;
    std::vector<float> out_;
};

// The band-limited interpolation of torchaudio.functional.resample.
struct Sinc {
    int width = 6;           // zero crossings on either side
    double rolloff = 0.99;   // of the lower Nyquist frequency
    double kaiser_beta = 0;  // 0: Hann window; else a Kaiser window of this beta
};
// The web UI's and its fork's setting.
inline constexpr Sinc kaiser_best{64, 0.9475937167399596, 14.769656459379492};
inline constexpr Sinc kaiser_fast{16, 0.85, 8.555504641634386};

// [..., samples] at `from` Hz -> [..., ceil(samples·to/from)] at `to` Hz, any device, float32.
at::Tensor resample_sinc(const at::Tensor& wave, int from, int to, const Sinc& sinc = {});

}  // namespace testudo::audio
