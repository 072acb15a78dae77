#include "text/words.h"

#include <unicode/uchar.h>

#include <cstdint>

namespace testudo::text {

namespace {

enum class CharacterKind { word, space, other };

CharacterKind kind_of(char32_t c) {
    const auto point = static_cast<UChar32>(c);
    constexpr std::uint32_t in_words = U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
    if (u_hasBinaryProperty(point, UCHAR_ALPHABETIC) || u_hasBinaryProperty(point, UCHAR_JOIN_CONTROL) ||
        (U_GET_GC_MASK(point) & in_words))
        return CharacterKind::word;
    return u_hasBinaryProperty(point, UCHAR_WHITE_SPACE) ? CharacterKind::space : CharacterKind::other;
}

}  // namespace

std::vector<std::u32string_view> split_words(std::u32string_view text) {
    std::vector<std::u32string_view> words;
    for (std::size_t at = 0; at < text.size();) {
        const CharacterKind kind = kind_of(text[at]);
        std::size_t end = at + 1;
        while (end < text.size() && kind_of(text[end]) == kind) ++end;
        if (kind != CharacterKind::space) words.push_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

}  // namespace testudo::text
