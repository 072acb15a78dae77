#include "audio/decode.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "audio/container.h"
#include "audio/resample.h"
#include "core/error.h"
#include "core/strings.h"

namespace testudo::audio {

namespace fs = std::filesystem;

namespace {

// Lossy codecs pad and cut at their ends; only more than this is worth a warning.
constexpr double tolerated_seconds = 0.2;

void stream_from(Container& container, const fs::path& file, const DecodeOptions& options, const Sink& sink) {
    if (options.warning) options.warning->clear();
    std::vector<float> block;
    std::unique_ptr<Resampler> resampler;
    int from = 0, to = options.rate;
    double seconds = 0;
    bool any = false, wanted = true;
    const auto give = [&](std::span<const float> samples) {
        if (samples.empty() || !wanted) return;
        any = true;
        wanted = sink(samples, to);
    };
    while (wanted && container.next(options.mix, block)) {
        seconds += static_cast<double>(block.size()) / container.rate();
        if (container.rate() != from) {  // the first block, or a file joined of several
            if (resampler) give(resampler->finish());
            from = container.rate();
            if (to == 0) to = from;
            resampler = std::make_unique<Resampler>(from, to);
        }
        give(resampler->feed(block));
    }
    if (wanted && resampler) give(resampler->finish());
    if (!any && wanted)
        throw input_error(
            cat(file, container.damaged() ? " is damaged: no sound could be decoded" : " holds no sound"),
            "Record or copy it again, or remove it.");
    if (!options.warning || !wanted) return;
    if (const double stated = container.stated_seconds(); stated > seconds + tolerated_seconds)
        *options.warning = cat(file, " ends early: ", human_duration(seconds), " of ", human_duration(stated),
                               " could be read");
    else if (container.damaged())
        *options.warning = cat(file, " is damaged or cut off; what could be read is used");
}

}  // namespace

void stream(const fs::path& file, const DecodeOptions& options, const Sink& sink) {
    if (options.rate < 0)
        throw usage_error(cat("a sample rate of ", options.rate, " Hz"), "Choose a positive rate.");
    Container container(file);
    stream_from(container, file, options, sink);
}

Clip load(const fs::path& file, int rate, Mix mix, std::string* warning) {
    if (rate < 0) throw usage_error(cat("a sample rate of ", rate, " Hz"), "Choose a positive rate.");
    Container container(file);
    Clip clip;
    const double seconds = container.stated_seconds();
    stream_from(container, file, {rate, mix, warning}, [&](std::span<const float> samples, int at) {
        if (clip.rate == 0) {
            clip.rate = at;
            // Address space only: pages that stay unused cost nothing, should the container have lied.
            constexpr double most = 1 << 28;
            clip.samples.reserve(static_cast<std::size_t>(std::clamp(seconds * at + 4096, 0.0, most)));
        }
        clip.samples.insert(clip.samples.end(), samples.begin(), samples.end());
        return true;
    });
    return clip;
}

double duration(const fs::path& file) {
    Container container(file);
    std::vector<float> block;
    if (!container.next(Mix::first_channel, block))
        throw input_error(cat(file, " holds no sound"), "Record or copy it again, or remove it.");
    const double stated = container.stated_seconds();
    // A PCM header can promise more than the file holds.
    const double held = static_cast<double>(fs::file_size(file)) * 8;
    if (stated > 0 && stated * container.rate() * container.bits_per_frame() <= held) return stated;
    double seconds = 0;
    do seconds += static_cast<double>(block.size()) / container.rate();
    while (container.next(Mix::first_channel, block));
    return seconds;
}

bool is_audio_file(const fs::path& file) {
    static const std::set<std::string> known = {
        ".wav", ".wave", ".w64", ".rf64", ".flac", ".mp3", ".mp2", ".ogg", ".oga",  ".opus",
        ".spx", ".m4a",  ".m4b", ".aac",  ".mp4",  ".m4v", ".mov", ".3gp", ".webm", ".weba",
        ".mkv", ".mka",  ".avi", ".flv",  ".g722", ".wma", ".asf", ".aif", ".aiff", ".aifc",
        ".caf", ".au",   ".snd", ".amr",  ".wv",   ".ape", ".tta", ".ac3", ".ts",   ".mpg"};
    return known.contains(lower_ascii(file.extension().string()));
}

}  // namespace testudo::audio
