#pragma once
// Words as the "Whitespace" pre-tokenizer of the Python package tokenizers cuts them: runs of word
// characters, and runs of whatever else is not white space.
#include <string_view>
#include <vector>

namespace testudo::text {

std::vector<std::u32string_view> split_words(std::u32string_view text);

}  // namespace testudo::text
