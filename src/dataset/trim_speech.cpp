#include "dataset/trim_speech.h"

#include <algorithm>
#include <cmath>

#include "audio/levels.h"

namespace testudo::dataset {

namespace {

constexpr double shortest_speech = 0.05;  // s: what is shorter is a click
constexpr double farthest_search = 0.3;   // s that the network may be late or early
constexpr double above_quiet = 4;         // powers, 6 dB: no longer the room
constexpr double below_loud = 1e-4;       // powers, -40 dB: too soft to be part of a word

// Grows the range through frames in which something sounds.
void take_along(SampleRange& range, const audio::Levels& levels, int rate, std::size_t samples) {
    const double audible = std::max(above_quiet * levels.quiet, below_loud * levels.loud);
    const std::size_t hop = levels.hop, reach = static_cast<std::size_t>(farthest_search * rate);
    const std::size_t first_limit = range.first > reach ? range.first - reach : 0,
                      last_limit = std::min(samples, range.past_last + reach);
    const auto sounds = [&](std::size_t frame) {
        return frame < levels.power.size() && levels.power[frame] > audible;
    };
    while (range.first >= first_limit + hop && sounds((range.first - hop) / hop)) range.first -= hop;
    while (range.past_last + hop <= last_limit && sounds((range.past_last - 1) / hop)) range.past_last += hop;
}

std::optional<SampleRange> loud_part(const audio::Levels& levels, int rate, std::size_t samples) {
    if (!levels.stands_out()) return std::nullopt;
    const auto shortest = static_cast<std::size_t>(shortest_speech * rate) / levels.hop;
    std::optional<SampleRange> range;
    std::size_t run = 0;
    for (std::size_t i = 0; i <= levels.power.size(); ++i) {
        if (i < levels.power.size() && levels.power[i] >= levels.foreground) {
            ++run;
            continue;
        }
        if (run >= shortest) {
            if (!range) range = {(i - run) * levels.hop, 0};
            range->past_last = std::min(samples, (i + 1) * levels.hop);
        }
        run = 0;
    }
    return range;
}

}  // namespace

std::optional<SampleRange> trim_to_speech(const audio::Clip& clip, const asr::VoiceActivity& voice,
                                          const SpeechTrim& options) {
    const std::size_t samples = clip.samples.size();
    const auto spans = voice.speech(
        clip, {.threshold = options.threshold, .min_speech = shortest_speech, .min_silence = 0.1, .pad = 0});
    double sum = 0;
    for (const float sample : clip.samples) sum += sample;
    const audio::Levels levels =
        audio::levels_of(clip.samples, clip.rate, samples > 0 ? sum / static_cast<double>(samples) : 0);
    if (levels.power.empty()) return std::nullopt;

    std::optional<SampleRange> range;
    if (spans.empty()) {
        range = loud_part(levels, clip.rate, samples);
    } else {
        const auto sample_at = [&](double seconds) {
            return std::min(samples, static_cast<std::size_t>(std::llround(seconds * clip.rate)));
        };
        range = {sample_at(spans.front().start), sample_at(spans.back().end)};
    }
    if (!range || range->first >= range->past_last) return std::nullopt;
    take_along(*range, levels, clip.rate, samples);
    const auto kept = [&](double seconds) {
        return static_cast<std::size_t>(std::llround(std::max(0.0, seconds) * clip.rate));
    };
    range->first -= std::min(range->first, kept(options.front));
    range->past_last += std::min(samples - range->past_last, kept(options.back));
    return range;
}

}  // namespace testudo::dataset
