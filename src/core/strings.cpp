#include "core/strings.h"

#include <cmath>
#include <cstdio>

namespace testudo {

namespace {
constexpr char32_t kReplacement = 0xFFFD;

// Reads one code point at `i` and moves on; `valid` says whether it was well-formed.
char32_t next_code_point(std::string_view s, std::size_t& i, bool& valid) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(s[k]); };
    const unsigned char lead = byte(i);
    valid = true;
    if (lead < 0x80) return static_cast<char32_t>(s[i++]);
    const int length = lead >= 0xF0 && lead < 0xF5 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
    if (length == 0 || lead >= 0xF5 || i + length > s.size()) {
        ++i;
        valid = false;
        return kReplacement;
    }
    char32_t c = lead & (0xFF >> (length + 1));
    for (int k = 1; k < length; ++k) {
        if ((byte(i + k) & 0xC0) != 0x80) {
            ++i;
            valid = false;
            return kReplacement;
        }
        c = (c << 6) | (byte(i + k) & 0x3F);
    }
    const bool overlong = (length == 3 && c < 0x800) || (length == 4 && c < 0x10000);
    if (overlong || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
        ++i;
        valid = false;
        return kReplacement;
    }
    i += length;
    return c;
}
}  // namespace

std::string trim(std::string_view text) {
    constexpr std::string_view space = " \t\r\n\f\v";
    const auto first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(space) - first + 1));
}

std::string lower_ascii(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
    return out;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i) out += separator;
        out += parts[i];
    }
    return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> out;
    std::size_t start = 0;
    for (std::size_t i = 0; i <= text.size(); ++i)
        if (i == text.size() || text[i] == separator) {
            out.emplace_back(text.substr(start, i - start));
            start = i + 1;
        }
    return out;
}

std::vector<std::string> split_lines(std::string_view text) {
    std::vector<std::string> lines = split(text, '\n');
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    for (auto& line : lines)
        if (!line.empty() && line.back() == '\r') line.pop_back();
    return lines;
}

bool is_utf8(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size();) {
        bool valid;
        next_code_point(bytes, i, valid);
        if (!valid) return false;
    }
    return true;
}

std::string printable(std::string_view text) {
    std::u32string points = code_points(text);
    for (char32_t& c : points)
        if (c < 0x20 || (c >= 0x7f && c < 0xa0)) c = U'?';
    return to_utf8(points);
}

std::u32string code_points(std::string_view text) {
    std::u32string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        bool valid;
        out += next_code_point(text, i, valid);
    }
    return out;
}

std::string to_utf8(std::u32string_view text) {
    std::string out;
    for (char32_t c : text) {
        if (c < 0x80) {
            out += static_cast<char>(c);
        } else if (c < 0x800) {
            out += static_cast<char>(0xC0 | (c >> 6));
            out += static_cast<char>(0x80 | (c & 0x3F));
        } else if (c < 0x10000) {
            out += static_cast<char>(0xE0 | (c >> 12));
            out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
            out += static_cast<char>(0x80 | (c & 0x3F));
        } else {
            out += static_cast<char>(0xF0 | (c >> 18));
            out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
            out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
            out += static_cast<char>(0x80 | (c & 0x3F));
        }
    }
    return out;
}

std::string to_utf8(std::string_view bytes) {
    if (is_utf8(bytes)) return std::string(bytes);
    return to_utf8(code_points(bytes));
}

std::size_t count_code_points(std::string_view text) { return code_points(text).size(); }

std::string human_bytes(double bytes) {
    const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    while (bytes >= 1024 && unit < 4) {
        bytes /= 1024;
        ++unit;
    }
    char out[48];
    std::snprintf(out, sizeof out, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return out;
}

std::string plain(double number) {
    if (number != std::trunc(number) || std::abs(number) >= 1e15) return cat(number);
    return cat(static_cast<std::int64_t>(number));
}

std::string counted(std::int64_t count, const std::string& one) {
    return cat(count, " ", one, count == 1 ? "" : "s");
}

std::string human_duration(double seconds) {
    char out[64];
    if (!std::isfinite(seconds)) return "unknown";
    if (seconds < 10) {
        std::snprintf(out, sizeof out, "%.1f s", seconds);
        return out;
    }
    const long whole = std::lround(seconds);
    if (whole < 60)
        std::snprintf(out, sizeof out, "%ld s", whole);
    else if (whole < 3600)
        std::snprintf(out, sizeof out, "%ld min %02ld s", whole / 60, whole % 60);
    else
        std::snprintf(out, sizeof out, "%ld h %02ld min", whole / 3600, whole % 3600 / 60);
    return out;
}

}  // namespace testudo
