#include "audio/resample.h"

#include <soxr.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::audio {

Resampler::Resampler(int from, int to) {
    if (from <= 0 || to <= 0)
        throw usage_error(cat("resampling from ", from, " Hz to ", to, " Hz"), "Choose positive rates.");
    if (from == to) return;
    ratio_ = static_cast<double>(to) / from;
    soxr_error_t failed = nullptr;
    const auto quality = soxr_quality_spec(SOXR_HQ, 0);
    engine_ = soxr_create(from, to, 1, &failed, nullptr, &quality, nullptr);
    if (failed || !engine_)
        throw usage_error(
            cat("cannot resample from ", from, " Hz to ", to, " Hz: ", failed ? failed : "no memory"),
            "Convert the recording to 44100 or 22050 Hz.");
}

Resampler::~Resampler() { soxr_delete(static_cast<soxr_t>(engine_)); }

std::span<const float> Resampler::run(std::span<const float> samples, bool last) {
    auto* engine = static_cast<soxr_t>(engine_);
    constexpr std::size_t step = 1 << 14;
    std::size_t made = 0, taken = 0;
    for (;;) {
        if (out_.size() < made + step) out_.resize(made + step);
        std::size_t in = 0, out = 0;
        const auto failed = soxr_process(engine, last ? nullptr : samples.data() + taken,
                                         samples.size() - taken, &in, out_.data() + made, step, &out);
        if (failed)
            throw input_error(cat("resampling failed: ", failed), "Convert the recording to 22050 Hz.");
        taken += in;
        made += out;
        if (out < step && (last || taken == samples.size())) break;
    }
    return {out_.data(), made};
}

std::span<const float> Resampler::feed(std::span<const float> samples) {
    if (!engine_ || samples.empty()) return samples;
    return run(samples, false);
}

std::span<const float> Resampler::finish() {
    if (!engine_) return {};
    return run({}, true);
}

Clip resample(const Clip& clip, int rate) {
    Resampler resampler(clip.rate, rate);
    Clip out{{}, rate};
    out.samples.reserve(static_cast<std::size_t>(clip.seconds() * rate) + 16);
    const auto add = [&out](std::span<const float> samples) {
        out.samples.insert(out.samples.end(), samples.begin(), samples.end());
    };
    const std::span<const float> all(clip.samples);
    constexpr std::size_t block = 1 << 16;
    for (std::size_t at = 0; at < all.size(); at += block)
        add(resampler.feed(all.subspan(at, std::min(block, all.size() - at))));
    add(resampler.finish());
    return out;
}

}  // namespace testudo::audio
