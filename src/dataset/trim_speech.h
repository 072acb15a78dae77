#pragma once
// Trims a slice to its speech at both ends, by a network that knows speech (asr/voice_activity.h).
#include <cstddef>
#include <optional>

#include "asr/voice_activity.h"
#include "audio/clip.h"

namespace testudo::dataset {

struct SampleRange {
    std::size_t first = 0, past_last = 0;
    bool operator==(const SampleRange&) const = default;
};

struct SpeechTrim {
    double front = 0.05, back = 0.1;  // s kept before and after speech
    double threshold = 0.5;           // of the network's probability
};

// What to keep of the clip, in its own samples: from `front` before the first speech to `back` after the
// last. What is loud within 0.3 s of that counts as speech, too, and so do the soft beginnings and ends of
// both: the network is late for a first syllable before a stop ("activated"). Where the network finds nothing
// (very short words), what stands out of the clip by its energy counts as speech; nothing when nothing stands
// out: leave such a slice as it is. Never an empty range.
std::optional<SampleRange> trim_to_speech(const audio::Clip& clip, const asr::VoiceActivity& voice,
                                          const SpeechTrim& options = {});

}  // namespace testudo::dataset
