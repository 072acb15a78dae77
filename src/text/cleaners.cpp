#include "text/cleaners.h"

#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <utility>

#include "core/strings.h"
#include "text/numbers.h"
#include "text/unidecode.h"

namespace testudo::text {

namespace {

constexpr std::pair<std::string_view, std::string_view> abbreviations[] = {
    {"mrs", "misess"},    {"mr", "mister"},     {"dr", "doctor"},    {"st", "saint"},     {"co", "company"},
    {"jr", "junior"},     {"maj", "major"},     {"gen", "general"},  {"drs", "doctors"},  {"rev", "reverend"},
    {"lt", "lieutenant"}, {"hon", "honorable"}, {"sgt", "sergeant"}, {"capt", "captain"}, {"esq", "esquire"},
    {"ltd", "limited"},   {"col", "colonel"},   {"ft", "fort"}};

bool word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool python_space(char32_t c) {
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

std::string expand(std::string text, std::string_view shortened, std::string_view full) {
    for (std::size_t at = 0; (at = text.find(shortened, at)) != std::string::npos;) {
        const std::size_t end = at + shortened.size();
        if (end < text.size() && text[end] == '.' && (at == 0 || !word_character(text[at - 1]))) {
            text.replace(at, shortened.size() + 1, full);
            at += full.size();
        } else {
            ++at;
        }
    }
    return text;
}

}  // namespace

std::string collapse_spaces(std::string_view text) {
    std::u32string out;
    bool in_space = false;
    for (const char32_t c : code_points(text)) {
        const bool is_space = python_space(c);
        if (!is_space)
            out.push_back(c);
        else if (!in_space)
            out.push_back(U' ');
        in_space = is_space;
    }
    return to_utf8(std::u32string_view(out));
}

std::string english_cleaners(std::string_view text) {
    std::string out = speak_numbers(lower_ascii(unidecode(text)));
    if (out.find('.') != std::string::npos)
        for (const auto& [shortened, full] : abbreviations) out = expand(std::move(out), shortened, full);
    out = collapse_spaces(out);
    std::erase(out, '"');
    return out;
}

std::string basic_cleaners(std::string_view text) {
    std::string lower;
    icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())))
        .toLower(icu::Locale::getRoot())
        .toUTF8String(lower);
    return collapse_spaces(lower);
}

std::string plain_punctuation(std::string_view text) {
    if (text.size() == 1 && std::string_view("@#%_=$^&*+\\").find(text[0]) != std::string_view::npos)
        return {};
    std::u32string out = code_points(text);
    for (char32_t& c : out) switch (c) {
            case U'{':
            case U'[':
                c = U'(';
                break;
            case U'}':
            case U']':
                c = U')';
                break;
            case U'`':
            case U'\u02bc':
                c = U'\'';
                break;
            case U'\u2014':
                c = U'-';
                break;
            default:
                break;
        }
    return to_utf8(std::u32string_view(out));
}

}  // namespace testudo::text
