#include "dataset/clip_file.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "audio/decode.h"
#include "audio/resample.h"
#include "audio/wav.h"
#include "core/strings.h"
#include "dataset/flac.h"
#include "dataset/settings.h"

namespace testudo::dataset {

namespace {

constexpr int whisper_rate = 16000;

// Resamplers differ by a sample in the length they give; the dataset's lengths are exact.
std::size_t training_samples(std::size_t from_samples, int from_rate) {
    const double exact = static_cast<double>(from_samples) * training_rate / from_rate;
    return static_cast<std::size_t>(std::ceil(exact - 1e-6));
}

void fit_length(std::vector<float>& samples, std::size_t from_samples, int from_rate) {
    samples.resize(training_samples(from_samples, from_rate), 0.0f);
}

void append(std::vector<float>& out, std::span<const float> samples) {
    out.insert(out.end(), samples.begin(), samples.end());
}

}  // namespace

struct ClipWriter::Writer {
    std::variant<std::monostate, audio::WavWriter, FlacWriter> file;
};

ClipWriter::ClipWriter(const std::filesystem::path& file, int rate) : writer_(std::make_unique<Writer>()) {
    if (lower_ascii(file.extension().string()) == ".flac")
        writer_->file.emplace<FlacWriter>(file, rate);
    else
        writer_->file.emplace<audio::WavWriter>(file, rate);
}
ClipWriter::ClipWriter(ClipWriter&&) noexcept = default;
ClipWriter::~ClipWriter() = default;

void ClipWriter::write(std::span<const float> samples) {
    if (auto* wav = std::get_if<audio::WavWriter>(&writer_->file)) wav->write(samples);
    if (auto* flac = std::get_if<FlacWriter>(&writer_->file)) flac->write(samples);
}

void ClipWriter::commit() {
    if (auto* wav = std::get_if<audio::WavWriter>(&writer_->file)) wav->commit();
    if (auto* flac = std::get_if<FlacWriter>(&writer_->file)) flac->commit();
}

void write_clip(const std::filesystem::path& file, const audio::Clip& clip) {
    ClipWriter out(file, clip.rate);
    out.write(clip.samples);
    out.commit();
}

void stream_both_rates(const std::filesystem::path& file, std::string* warning, const BothSink& sink) {
    std::optional<audio::Resampler> to_training, to_whisper;
    // The last samples wait for the exact length.
    constexpr std::size_t held = 64;
    std::vector<float> waiting;
    std::size_t read = 0, given = 0;
    int native = training_rate;
    bool wanted = true;
    const auto give = [&](std::span<const float> whisper) {
        const std::size_t ready = waiting.size() > held ? waiting.size() - held : 0;
        wanted = sink(std::span(waiting).first(ready), whisper);
        waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(ready));
        given += ready;
    };
    audio::DecodeOptions options;
    options.warning = warning;
    audio::stream(file, options, [&](std::span<const float> samples, int rate) {
        if (!to_training) {
            native = rate;
            to_training.emplace(rate, training_rate);
            to_whisper.emplace(rate, whisper_rate);
        }
        read += samples.size();
        append(waiting, to_training->feed(samples));
        give(to_whisper->feed(samples));
        return wanted;
    });
    if (!to_training || !wanted) return;
    append(waiting, to_training->finish());
    waiting.resize(std::max(training_samples(read, native), given) - given, 0.0f);
    sink(waiting, to_whisper->finish());
}

std::optional<TwoRates> load_both_rates(const std::filesystem::path& file, std::string* warning,
                                        double most_seconds) {
    TwoRates out;
    out.training.rate = training_rate;
    out.whisper.rate = whisper_rate;
    const auto most = static_cast<std::size_t>(most_seconds * whisper_rate);
    bool fits = true;
    stream_both_rates(file, warning, [&](std::span<const float> training, std::span<const float> whisper) {
        append(out.training.samples, training);
        append(out.whisper.samples, whisper);
        fits = most == 0 || out.whisper.samples.size() <= most;
        return fits;
    });
    if (!fits) return std::nullopt;
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
