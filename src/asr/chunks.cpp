#include "asr/chunks.h"

#include <algorithm>

namespace testudo::asr {

std::vector<Span> binarize(std::span<const float> scores, const FrameTimes& times, const Hysteresis& how) {
    constexpr double shortest = 1e-6;  // s; pyannote's own limit of an empty segment
    std::vector<Span> speech;
    if (scores.empty()) return speech;
    const auto add = [&](double start, double end) {
        if (end - start > shortest) speech.push_back({start, end});
    };
    double start = times.middle(0), now = start;
    bool active = static_cast<double>(scores[0]) > how.onset;
    std::vector<std::size_t> seen = {0};  // frames since speech began, or since it was cut
    for (std::size_t i = 1; i < scores.size(); ++i) {
        now = times.middle(i);
        const auto score = static_cast<double>(scores[i]);
        if (active) {
            if (now - start > how.max_duration) {
                const auto half = seen.begin() + static_cast<std::ptrdiff_t>(seen.size() / 2);
                const auto lowest =
                    std::min_element(half, seen.end(), [&](auto a, auto b) { return scores[a] < scores[b]; });
                const double cut = times.middle(*lowest);
                add(start, cut);
                start = cut;
                seen.erase(seen.begin(), lowest + 1);
            } else if (score < how.offset) {
                add(start, now);
                start = now;
                active = false;
                seen.clear();
            }
            seen.push_back(i);
        } else if (score > how.onset) {
            start = now;
            active = true;
        }
    }
    if (active) add(start, now);
    std::stable_sort(speech.begin(), speech.end(),
                     [](const Span& a, const Span& b) { return a.start < b.start; });
    return speech;
}

std::vector<Chunk> merge_chunks(std::span<const Span> speech, double chunk_size) {
    std::vector<Chunk> chunks;
    if (speech.empty()) return chunks;
    Chunk open{speech.front().start, 0, {}};
    for (const Span& span : speech) {
        if (span.end - open.start > chunk_size && open.end - open.start > 0) {
            chunks.push_back(std::move(open));
            open = {span.start, 0, {}};
        }
        open.end = span.end;
        open.speech.push_back(span);
    }
    chunks.push_back(std::move(open));
    return chunks;
}

}  // namespace testudo::asr
