#pragma once
// Clips of a dataset on disk: 16-bit mono, wav or flac by their extension.
#include <filesystem>

#include "audio/clip.h"

namespace testudo::dataset {

// Whole or not at all. Throws Error(environment) when it cannot be written.
void write_clip(const std::filesystem::path& file, const audio::Clip& clip);

// 16-bit mono FLAC by libav.
void write_flac16(const std::filesystem::path& file, const audio::Clip& clip);

// A recording at the rate that training uses (22.05 kHz, ceil(samples · 22050 / rate) samples) and at
// Whisper's, decoded once, in memory that does not grow with the recording's own rate.
struct TwoRates {
    audio::Clip training, whisper;
};
TwoRates load_both_rates(const std::filesystem::path& file, std::string* warning);

// Resampled to 22.05 kHz, ceil(samples · 22050 / rate) samples.
audio::Clip at_training_rate(const audio::Clip& clip);

double peak(const audio::Clip& clip);  // largest |sample|

}  // namespace testudo::dataset
