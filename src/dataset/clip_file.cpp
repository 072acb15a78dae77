#include "dataset/clip_file.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "audio/decode.h"
#include "audio/resample.h"
#include "audio/wav.h"
#include "core/strings.h"
#include "dataset/settings.h"

namespace testudo::dataset {

namespace {

constexpr int whisper_rate = 16000;

// Resamplers differ by a sample in the length they give; the dataset's lengths are exact.
void fit_length(std::vector<float>& samples, std::size_t from_samples, int from_rate) {
    const double exact = static_cast<double>(from_samples) * training_rate / from_rate;
    samples.resize(static_cast<std::size_t>(std::ceil(exact - 1e-6)), 0.0f);
}

void append(std::vector<float>& out, std::span<const float> samples) {
    out.insert(out.end(), samples.begin(), samples.end());
}

}  // namespace

void write_clip(const std::filesystem::path& file, const audio::Clip& clip) {
    if (lower_ascii(file.extension().string()) == ".flac")
        write_flac16(file, clip);
    else
        audio::write_wav16(file, clip);
}

TwoRates load_both_rates(const std::filesystem::path& file, std::string* warning) {
    TwoRates out;
    out.training.rate = training_rate;
    out.whisper.rate = whisper_rate;
    std::optional<audio::Resampler> to_training, to_whisper;
    std::size_t read = 0;
    int native = training_rate;
    audio::DecodeOptions options;
    options.warning = warning;
    audio::stream(file, options, [&](std::span<const float> samples, int rate) {
        if (!to_training) {
            native = rate;
            to_training.emplace(rate, training_rate);
            to_whisper.emplace(rate, whisper_rate);
        }
        read += samples.size();
        append(out.training.samples, to_training->feed(samples));
        append(out.whisper.samples, to_whisper->feed(samples));
        return true;
    });
    if (to_training) {
        append(out.training.samples, to_training->finish());
        append(out.whisper.samples, to_whisper->finish());
    }
    fit_length(out.training.samples, read, native);
    return out;
}

audio::Clip at_training_rate(const audio::Clip& clip) {
    if (clip.rate == training_rate) return clip;
    audio::Clip out = audio::resample(clip, training_rate);
    fit_length(out.samples, clip.samples.size(), clip.rate);
    return out;
}

double peak(const audio::Clip& clip) {
    float most = 0;
    for (const float sample : clip.samples) most = std::max(most, std::abs(sample));
    return most;
}

}  // namespace testudo::dataset
