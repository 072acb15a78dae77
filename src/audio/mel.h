#pragma once
// TorToiSe's log-mel spectrogram of 22.05 kHz speech, which the DVAE and the conditioning encoder are fed
// with.
#include <ATen/ATen.h>

namespace testudo::audio {

inline constexpr int tortoise_rate = 22050;  // Hz
inline constexpr int tortoise_n_fft = 1024, tortoise_hop = 256, tortoise_mels = 80;

enum class MelScale { htk, slaney };

// [bands, n_fft/2+1] float32: triangles evenly spaced on the scale, each divided by its width in Hz times ½
// (Slaney's area norm), as torchaudio.functional.melscale_fbanks and librosa.filters.mel.
at::Tensor mel_filters(int rate, int n_fft, int bands, double lowest, double highest, MelScale scale);

at::Tensor tortoise_mel_filters();  // [80, 513]: HTK scale, 0–8000 Hz
at::Tensor tortoise_window();       // [1024]: periodic Hann
at::Tensor mel_norms();             // [80]: what the log-mel of each band is divided by (data/mel_norms.pth)

// [batch, samples] (or [samples]) float32 at 22.05 kHz, at least 513 samples, any device
//   -> [batch, 80, 1 + samples/256] (or [80, …]): ln(max(power mel, 1e-5)) / mel_norms, centred with
//   reflection.
// Throws Error(input) when it is shorter.
at::Tensor tortoise_mel(const at::Tensor& wave);

}  // namespace testudo::audio
