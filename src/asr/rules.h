#pragma once
// Whisper's decoding rules (openai/whisper decoding.py, transcribe.py): which tokens may follow, when a
// result is tried again at a higher temperature, when a window is silence.
#include <ATen/ATen.h>

#include <span>
#include <string_view>

#include "asr/tokenizer.h"
#include "asr/transcriber.h"

namespace testudo::asr {

// The token tables of one vocabulary.
struct LogitRules {
    Tokens suppressed;  // never
    Tokens blank;       // not as the first token
    std::int64_t eot = 0, no_timestamps = 0, timestamp_begin = 0;
    std::int64_t first_timestamps = 50;  // the first timestamp is at most 1.00 s
    bool timestamps = true;              // false: windows that are prompted with no_timestamps have none
};
LogitRules logit_rules(const WhisperTokenizer& tokenizer);

// Sets what may not follow `sampled` (tokens after the prompt) to -inf. `logits`: float32 on the CPU,
// contiguous, [vocabulary].
void apply_rules(const LogitRules& rules, std::span<const std::int64_t> sampled, at::Tensor& logits);

// Bytes of UTF-8 / bytes of zlib at its default level; 0 for an empty text.
double compression_ratio(std::string_view text);

struct Quality {
    double compression_ratio = 0, avg_logprob = 0, no_speech_prob = 0;
};
bool needs_fallback(const Quality& quality, const TranscribeOptions& options);
bool is_silence(const Quality& quality, const TranscribeOptions& options);

}  // namespace testudo::asr
