#pragma once
// When each character and word of a known text was said, by the scores of a CTC acoustic model (Kürzinger et
// al. 2020, in the form of torchaudio's tutorial that whisperX 3.8 follows).
#include <ATen/ATen.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace testudo::asr {

// What the columns of the scores stand for.
struct CtcLabels {
    std::unordered_map<char32_t, std::int64_t> columns;  // lower case; '|' stands between words
    std::int64_t blank = 0;
};

// Log-probabilities [frames, labels] -> [frames + 1, tokens + 1]: the best score of having said so many
// tokens after so many frames. Float32.
at::Tensor ctc_trellis(const at::Tensor& emission, std::span<const std::int64_t> tokens, std::int64_t blank);

struct CtcPoint {
    std::size_t token = 0;
    std::int64_t frame = 0;
    double score = 0;  // probability
};
// The best path, from the frame where the whole text scores best back to its beginning; empty when there is
// none.
std::vector<CtcPoint> ctc_backtrack(const at::Tensor& trellis, const at::Tensor& emission,
                                    std::span<const std::int64_t> tokens, std::int64_t blank);

struct CtcRun {
    std::size_t token = 0;                  // its place in the text
    std::int64_t first = 0, past_last = 0;  // frames
    double score = 0;
};
std::vector<CtcRun> merge_repeats(std::span<const CtcPoint> path);  // one for each token
// Joined between `separators` (places of tokens that stand between words), which are left out.
std::vector<CtcRun> merge_words(std::span<const CtcRun> runs,
                                const std::function<bool(std::size_t)>& separates);

struct SpokenSegment {
    double start = 0, end = 0;  // seconds
    std::string text;
    std::optional<double> avg_logprob;
};

struct AlignedCharacter {
    std::string text;
    std::optional<double> start, end, score;  // seconds, with three decimals; none: not aligned
};
struct AlignedWord {
    std::string text;  // without spaces around it
    std::optional<double> start, end, score;
};
struct AlignedSentence {
    double start = 0, end = 0;
    std::string text;
    std::vector<AlignedWord> words;  // empty: it could not be aligned and keeps the segment's times
    std::vector<AlignedCharacter> characters;
    std::optional<double> avg_logprob;
};

// Error(input) when labels name columns that a model of so many outputs does not have.
void check_labels(const CtcLabels& labels, std::int64_t columns);

// Scores before softmax [frames, labels] of samples [first, past_last) at 16 kHz.
using Emit = std::function<at::Tensor(std::int64_t first, std::int64_t past_last)>;

// Sentences in order. `duration` of the recording, s; segments that begin after it, that hold no character,
// or that have too few frames for their text keep their times. Characters without a label match whatever is
// said best. Languages without spaces (ja, zh) have one word a character.
std::vector<AlignedSentence> align_text(std::span<const SpokenSegment> segments, const CtcLabels& labels,
                                        const std::string& language, double duration, const Emit& emit);

}  // namespace testudo::asr
