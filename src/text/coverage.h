#pragma once
// How well a vocabulary suits the texts of a dataset: what it cannot write, where that stands, what to do.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "text/tokenizer.h"
#include "text/tokenizer_train.h"

namespace testudo::text {

// A character that training cannot use, UTF-8.
struct CoverageGap {
    std::string character, name;  // name: Unicode's
    std::int64_t count = 0;
    int lines = 0;
    std::vector<std::string> examples;  // up to 3, "train.txt:7: the text"
    std::string suggestion;
};

// A line that training leaves out for another reason.
struct CoverageProblem {
    std::string where, reason;
};

struct Coverage {
    int lines = 0, lines_with_unknown = 0;
    std::int64_t characters = 0, tokens = 0;  // of the cleaned texts; [SPACE] is a token too
    double seconds = 0;                       // of the clips whose length is known
    std::int64_t tokens_of_seconds = 0;       // tokens of those
    int longest = 0;                          // tokens of the longest line
    std::string longest_where;
    int tokens_used = 0, tokens_in_all = 0;  // of the vocabulary
    std::vector<CoverageGap> unknown;        // the line is left out; the most frequent first
    std::vector<CoverageGap> dropped;        // cleaning leaves the character out, the line is used
    std::vector<CoverageGap> rewritten;      // letters that English cleaning reads as others, no examples
    std::vector<CoverageProblem> problems;
};

// `most_tokens`: a longer line is a problem.
Coverage measure_coverage(const Tokenizer& tokenizer, std::span<const PlacedText> texts, int most_tokens);

Json to_json(const Coverage& coverage);
// One sentence for each gap and problem, one for all rewritten letters (at most `most` of each kind, then how
// many more), for warnings.
std::vector<std::string> sentences(const Coverage& coverage, std::size_t most = 10);

}  // namespace testudo::text
