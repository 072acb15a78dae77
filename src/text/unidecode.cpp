#include "text/unidecode.h"

#include <unicode/normalizer2.h>
#include <unicode/translit.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "core/strings.h"
#include "text/readings.h"

namespace testudo::text {

namespace {

using Table = std::unordered_map<char32_t, std::string>;

std::string capitalised(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
}

void add(Table& table, std::span<const Reading> readings) {
    for (const Reading& reading : readings)
        for (const char32_t* c = reading.characters; *c; ++c) table.emplace(*c, reading.ascii);
}

Table make_table() {
    Table table;
    add(table, latin_readings());
    add(table, symbol_readings());
    add(table, caseless_readings());
    for (const Reading& reading : cased_readings())
        for (const char32_t* c = reading.characters; *c; ++c) {
            table.emplace(*c, reading.ascii);
            const auto upper = static_cast<char32_t>(u_toupper(static_cast<UChar32>(*c)));
            if (upper != *c) table.emplace(upper, capitalised(reading.ascii));
        }
    // Where capitals are not simply the small letter's reading.
    static constexpr std::pair<char32_t, std::string_view> others[] = {
        {U'Ξ', "Ks"}, {U'Ϭ', "CH"}, {U'Ӑ', "a"}, {U'Ѹ', "u"},  {U'ϒ', "U"},
        {U'ϓ', "U"},  {U'ϔ', "U"},  {U'Ӏ', "`"}, {U'Ҍ', "\""}, {U'҂', "*1000*"}};
    for (const auto& [character, ascii] : others) table.insert_or_assign(character, std::string(ascii));
    return table;
}

// Revised Romanisation, syllable by syllable and without sound changes across them.
std::string hangul(char32_t c) {
    static constexpr const char* initials[] = {"g",  "gg", "n", "d",  "dd", "r", "m", "b", "bb", "s",
                                               "ss", "",   "j", "jj", "c",  "k", "t", "p", "h"};
    static constexpr const char* vowels[] = {"a",   "ae", "ya", "yae", "eo", "e",  "yeo",
                                             "ye",  "o",  "wa", "wae", "oe", "yo", "u",
                                             "weo", "we", "wi", "yu",  "eu", "yi", "i"};
    static constexpr const char* finals[] = {"",   "g",  "gg", "gs", "n",  "nj", "nh", "d", "l",  "lg",
                                             "lm", "lb", "ls", "lt", "lp", "lh", "m",  "b", "bs", "s",
                                             "ss", "ng", "j",  "c",  "k",  "t",  "p",  "h"};
    const unsigned index = static_cast<unsigned>(c - 0xac00);
    return cat(initials[index / 588], vowels[index % 588 / 28], finals[index % 28]);
}

std::string by_transliterator(const char* name, char32_t c) {
    static std::mutex mutex;  // a Transliterator is not safe to share
    static std::unordered_map<std::string, std::unique_ptr<icu::Transliterator>> made;
    const std::lock_guard lock(mutex);
    auto& transliterator = made[name];
    if (!transliterator) {
        UErrorCode status = U_ZERO_ERROR;
        transliterator.reset(icu::Transliterator::createInstance(name, UTRANS_FORWARD, status));
        if (U_FAILURE(status)) transliterator.reset();
    }
    if (!transliterator) return {};
    icu::UnicodeString text(static_cast<UChar32>(c));
    transliterator->transliterate(text);
    std::string out, ascii;
    text.toUTF8String(out);
    std::copy_if(out.begin(), out.end(), std::back_inserter(ascii), [](char b) { return (b & 0x80) == 0; });
    return ascii;
}

std::string boxes(char32_t c) {  // U+2500 … U+25FF
    if (c <= 0x254b) {
        if (c >= 0x250c) return "+";
        return (c - 0x2500) % 4 < 2 ? "-" : "|";
    }
    if (c <= 0x254f) return c <= 0x254d ? "-" : "|";
    if (c == 0x2550) return "-";
    if (c == 0x2551) return "|";
    if (c <= 0x2570) return "+";
    if (c <= 0x257f) return (c - 0x2574) % 2 ? "|" : "-";
    if (c >= 0x2596 && c <= 0x259f) return "";
    if (c <= 0x25b1 || (c >= 0x25e7 && c <= 0x25eb) || (c >= 0x25f0 && c <= 0x25f7)) return "#";
    return c <= 0x25e6 ? "*" : "";
}

std::optional<std::u32string> decomposition(char32_t c) {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* normalizer = icu::Normalizer2::getNFKDInstance(status);
    icu::UnicodeString parts;
    if (U_FAILURE(status) || !normalizer->getDecomposition(static_cast<UChar32>(c), parts))
        return std::nullopt;
    std::string utf8;
    parts.toUTF8String(utf8);
    return code_points(utf8);
}

const Table& table() {
    static const Table readings = make_table();
    return readings;
}

// nullopt: no reading at all.
std::optional<std::string> read(char32_t c) {
    if (c < 0x80) return std::string(1, static_cast<char>(c));
    if (const auto found = table().find(c); found != table().end()) return found->second;
    if (c >= 0xac00 && c <= 0xd7a3) return hangul(c);
    if (c >= 0x2500 && c <= 0x25ff) return boxes(c);
    const auto point = static_cast<UChar32>(c);
    const bool operators = c >= 0x2200 && c < 0x2300, pictures = c >= 0x1f000 && c < 0x20000;
    if (operators || pictures) return std::nullopt;  // even where they decompose into something
    if (u_charDigitValue(point) >= 0) return std::string(1, static_cast<char>('0' + u_charDigitValue(point)));
    const std::uint32_t category = U_GET_GC_MASK(point);
    if (category & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_MN_MASK | U_GC_ME_MASK)) return std::string();
    if (u_hasBinaryProperty(point, UCHAR_UNIFIED_IDEOGRAPH)) {
        const std::string pinyin = by_transliterator("Han-Latin; Latin-ASCII", c);
        if (pinyin.empty()) return std::nullopt;
        return cat(capitalised(pinyin), " ");
    }
    if (const auto parts = decomposition(c)) {
        std::string all;
        for (const char32_t part : *parts) {
            const auto reading = read(part);
            if (!reading) return std::nullopt;
            all += *reading;
        }
        return all;
    }
    if (category & (U_GC_L_MASK | U_GC_MC_MASK)) {  // a letter of another script
        std::string letters = by_transliterator("Any-Latin; Latin-ASCII", c);
        if (!letters.empty()) return letters;
    }
    return std::nullopt;
}

}  // namespace

std::string unidecode(std::string_view text, std::vector<std::string>* dropped) {
    if (std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; }))
        return std::string(text);
    std::string out;
    for (const char32_t c : code_points(text)) {
        if (const auto reading = read(c)) {
            out += *reading;
        } else if (dropped) {
            std::string character = to_utf8(std::u32string_view(&c, 1));
            if (std::find(dropped->begin(), dropped->end(), character) == dropped->end())
                dropped->push_back(std::move(character));
        }
    }
    return out;
}

}  // namespace testudo::text
