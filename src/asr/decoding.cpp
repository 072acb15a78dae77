#include "asr/decoding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>

#include "asr/utf8.h"
#include "nets/vector_math.h"

namespace testudo::asr {

namespace {

struct Row {
    Tokens sampled;
    float sum = 0;  // of log-probabilities; float32 as the original keeps it
    bool ended = false;
};

struct Candidate {
    Tokens tokens;
    float sum = 0;
};

// One window: its rows (draws or beams) and what was finished.
struct Window {
    std::size_t index = 0;
    std::size_t prompt = 0;  // length
    std::vector<Row> rows;
    std::vector<Candidate> finished;  // beam search only
    std::mt19937_64 random;
    bool done = false;
};

struct Next {
    std::int64_t token = 0;
    float logprob = 0;
};

std::span<const float> floats(const at::Tensor& logits) {
    return {logits.const_data_ptr<float>(), static_cast<std::size_t>(logits.numel())};
}

// The `count` likeliest tokens, best first.
std::vector<Next> most_likely(const at::Tensor& logits, std::size_t count) {
    const std::span<const float> values = floats(logits);
    std::vector<Next> best;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (best.size() == count && !(values[i] > best.back().logprob)) continue;
        if (best.size() < count) best.emplace_back();
        std::size_t at = best.size() - 1;
        for (; at > 0 && best[at - 1].logprob < values[i]; --at) best[at] = best[at - 1];
        best[at] = {static_cast<std::int64_t>(i), values[i]};
    }
    const float total = nets::log_sum_exp(values);
    for (Next& next : best) next.logprob -= total;
    return best;
}

Next draw(const at::Tensor& logits, double temperature, std::mt19937_64& random) {
    const at::Tensor weights = at::softmax(logits.to(at::kDouble) / temperature, 0);
    const auto* weight = weights.const_data_ptr<double>();
    double left = std::uniform_real_distribution<double>(0, 1)(random);
    std::int64_t token = -1;
    for (std::int64_t i = 0; i < weights.numel(); ++i) {
        if (weight[i] <= 0) continue;
        token = i;
        left -= weight[i];
        if (left < 0) break;
    }
    return {token, logits.const_data_ptr<float>()[token] - nets::log_sum_exp(floats(logits))};
}

// Logits of a row; before the first step all rows of a window share one.
at::Tensor logits_of(const at::Tensor& logits, std::size_t row) {
    return logits.select(0, std::min(static_cast<std::int64_t>(row), logits.size(0) - 1));
}

// Extends every row by a token. Returns true when all rows have ended.
bool step_rows(Window& window, at::Tensor logits, const LogitRules& rules, const DecodingOptions& options) {
    bool all = true;
    for (std::size_t r = 0; r < window.rows.size(); ++r) {
        Row& row = window.rows[r];
        if (row.ended) continue;
        at::Tensor values = logits_of(logits, r);
        apply_rules(rules, row.sampled, values);
        const Next next = options.temperature > 0 ? draw(values, options.temperature, window.random)
                                                  : most_likely(values, 1).front();
        row.sum += next.logprob;
        row.ended = next.token == rules.eot;
        if (!row.ended) row.sampled.push_back(next.token);
        all = all && row.ended;
    }
    return all;
}

// One step of beam search; `sources` receives which row each new row continues.
bool step_beams(Window& window, at::Tensor logits, const LogitRules& rules, std::size_t most_finished,
                std::vector<std::size_t>& sources) {
    struct Extension {
        std::size_t source;
        std::int64_t token;
        float sum;
    };
    const std::size_t beams = window.rows.size();
    std::vector<Extension> extensions;
    for (std::size_t r = 0; r < beams; ++r) {
        // In the beginning all rows are equal and count once.
        if (window.rows[0].sampled.empty() && r > 0) break;
        at::Tensor values = logits_of(logits, r);
        apply_rules(rules, window.rows[r].sampled, values);
        for (const Next& next : most_likely(values, beams + 1))
            extensions.push_back({r, next.token, window.rows[r].sum + next.logprob});
    }
    std::stable_sort(extensions.begin(), extensions.end(),
                     [](const auto& a, const auto& b) { return a.sum > b.sum; });
    std::vector<Row> rows;
    sources.clear();
    for (const Extension& extension : extensions) {
        const Row& source = window.rows[extension.source];
        if (extension.token == rules.eot) {
            if (window.finished.size() < most_finished)
                window.finished.push_back({source.sampled, extension.sum});
            continue;
        }
        Row row{source.sampled, extension.sum, false};
        row.sampled.push_back(extension.token);
        rows.push_back(std::move(row));
        sources.push_back(extension.source);
        if (rows.size() == beams) break;
    }
    window.rows = std::move(rows);
    return window.finished.size() >= most_finished;
}

const Candidate& best_of(const std::vector<Candidate>& candidates,
                         const std::optional<double>& length_penalty) {
    const auto score = [&](const Candidate& c) {
        const double length = static_cast<double>(c.tokens.size());
        return c.sum / (length_penalty ? std::pow((5 + length) / 6, *length_penalty) : std::max(length, 1.0));
    };
    return *std::max_element(candidates.begin(), candidates.end(),
                             [&](const auto& a, const auto& b) { return score(a) < score(b); });
}

Decoded finish(Window& window, const WhisperTokenizer& tokenizer, const DecodingOptions& options) {
    if (options.beam) {
        // Texts that never ended fill up what is missing, the most probable first.
        std::stable_sort(window.rows.begin(), window.rows.end(),
                         [](const Row& a, const Row& b) { return a.sum > b.sum; });
        const std::size_t wanted = static_cast<std::size_t>(options.group);
        for (std::size_t r = 0; r < window.rows.size() && window.finished.size() < wanted; ++r)
            window.finished.push_back({window.rows[r].sampled, window.rows[r].sum});
    } else {
        for (const Row& row : window.rows) window.finished.push_back({row.sampled, row.sum});
    }
    const Candidate& best = best_of(window.finished, options.length_penalty);
    Decoded decoded;
    decoded.tokens = best.tokens;
    decoded.text = strip(tokenizer.decode(decoded.tokens));
    decoded.temperature = options.temperature;
    decoded.quality.avg_logprob = best.sum / static_cast<double>(best.tokens.size() + 1);
    decoded.quality.compression_ratio = compression_ratio(decoded.text);
    return decoded;
}

}  // namespace

