#include "asr/utf8.h"

#include <cstdint>

namespace testudo::asr {

namespace {

bool is_space(char32_t c) {
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

// Length of the sequence that begins at `at`: positive when whole, negative when only so many bytes of it are
// well formed (at least one). `c` is its code point when whole.
int sequence(std::string_view text, std::size_t at, char32_t& c) {
    const auto byte = [&](std::size_t i) -> unsigned {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
    };
    const unsigned first = byte(at);
    c = first;
    if (first < 0x80) return 1;
    if (first < 0xc2 || first > 0xf4) return -1;
    const int length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    c = first & (0xffu >> (length + 1));
    for (int i = 1; i < length; ++i) {
        const unsigned next = byte(at + static_cast<std::size_t>(i));
        unsigned low = 0x80, high = 0xbf;
        if (i == 1) {  // no overlong forms, surrogates or code points beyond 10FFFF
            if (first == 0xe0) low = 0xa0;
            if (first == 0xed) high = 0x9f;
            if (first == 0xf0) low = 0x90;
            if (first == 0xf4) high = 0x8f;
        }
        if (next < low || next > high) return -i;
        c = (c << 6) | (next & 0x3f);
    }
    return length;
}

}  // namespace

std::string decode_utf8_as_python(std::string_view bytes) {
    std::string out;
    for (std::size_t at = 0; at < bytes.size();) {
        char32_t c = 0;
        const int length = sequence(bytes, at, c);
        if (length > 0)
            out.append(bytes.substr(at, static_cast<std::size_t>(length)));
        else
            out.append("\xef\xbf\xbd");
        at += static_cast<std::size_t>(length > 0 ? length : -length);
    }
    return out;
}

std::string_view strip(std::string_view text) {
    std::size_t first = 0;
    char32_t c = 0;
    while (first < text.size()) {
        const int length = sequence(text, first, c);
        if (length < 0 || !is_space(c)) break;
        first += static_cast<std::size_t>(length);
    }
    std::size_t last = text.size();
    while (last > first) {
        std::size_t start = last - 1;
        while (start > first && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) --start;
        const int length = sequence(text, start, c);
        if (length < 0 || start + static_cast<std::size_t>(length) != last || !is_space(c)) break;
        last = start;
    }
    return text.substr(first, last - first);
}

}  // namespace testudo::asr
