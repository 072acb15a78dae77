#include "dataset/trim_speech.h"

#include <algorithm>
#include <cmath>

#include "audio/levels.h"

namespace testudo::dataset {

namespace {

constexpr double shortest_speech = 0.05;  // s: what is shorter is a click
constexpr double longest_closure = 0.3;   // s of near silence within a word, before a stop
constexpr double longest_tail = 0.3;      // s that a word may begin and end softly
constexpr double above_quiet = 4;         // powers, 6 dB: no longer the room
constexpr double below_loud = 1e-4;       // powers, -40 dB: too soft to be part of a word

// The frames of a clip, and which of them count.
struct Frames {
    std::size_t hop = 0, closure = 0, tail = 0;
    std::vector<bool> loud;     // stands out, together with its neighbours for long enough
    std::vector<bool> audible;  // may be the soft end of something loud
};

Frames frames_of(const audio::Levels& levels, int rate) {
    Frames out;
    out.hop = levels.hop;
    const auto count = [&](double seconds) {
        return static_cast<std::size_t>(seconds * rate / static_cast<double>(levels.hop));
    };
    out.closure = count(longest_closure);
    out.tail = count(longest_tail);
    const double audible = std::max(above_quiet * levels.quiet, below_loud * levels.loud);
    for (const double power : levels.power) out.audible.push_back(power > audible);
    out.loud.resize(levels.power.size());
    if (!levels.stands_out()) return out;
    std::size_t run = 0;
    for (std::size_t i = 0; i <= levels.power.size(); ++i) {
        if (i < levels.power.size() && levels.power[i] >= levels.foreground) {
            ++run;
            continue;
        }
        if (run >= count(shortest_speech))
            std::fill_n(out.loud.begin() + static_cast<std::ptrdiff_t>(i - run), run, true);
        run = 0;
    }
    return out;
}

// How many frames lie between the edge of speech and where it really ends; frame(n) is the n-th beyond it. A
// network of 32 ms windows is late for a first syllable and a stop: what is loud near by belongs to the word,
// and so does what fades out of it.
template <class Frame>
std::size_t reach(std::size_t available, const Frames& frames, const Frame& frame) {
    std::size_t edge = 0;
    for (std::size_t n = 0; n < std::min(available, edge + frames.closure); ++n)
        if (frames.loud[frame(n)]) edge = n + 1;
    const std::size_t limit = std::min(available, edge + frames.tail);
    while (edge < limit && frames.audible[frame(edge)]) ++edge;
    return edge;
}

void grow(SampleRange& range, const Frames& frames, std::size_t samples) {
    const std::size_t count = frames.loud.size();
    const std::size_t first = std::min(range.first / frames.hop, count),
                      last = std::min((range.past_last + frames.hop - 1) / frames.hop, count);
    const std::size_t before = reach(first, frames, [&](std::size_t n) { return first - 1 - n; });
    const std::size_t behind = reach(count - last, frames, [&](std::size_t n) { return last + n; });
    if (before > 0) range.first = (first - before) * frames.hop;
    if (behind > 0) range.past_last = std::min(samples, (last + behind + 1) * frames.hop);
}

// From the first loud frame to the last; nothing when none is.
std::optional<SampleRange> loud_part(const Frames& frames, std::size_t samples) {
    const auto first = std::find(frames.loud.begin(), frames.loud.end(), true);
    if (first == frames.loud.end()) return std::nullopt;
    const auto last = std::find(frames.loud.rbegin(), frames.loud.rend(), true);
    return SampleRange{
        static_cast<std::size_t>(first - frames.loud.begin()) * frames.hop,
        std::min(samples, (static_cast<std::size_t>(frames.loud.rend() - last) + 1) * frames.hop)};
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

    const Frames frames = frames_of(levels, clip.rate);
    std::optional<SampleRange> range;
    if (spans.empty()) {
        range = loud_part(frames, samples);
    } else {
        const auto sample_at = [&](double seconds) {
            return std::min(samples, static_cast<std::size_t>(std::llround(seconds * clip.rate)));
        };
        range = {sample_at(spans.front().start), sample_at(spans.back().end)};
    }
    if (!range || range->first >= range->past_last) return std::nullopt;
    grow(*range, frames, samples);
    const auto kept = [&](double seconds) {
        return static_cast<std::size_t>(std::llround(std::max(0.0, seconds) * clip.rate));
    };
    range->first -= std::min(range->first, kept(options.front));
    range->past_last += std::min(samples - range->past_last, kept(options.back));
    return range;
}

}  // namespace testudo::dataset