WindowPrompt make_prompt(const WhisperTokenizer& tokenizer, int text_context,
                         std::span<const std::int64_t> context, std::string_view language, bool translate) {
    WindowPrompt prompt;
    if (!context.empty()) {
        const auto most = static_cast<std::size_t>(text_context / 2 - 1);
        if (context.size() > most) context = context.subspan(context.size() - most);
        prompt.tokens.push_back(tokenizer.sot_prev);
        prompt.tokens.insert(prompt.tokens.end(), context.begin(), context.end());
    }
    prompt.sot_index = prompt.tokens.size();
    for (const std::int64_t token : tokenizer.sot_sequence(language, translate))
        prompt.tokens.push_back(token);
    return prompt;
}

std::vector<Decoded> decode_windows(const nets::Whisper& model, const WhisperTokenizer& tokenizer,
                                    const LogitRules& rules, const nets::Whisper::Audio& all_audio,
                                    const std::vector<WindowPrompt>& prompts,
                                    const DecodingOptions& options) {
    c10::InferenceMode inference;
    const auto group = static_cast<std::size_t>(options.group);
    const std::size_t context = static_cast<std::size_t>(model.config().text_context),
                      most_tokens = context / 2;
    const auto most_finished =
        static_cast<std::size_t>(std::max(1L, std::lround(options.group * options.patience)));

    std::vector<Decoded> results(prompts.size());
    std::vector<Window> windows(prompts.size());
    std::size_t longest = 0;
    for (const WindowPrompt& prompt : prompts) longest = std::max(longest, prompt.tokens.size());
    std::vector<std::int64_t> padding;
    at::Tensor tokens =
        at::full({static_cast<std::int64_t>(prompts.size()), static_cast<std::int64_t>(longest)},
                 tokenizer.eot, at::kLong);
    for (std::size_t w = 0; w < prompts.size(); ++w) {
        const Tokens& prompt = prompts[w].tokens;
        windows[w].index = w;
        windows[w].prompt = prompt.size();
        windows[w].rows.resize(group);
        windows[w].random.seed(prompts[w].seed);
        padding.push_back(static_cast<std::int64_t>(longest - prompt.size()));
        std::copy(prompt.begin(), prompt.end(),
                  tokens.data_ptr<std::int64_t>() + (w + 1) * longest - prompt.size());
    }

    // The prompt is fed once a window; its row becomes draws or beams afterwards.
    nets::Whisper::Audio audio = all_audio;
    nets::Whisper::Cache cache =
        model.new_cache(static_cast<std::int64_t>(prompts.size()),
                        static_cast<std::int64_t>(longest + most_tokens), padding, options.group);
    at::Tensor states = model.decode(tokens, audio, cache);
    at::Tensor at_sot =
        at::empty({static_cast<std::int64_t>(prompts.size()), states.size(2)}, states.options());
    for (std::size_t w = 0; w < prompts.size(); ++w)
        at_sot[static_cast<std::int64_t>(w)].copy_(states[static_cast<std::int64_t>(
            w)][padding[w] + static_cast<std::int64_t>(prompts[w].sot_index)]);
    at_sot = model.logits(at_sot).to(at::kCPU);
    const at::Tensor no_speech = at::softmax(at_sot, 1).select(1, tokenizer.no_speech).contiguous();
    const auto languages = static_cast<std::int64_t>(tokenizer.languages().size());
    const at::Tensor heard =
        at::softmax(at_sot.narrow(1, tokenizer.first_language, languages), 1).contiguous();

    states = states.select(1, static_cast<std::int64_t>(longest) - 1);
    cache.repeat(options.group);

    std::vector<std::size_t> sources;
    for (std::size_t step = 0; !windows.empty(); ++step) {
        const at::Tensor logits = model.logits(states.reshape({-1, states.size(-1)})).to(at::kCPU);
        const std::int64_t own_rows = step == 0 ? 1 : options.group;
        std::vector<std::int64_t> kept_rows, kept_windows, next;
        std::vector<Window> kept;
        for (std::size_t w = 0; w < windows.size(); ++w) {
            Window& window = windows[w];
            at::Tensor own = logits.narrow(0, static_cast<std::int64_t>(w) * own_rows, own_rows);
            bool done;
            if (options.beam) {
                done = step_beams(window, own, rules, most_finished, sources);
            } else {
                done = step_rows(window, own, rules, options);
                sources.resize(group);
                std::iota(sources.begin(), sources.end(), std::size_t{0});
            }
            if (done || step + 1 >= most_tokens || window.prompt + step + 1 > context) {
                Decoded& result = results[window.index] = finish(window, tokenizer, options);
                const auto row = static_cast<std::int64_t>(window.index);
                result.quality.no_speech_prob = no_speech[row].item<float>();
                const float* probability = heard[row].const_data_ptr<float>();
                result.languages.assign(probability, probability + languages);
                continue;
            }
            for (std::size_t r = 0; r < group; ++r) {
                kept_rows.push_back(static_cast<std::int64_t>(w * group + sources[r]));
                next.push_back(window.rows[r].ended ? tokenizer.eot : window.rows[r].sampled.back());
            }
            kept_windows.push_back(static_cast<std::int64_t>(w));
            kept.push_back(std::move(window));
        }
        if (kept.empty()) break;
        cache.reorder(kept_rows);
        if (kept.size() < windows.size())
            audio = audio.select(at::tensor(kept_windows, at::kLong).to(model.device()));
        windows = std::move(kept);
        states = model.decode(at::tensor(next, at::kLong).view({-1, 1}), audio, cache);
    }
    return results;
}

}  // namespace testudo::asr
