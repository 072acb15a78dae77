#pragma once
// The front end of the speaker encoder: librosa's mel spectrogram (Slaney scale and area norm), without a
// logarithm.
#include <ATen/ATen.h>

namespace testudo::audio {

inline constexpr int speaker_rate = 16000, speaker_hop = 160, speaker_bands = 40;

// [samples] float32 at 16 kHz -> [1 + samples / 160, 40]: power in 40 bands up to 8 kHz, windows of 25 ms
// centred on their frame, zeros beyond the ends. About 10 times the memory of the wave while it works.
at::Tensor speaker_mel(const at::Tensor& wave);

}  // namespace testudo::audio
