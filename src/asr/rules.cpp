#include "asr/rules.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "nets/vector_math.h"

namespace testudo::asr {

LogitRules logit_rules(const WhisperTokenizer& tokenizer) {
    LogitRules rules;
    rules.suppressed = tokenizer.suppressed_tokens();
    rules.blank = tokenizer.blank_tokens();
    rules.blank.push_back(tokenizer.eot);
    rules.eot = tokenizer.eot;
    rules.no_timestamps = tokenizer.no_timestamps;
    rules.timestamp_begin = tokenizer.timestamp_begin;
    return rules;
}

void apply_rules(const LogitRules& rules, std::span<const std::int64_t> sampled, at::Tensor& logits) {
    constexpr float never = -std::numeric_limits<float>::infinity();
    const std::int64_t vocabulary = logits.numel(), first_time = rules.timestamp_begin;
    float* values = logits.data_ptr<float>();
    const auto forbid = [&](std::int64_t from, std::int64_t to) {
        if (from < to) std::fill(values + from, values + std::min(to, vocabulary), never);
    };

    if (sampled.empty())
        for (const std::int64_t token : rules.blank) values[token] = never;
    for (const std::int64_t token : rules.suppressed) values[token] = never;
    values[rules.no_timestamps] = never;
    if (!rules.timestamps) return forbid(first_time, vocabulary);

    const bool last_is_time = !sampled.empty() && sampled.back() >= first_time;
    const bool pair = sampled.size() < 2 || sampled[sampled.size() - 2] >= first_time;
    if (last_is_time) {
        if (pair)
            forbid(first_time, vocabulary);
        else
            forbid(0, rules.eot);
    }
    // Time never goes back, and stands still only to close one segment and open the next.
    for (std::size_t i = sampled.size(); i-- > 0;)
        if (sampled[i] >= first_time) {
            forbid(first_time, last_is_time && !pair ? sampled[i] : sampled[i] + 1);
            break;
        }
    if (sampled.empty()) {
        forbid(0, first_time);
        forbid(first_time + rules.first_timestamps + 1, vocabulary);
    }

    // All timestamps together against the best text token, where both are possible.
    if (sampled.empty() || (last_is_time && pair)) return;
    const std::span<const float> all(values, static_cast<std::size_t>(vocabulary));
    const auto texts = static_cast<std::size_t>(first_time);
    if (nets::log_sum_exp(all.subspan(texts)) > nets::largest(all.first(texts))) forbid(0, first_time);
}

double compression_ratio(std::string_view text) {
    uLongf size = compressBound(text.size());
    std::vector<Bytef> packed(size);
    compress2(packed.data(), &size, reinterpret_cast<const Bytef*>(text.data()), text.size(),
              Z_DEFAULT_COMPRESSION);
    return static_cast<double>(text.size()) / static_cast<double>(size);
}

bool needs_fallback(const Quality& quality, const TranscribeOptions& options) {
    const bool improbable = options.logprob_threshold && quality.avg_logprob < *options.logprob_threshold;
    const bool repetitive = options.compression_ratio_threshold &&
                            quality.compression_ratio > *options.compression_ratio_threshold;
    const bool quiet = options.no_speech_threshold && quality.no_speech_prob > *options.no_speech_threshold;
    return (repetitive || improbable) && !(quiet && improbable);
}

bool is_silence(const Quality& quality, const TranscribeOptions& options) {
    if (!options.no_speech_threshold || quality.no_speech_prob <= *options.no_speech_threshold) return false;
    return !(options.logprob_threshold && quality.avg_logprob > *options.logprob_threshold);
}

}  // namespace testudo::asr
