#pragma once
// How Testudo cleans a line for the vocabulary at hand, in training and generation alike. The originals clean
// every language as if it were English in one place and hardly at all in another.
#include <functional>
#include <string>
#include <string_view>

namespace testudo::text {

enum class Cleaning {
    english,  // english_cleaners: what the released models were trained with
    basic,    // other languages: composed (NFC), without invisible characters, lower case, spaces collapsed
    none,     // phonemes: invisible characters and superfluous spaces go, nothing else
};

const char* name_of(Cleaning cleaning);

// "en" is English; every other code is basic.
Cleaning cleaning_of_language(const std::string& language);

std::string clean(std::string_view text, Cleaning cleaning);

// Punctuation that a vocabulary lacks, as it has it: “ and « and ¿ are left out, — becomes -, … becomes ...,
// by the ASCII reading where the vocabulary knows all of that. What it cannot write stays, to be reported.
std::string fit_punctuation(std::string_view cleaned, const std::function<bool(char32_t)>& known);

}  // namespace testudo::text
