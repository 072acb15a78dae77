#include "asr/timing.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "asr/utf8.h"

namespace testudo::asr {

namespace {

constexpr std::string_view opening = "\"'“¿([{-";
constexpr std::string_view closing = "\"'.。,，!！?？:：”)]}、";
constexpr std::string_view sentence_ends = ".。!！?？";

bool holds(std::string_view set, std::string_view text) { return set.find(text) != std::string_view::npos; }
double hundredths(double seconds) { return std::round(seconds * 100) / 100; }

}  // namespace

WarpingPath warp(const at::Tensor& cost) {
    const at::Tensor x = cost.to(at::kCPU, at::kDouble).contiguous();
    const auto texts = static_cast<std::size_t>(x.size(0)), times = static_cast<std::size_t>(x.size(1));
    const double* value = x.const_data_ptr<double>();
    constexpr float infinite = std::numeric_limits<float>::infinity();
    enum Step : char { both, up, left };
    std::vector<Step> steps((texts + 1) * (times + 1));
    // Column by column: only the last column's sums are needed.
    std::vector<float> before(texts + 1, infinite), now(texts + 1, infinite);
    before[0] = 0;
    for (std::size_t j = 1; j <= times; ++j) {
        now[0] = infinite;
        for (std::size_t i = 1; i <= texts; ++i) {
            const float c0 = before[i - 1], c1 = now[i - 1], c2 = before[i];
            const Step step = c0 < c1 && c0 < c2 ? both : c1 < c0 && c1 < c2 ? up : left;
            const float least = step == both ? c0 : step == up ? c1 : c2;
            now[i] = static_cast<float>(value[(i - 1) * times + j - 1] + static_cast<double>(least));
            steps[i * (times + 1) + j] = step;
        }
        std::swap(before, now);
    }
    WarpingPath path;
    for (std::size_t i = texts, j = times; i > 0 || j > 0;) {
        path.text.push_back(static_cast<std::int64_t>(i) - 1);
        path.time.push_back(static_cast<std::int64_t>(j) - 1);
        const Step step = i == 0 ? left : j == 0 ? up : steps[i * (times + 1) + j];
        if (step != left) --i;
        if (step != up) --j;
    }
    std::reverse(path.text.begin(), path.text.end());
    std::reverse(path.time.begin(), path.time.end());
    return path;
}

at::Tensor median_filter(const at::Tensor& x, int width) {
    const std::int64_t pad = width / 2, length = x.size(-1);
    if (length <= pad) return x;
    const at::Tensor first = x.narrow(-1, 1, pad).flip({-1}),
                     last = x.narrow(-1, length - 1 - pad, pad).flip({-1});
    return std::get<0>(at::median(at::cat({first, x, last}, -1).unfold(-1, width, 1), -1));
}

void merge_punctuation(std::vector<WordTiming>& words) {
    const auto join = [](WordTiming& into, WordTiming& from, bool before) {
        into.word = before ? from.word + into.word : into.word + from.word;
        into.tokens.insert(before ? into.tokens.begin() : into.tokens.end(), from.tokens.begin(),
                           from.tokens.end());
        from.word.clear();
        from.tokens.clear();
    };
    if (words.size() < 2) return;
    for (std::size_t i = words.size() - 1, following = words.size() - 1; i-- > 0;) {
        WordTiming& word = words[i];
        if (word.word.starts_with(' ') && holds(opening, strip(word.word)))
            join(words[following], word, true);
        else
            following = i;
    }
    for (std::size_t i = 1, previous = 0; i < words.size(); ++i) {
        WordTiming& word = words[i];
        if (!words[previous].word.ends_with(' ') && holds(closing, word.word))
            join(words[previous], word, false);
        else
            previous = i;
    }
}

std::vector<WordTiming> align_words(const nets::Whisper& model, const WhisperTokenizer& tokenizer,
                                    const AlignmentHeads& heads, const nets::Whisper::Audio& audio,
                                    std::int64_t frames, const Tokens& text_tokens, std::string_view language,
                                    bool translate) {
    if (text_tokens.empty() || frames < 2) return {};
    c10::InferenceMode inference;
    Tokens tokens = tokenizer.sot_sequence(language, translate);
    const auto prefix = static_cast<std::int64_t>(tokens.size());
    tokens.push_back(tokenizer.no_timestamps);
    tokens.insert(tokens.end(), text_tokens.begin(), text_tokens.end());
    tokens.push_back(tokenizer.eot);
    const auto count = static_cast<std::int64_t>(tokens.size());
    const auto texts = static_cast<std::int64_t>(text_tokens.size());
    if (count > model.config().text_context) return {};

    nets::Whisper::Cache cache = model.new_cache(1, count);
    std::vector<at::Tensor> scores;
    const at::Tensor states =
        model.decode(at::tensor(tokens, at::kLong).view({1, -1}), audio, cache, &scores);
    const at::Tensor probabilities =
        at::softmax(model.logits(states[0].narrow(0, prefix, texts)).narrow(1, 0, tokenizer.eot), 1)
            .gather(1, at::tensor(text_tokens, at::kLong).to(model.device()).view({-1, 1}))
            .to(at::kCPU)
            .contiguous();

    std::vector<at::Tensor> chosen;
    for (const auto& [layer, head] : heads)
        chosen.push_back(scores[static_cast<std::size_t>(layer)][0][head].narrow(1, 0, frames / 2));
    at::Tensor weights = at::softmax(at::stack(chosen), -1);
    const auto [deviation, mean] =
        at::std_mean(weights, at::OptionalIntArrayRef({1}), /*correction=*/0, true);
    weights = median_filter((weights - mean) / deviation, 7).mean(0);
    const WarpingPath path = warp(-weights.narrow(0, prefix, count - prefix - 1));

    Tokens with_end = text_tokens;
    with_end.push_back(tokenizer.eot);
    const WhisperTokenizer::SplitWords split = tokenizer.split_words(with_end, language);
    if (split.words.size() <= 1) return {};
    std::vector<double> jump;  // when each token begins, seconds
    for (std::size_t i = 0; i < path.text.size(); ++i)
        if (i == 0 || path.text[i] != path.text[i - 1])
            jump.push_back(static_cast<double>(path.time[i]) / 50);
    std::vector<WordTiming> words;
    std::size_t at = 0;
    const float* probability = probabilities.const_data_ptr<float>();
    for (std::size_t w = 0; w + 1 < split.words.size(); ++w) {
        const std::size_t next = at + split.tokens[w].size();
        double sum = 0;
        for (std::size_t i = at; i < next; ++i) sum += static_cast<double>(probability[i]);
        words.push_back(
            {split.words[w], split.tokens[w], jump[at], jump[next], sum / static_cast<double>(next - at)});
        at = next;
    }
    return words;
}

void add_words(std::vector<Segment>& segments, std::vector<WordTiming> words, std::int64_t eot,
               double window_start, double last_speech) {
    std::vector<double> durations;
    for (const WordTiming& word : words)
        if (word.end != word.start) durations.push_back(word.end - word.start);
    double median = 0;
    if (!durations.empty()) {
        std::sort(durations.begin(), durations.end());
        const std::size_t half = durations.size() / 2;
        median = durations.size() % 2 ? durations[half] : (durations[half - 1] + durations[half]) / 2;
    }
    median = std::min(0.7, median);
    const double longest = 2 * median;
    // A pause is heard as part of the mark at a sentence's end, or of the word after it.
    if (!durations.empty())
        for (std::size_t i = 1; i < words.size(); ++i)
            if (words[i].end - words[i].start > longest) {
                if (holds(sentence_ends, words[i].word))
                    words[i].end = words[i].start + longest;
                else if (holds(sentence_ends, words[i - 1].word))
                    words[i].start = words[i].end - longest;
            }
    merge_punctuation(words);

    std::size_t next = 0;
    for (Segment& segment : segments) {
        std::size_t wanted = 0, used = 0;
        for (const std::int64_t token : *segment.tokens) wanted += token < eot;
        std::vector<Word> own;
        for (; next < words.size() && used < wanted; ++next) {
            const WordTiming& word = words[next];
            if (!word.word.empty())
                own.push_back({hundredths(window_start + word.start), hundredths(window_start + word.end),
                               word.word, word.probability, Json::object()});
            used += word.tokens.size();
        }
        if (!own.empty()) {
            Word &first = own.front(), &last = own.back();
            // The first words after a pause are no longer than twice the median.
            if (first.end - last_speech > 4 * median &&
                (first.end - first.start > longest ||
                 (own.size() > 1 && own[1].end - first.start > 2 * longest))) {
                if (own.size() > 1 && own[1].end - own[1].start > longest)
                    first.end = own[1].start = std::max(own[1].end / 2, own[1].end - longest);
                first.start = std::max(0.0, first.end - longest);
            }
            // A segment's own times win where the outer words are too long.
            if (segment.start < first.end && segment.start - 0.5 > first.start)
                first.start = std::max(0.0, std::min(first.end - median, segment.start));
            else
                segment.start = first.start;
            if (segment.end > last.start && segment.end + 0.5 < last.end)
                last.end = std::max(last.start + median, segment.end);
            else
                segment.end = last.end;
            last_speech = segment.end;
        }
        segment.words = std::move(own);
    }
}

}  // namespace testudo::asr
