#pragma once
// One decoding of audio windows at one temperature: greedy, by draws, or by beam search, many windows at
// once.
#include <cstdint>
#include <string>
#include <vector>

#include "asr/rules.h"
#include "asr/tokenizer.h"
#include "nets/whisper.h"

namespace testudo::asr {

struct WindowPrompt {
    Tokens tokens;              // [sot_prev, context ...]? sot sequence
    std::size_t sot_index = 0;  // where sot stands in them
    std::uint64_t seed = 0;     // of this window's draws
};

struct Decoded {
    Tokens tokens;  // with timestamps, without eot
    std::string text;
    double temperature = 0;
    Quality quality;
    std::vector<float> languages;  // probability of each language right after sot, in the tokenizer's order
};

struct DecodingOptions {
    double temperature = 0;
    int group = 1;      // draws per window (temperature above 0) or beams
    bool beam = false;  // beam search; only at temperature 0
    double patience = 1;
    std::optional<double> length_penalty;
};

// `audio` holds one window per prompt.
std::vector<Decoded> decode_windows(const nets::Whisper& model, const WhisperTokenizer& tokenizer,
                                    const LogitRules& rules, const nets::Whisper::Audio& audio,
                                    const std::vector<WindowPrompt>& prompts, const DecodingOptions& options);

// The newest context that a prompt may hold, and what every window begins with.
WindowPrompt make_prompt(const WhisperTokenizer& tokenizer, int text_context,
                         std::span<const std::int64_t> context, std::string_view language, bool translate);

}  // namespace testudo::asr
