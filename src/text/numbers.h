#pragma once
// Numbers in words, as the Python package inflect says them.
#include <cstdint>
#include <string>
#include <string_view>

namespace testudo::text {

// All numbers of a lower-case ASCII text spoken out, in the order and with the oddities of the reference:
// commas in numbers go, dollars, decimals, ordinals, then the rest; 1000 < n < 3000 is read like a
// year. Throws Error(input) for an amount that cannot be read ("$,5").
std::string speak_numbers(std::string_view text);

// "1234567" -> "one million, two hundred thirty-four thousand, five hundred sixty-seven" (no "and").
std::string number_words(std::string_view digits);

}  // namespace testudo::text
