#pragma once
// Samples while training: at each save the same sentences are spoken with the weights as they are, in the
// voice of the same clip and from the same seed, so that only the training tells them apart. How a sentence
// is spoken is the caller's (studio/speak_samples.h).
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "audio/clip.h"
#include "core/events.h"
#include "training/run_paths.h"

namespace testudo::dataset {
class Features;
}
namespace testudo::nets {
class UnifiedVoice;
}

namespace testudo::training {

constexpr std::size_t most_sentences = 8;
constexpr std::size_t longest_sentence = 200;  // characters, as of a training line

// Error(usage) for more or longer sentences, or one without a word.
void check_sentences(const std::vector<std::string>& sentences);

struct SpokenSentence {
    audio::Clip clip;
    std::int64_t codes = 0;
    bool stopped = false;  // false: cut at the limit of codes
};
using Speak = std::function<SpokenSentence(const std::string& text)>;
struct SpeakingVoice {
    const nets::UnifiedVoice& model;
    fs::path checkpoint;  // the model as it was just saved: adapters are merged in it
    fs::path tokenizer;   // empty: the built-in one
    fs::path dvae, clip;
    std::uint64_t seed = 0;
};
// What it loads lives as long as the result: through one save. Both may throw anything.
using MakeSpeak = std::function<Speak(const SpeakingVoice&)>;

// The clip that all samples of a run take the voice from: the longest one, of equals the first.
fs::path conditioning_clip(const dataset::Features& lines, const fs::path& list);

// Writes samples/<iteration>_<n>.wav, each with an event artifact {kind: "sample", path, text, it, number,
// codes, stopped, seconds} and progress of stage "speak". A sentence that cannot be spoken or written is a
// warning. Returns early when a stop is requested.
void write_samples(const RunPaths& paths, const std::vector<std::string>& sentences,
                   const SpeakingVoice& voice, const MakeSpeak& make_speak, std::int64_t iteration,
                   Events& events);
void delete_samples(const RunPaths& paths, std::int64_t iteration);

}  // namespace testudo::training
