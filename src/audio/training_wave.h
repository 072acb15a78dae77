#pragma once
// Clips as the Python trainer and tortoise-tts read them: first channel, windowed-sinc resampling to 22.05
// kHz, clamped to [-1, 1].
#include <ATen/ATen.h>

#include <filesystem>

namespace testudo::audio {

inline constexpr int training_rate = 22050;

// [samples] float32. Where the original has a defect, ours is what was meant: 8-bit files are read
// ((x-128)/128) and a stereo file of fewer than five frames gives its first channel. Files other than wav go
// through load(). Throws Error(input) as load() does.
at::Tensor load_training_wave(const std::filesystem::path& file);

}  // namespace testudo::audio
