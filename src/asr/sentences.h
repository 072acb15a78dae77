#pragma once
// Where sentences begin and end: the rules of Punkt (Kiss and Strunk 2006, as NLTK applies them) without a
// trained list of abbreviations.
#include <string_view>
#include <utility>
#include <vector>

namespace testudo::asr {

// Half-open spans of code points. The first begins at 0, the last ends before trailing white space; closing
// quotes and brackets belong to the sentence before them.
std::vector<std::pair<std::size_t, std::size_t>> sentence_spans(std::u32string_view text);

}  // namespace testudo::asr
