#pragma once
// Whisper's log-mel front end (Radford et al. 2022; openai/whisper audio.py).
#include <ATen/ATen.h>

namespace testudo::audio {

inline constexpr int whisper_rate = 16000;  // Hz
inline constexpr int whisper_n_fft = 400, whisper_hop = 160;

at::Tensor whisper_mel_filters(int bands);  // [bands, 201]: Slaney scale and area norm, 0–8000 Hz

// [samples] float32 at 16 kHz, any device -> [bands, (samples + padding)/160], bands 80 (or 128 for
// large-v3): log10 of the power mel with floor 1e-10, raised to (its maximum over the whole array) - 8, then
// (x + 4)/4. `padding` zero samples are appended first (transcription appends 480000). Long recordings go in
// pieces: memory beyond input and result stays small. Throws Error(input) when samples + padding < 201.
at::Tensor whisper_mel(const at::Tensor& wave, int bands = 80, std::int64_t padding = 0);

}  // namespace testudo::audio
