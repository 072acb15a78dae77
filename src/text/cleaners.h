#pragma once
// Text as the models of TorToiSe know it: ASCII, lower case, numbers and abbreviations spoken out. The rules,
// with their oddities, are those of tortoise-tts (utils/tokenizer.py, after keithito/tacotron's cleaners).
#include <string>
#include <string_view>

namespace testudo::text {

// unidecode, lower case, numbers to words, abbreviations, white space collapsed, `"` dropped. Throws
// Error(input) for an amount that cannot be read out (such as "$,5").
std::string english_cleaners(std::string_view text);

// Lower case and white space collapsed, nothing else.
std::string basic_cleaners(std::string_view text);

// Runs of white space become one space each.
std::string collapse_spaces(std::string_view text);

// What the Python trainer adds after english_cleaners: `{[` -> `(`, `}]` -> `)`, backtick and U+02BC -> `'`,
// an em dash -> `-`; text that is only one of @#%_=$^&*+\ becomes empty.
std::string plain_punctuation(std::string_view text);

}  // namespace testudo::text
