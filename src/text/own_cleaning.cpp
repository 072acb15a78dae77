#include "text/own_cleaning.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "core/strings.h"
#include "text/cleaners.h"
#include "text/unidecode.h"

namespace testudo::text {

namespace {

// Zero-width spaces, directions, soft hyphens, byte order marks, controls. The joiners stay: they tell words
// of some scripts apart.
bool is_invisible(char32_t c) {
    const auto point = static_cast<UChar32>(c);
    const auto kind = u_charType(point);
    if (u_hasBinaryProperty(point, UCHAR_JOIN_CONTROL)) return false;
    return kind == U_FORMAT_CHAR || (kind == U_CONTROL_CHAR && !u_isUWhiteSpace(point)) ||
           u_hasBinaryProperty(point, UCHAR_VARIATION_SELECTOR);
}

std::string without_invisible(std::string_view text) {
    std::u32string points = code_points(text);
    std::erase_if(points, is_invisible);
    return to_utf8(std::u32string_view(points));
}

std::string composed(std::string_view text) {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
    const auto given =
        icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())));
    const icu::UnicodeString normal = nfc ? nfc->normalize(given, status) : given;
    std::string out;
    (U_SUCCESS(status) ? normal : given).toUTF8String(out);
    return out;
}

bool is_quotation(char32_t c) {
    return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_QUOTATION_MARK) && c != U'\'' && c != U'’';
}

}  // namespace

const char* name_of(Cleaning cleaning) {
    switch (cleaning) {
        case Cleaning::english:
            return "english";
        case Cleaning::basic:
            return "basic";
        case Cleaning::none:
            break;
    }
    return "none";
}

Cleaning cleaning_of_language(const std::string& language) {
    const std::string code = lower_ascii(language);
    return code == "en" || code.starts_with("en-") || code == "english" ? Cleaning::english : Cleaning::basic;
}

std::string clean(std::string_view text, Cleaning cleaning) {
    switch (cleaning) {
        case Cleaning::english:
            return english_cleaners(text);
        case Cleaning::basic:
            return trim(basic_cleaners(without_invisible(composed(text))));
        case Cleaning::none:
            break;
    }
    return trim(collapse_spaces(without_invisible(text)));
}

std::string fit_punctuation(std::string_view cleaned, const std::function<bool(char32_t)>& known) {
    std::u32string out;
    for (const char32_t c : code_points(cleaned)) {
        const bool writes = c == U' ' || known(c) || !u_ispunct(static_cast<UChar32>(c));
        if (writes) {
            out.push_back(c);
            continue;
        }
        if (is_quotation(c) || c == U'¿' || c == U'¡') continue;
        const std::u32string reading = code_points(unidecode(to_utf8(std::u32string_view(&c, 1))));
        if (c == U'—' && known(U'-'))
            out.push_back(U'-');
        else if (!reading.empty() && std::all_of(reading.begin(), reading.end(), known))
            out += reading;
        else
            out.push_back(c);
    }
    return to_utf8(std::u32string_view(out));
}

}  // namespace testudo::text
