#pragma once
// Clips of a dataset on disk: 16-bit mono, wav or flac by their extension.
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "audio/clip.h"

namespace testudo::dataset {

// Whole or not at all. Throws Error(environment) when it cannot be written.
void write_clip(const std::filesystem::path& file, const audio::Clip& clip);

// The same, block by block, for what should not be in memory at once. Nothing remains without commit().
class ClipWriter {
  public:
    ClipWriter(const std::filesystem::path& file, int rate);
    ClipWriter(ClipWriter&&) noexcept;
    ~ClipWriter();
    void write(std::span<const float> samples);
    void commit();

  private:
    struct Writer;
    std::unique_ptr<Writer> writer_;
};

// A recording at the rate that training uses (22.05 kHz, ceil(samples · 22050 / rate) samples in all) and at
// Whisper's (16 kHz), decoded once, block by block; false ends the reading. No libtorch: any thread may.
using BothSink = std::function<bool(std::span<const float> training, std::span<const float> whisper)>;
void stream_both_rates(const std::filesystem::path& file, std::string* warning, const BothSink& sink);

struct TwoRates {
    audio::Clip training, whisper;
};
// Nothing when it lasts longer than `most_seconds` (0: however long it is).
std::optional<TwoRates> load_both_rates(const std::filesystem::path& file, std::string* warning,
                                        double most_seconds = 0);

// Resampled to 22.05 kHz, ceil(samples · 22050 / rate) samples.
audio::Clip at_training_rate(const audio::Clip& clip);

double peak(const audio::Clip& clip);  // largest |sample|

}  // namespace testudo::dataset
