#pragma once
// From scores of speech to chunks that Whisper hears one by one, as whisperX cuts them (Bain et al. 2023):
// hysteresis, a cut at the quietest place of what is too long, and joining of neighbours.
#include <limits>
#include <span>
#include <vector>

#include "asr/voice_activity.h"

namespace testudo::asr {

// Scores of frames at even distances, seconds.
struct FrameTimes {
    double start = 0, duration = 0, step = 0;
    double middle(std::size_t frame) const {
        const double begin = start + static_cast<double>(frame) * step;
        return 0.5 * (begin + (begin + duration));
    }
};

struct Hysteresis {
    double onset = 0.5, offset = 0.363;  // speech begins above one and ends below the other
    // Longer speech is cut at the lowest score of its second half; s.
    double max_duration = std::numeric_limits<double>::infinity();
};

std::vector<Span> binarize(std::span<const float> scores, const FrameTimes& times,
                           const Hysteresis& how = {});

struct Chunk {
    double start = 0, end = 0;
    std::vector<Span> speech;
};

// Neighbours are joined while the whole lasts at most `chunk_size` seconds; what alone is longer stays whole.
std::vector<Chunk> merge_chunks(std::span<const Span> speech, double chunk_size);

}  // namespace testudo::asr
