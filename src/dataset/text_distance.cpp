#include <unicode/uchar.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/strings.h"
#include "dataset/check.h"
#include "text/cleaners.h"

namespace testudo::dataset {

namespace {

// Longer texts are compared by their beginnings: no line holds more, and a runaway of Whisper's may.
constexpr std::size_t compared_characters = 2000;

std::u32string letters_of(const std::string& text, const std::string& language) {
    std::string spoken = text::basic_cleaners(to_utf8(text));
    if (language == "en" || language.empty()) {
        try {
            spoken = text::english_cleaners(spoken);
        } catch (const Error&) {
            // an amount that cannot be read out: compared as it is written
        }
    }
    std::u32string letters;
    for (const char32_t c : code_points(spoken))
        if (u_isalnum(static_cast<UChar32>(c))) letters += c;
    if (letters.size() > compared_characters) letters.resize(compared_characters);
    return letters;
}

}  // namespace

TextDistance text_distance(const std::string& text, const std::string& heard, const std::string& language) {
    const std::u32string a = letters_of(text, language), b = letters_of(heard, language);
    // Levenshtein, one row at a time.
    std::vector<int> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        int diagonal = row[0];
        row[0] = static_cast<int>(i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const int substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return {row[b.size()], static_cast<int>(a.size())};
}

}  // namespace testudo::dataset
