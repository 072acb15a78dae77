#pragma once
// Readings of characters that no decomposition gives: which ASCII a letter, sign or symbol is written as.
#include <span>

namespace testudo::text {

struct Reading {
    const char32_t* characters;  // all of these …
    const char* ascii;           // … read so
};

std::span<const Reading> latin_readings();  // letters of the Latin script and of phonetic notation
std::span<const Reading>
cased_readings();  // lower-case letters of other scripts; capitals read the same, capitalised
std::span<const Reading> caseless_readings();  // letters of scripts without case
std::span<const Reading> symbol_readings();    // punctuation, currency, arrows, boxes and other signs

}  // namespace testudo::text
