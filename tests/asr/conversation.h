#pragma once
// Conversations glued together from the reference clips, and how far a diarisation is from who really speaks.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "asr/diarisation.h"
#include "models.h"

namespace testudo::test {

struct Turn {
    std::string speaker, clip;
    double from = 0, seconds = 0;  // in the clip; what it lacks is left out
    double pause = 0;              // before it
};

struct Conversation {
    audio::Clip clip{{}, 16000};
    std::vector<asr::SpeakerSpan> turns;
};

inline Conversation converse(const std::vector<Turn>& turns) {
    Conversation out;
    std::map<std::string, audio::Clip> clips;
    for (const Turn& turn : turns) {
        auto [clip, added] = clips.try_emplace(turn.clip);
        if (added) clip->second = golden_clip(turn.clip);
        const auto& samples = clip->second.samples;
        const auto at = [&](double seconds) {
            return samples.begin() + static_cast<std::ptrdiff_t>(
                                         std::min(static_cast<std::size_t>(seconds * 16000), samples.size()));
        };
        auto& all = out.clip.samples;
        all.resize(all.size() + static_cast<std::size_t>(turn.pause * 16000), 0.0F);
        const double start = out.clip.seconds();
        all.insert(all.end(), at(turn.from), at(turn.from + turn.seconds));
        out.turns.push_back({start, out.clip.seconds(), turn.speaker});
    }
    return out;
}

inline std::vector<std::string> names_of(const std::vector<asr::SpeakerSpan>& spans) {
    std::vector<std::string> names;
    for (const auto& span : spans) names.push_back(span.speaker);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

// Time missed, invented or given to another, by the time spoken, without a tolerance at the turns' ends; the
// pauses within a turn count as speech.
inline double error_rate(const std::vector<asr::SpeakerSpan>& real,
                         const std::vector<asr::SpeakerSpan>& found, double seconds) {
    const auto frames = static_cast<std::size_t>(seconds * 100) + 1;
    const auto paint = [&](const std::vector<asr::SpeakerSpan>& spans) {
        const auto names = names_of(spans);
        std::vector<int> who(frames, -1);
        for (const auto& span : spans)
            for (auto i = static_cast<std::size_t>(span.start * 100);
                 i < std::min(frames, static_cast<std::size_t>(span.end * 100)); ++i)
                who[i] =
                    static_cast<int>(std::find(names.begin(), names.end(), span.speaker) - names.begin());
        return who;
    };
    const std::vector<int> truth = paint(real), ours = paint(found);
    // Which of ours is which of the real ones: the best of all ways.
    std::vector<int> mapping(std::max(names_of(real).size(), names_of(found).size()));
    std::iota(mapping.begin(), mapping.end(), 0);
    std::size_t best = frames, spoken = 0;
    for (const int who : truth) spoken += who >= 0;
    do {
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < frames; ++i)
            wrong += truth[i] != (ours[i] < 0 ? -1 : mapping[static_cast<std::size_t>(ours[i])]);
        best = std::min(best, wrong);
    } while (std::next_permutation(mapping.begin(), mapping.end()));
    return static_cast<double>(best) / static_cast<double>(spoken);
}

}  // namespace testudo::test
