#pragma once
// Writing 16-bit mono RIFF/WAVE files, whole or not at all.
#include <filesystem>
#include <span>

#include "audio/clip.h"

namespace testudo::audio {

// Samples beyond full scale are clamped, rounding is to nearest, no dither. Throws Error(usage) for a NaN
// sample or a rate of 0, Error(environment) when the file cannot be written.
void write_wav16(const std::filesystem::path& file, const Clip& clip);
void write_wav16(const std::filesystem::path& file, std::span<const float> samples, int rate);

}  // namespace testudo::audio
