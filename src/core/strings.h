#pragma once
// Small string helpers; all text in Testudo is UTF-8.
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace testudo {

// cat("line ", 3, " of ", path) -> one string. Paths come without quotes.
template <class... Parts>
std::string cat(const Parts&... parts) {
    std::ostringstream out;
    const auto put = [&out](const auto& part) {
        if constexpr (std::is_same_v<std::decay_t<decltype(part)>, std::filesystem::path>)
            out << part.string();
        else
            out << part;
    };
    (put(parts), ...);
    return out.str();
}

std::string trim(std::string_view text);         // ASCII white space off both ends
std::string lower_ascii(std::string_view text);  // A-Z only; other bytes unchanged
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::vector<std::string> split(std::string_view text, char separator);  // keeps empty parts
// Lines without their ends; accepts \n and \r\n; a final newline adds no empty line.
std::vector<std::string> split_lines(std::string_view text);

bool is_utf8(std::string_view bytes);
// Bytes that are not UTF-8 become U+FFFD, so any file name can be shown and put in JSON.
std::string to_utf8(std::string_view bytes);
// With '?' for control characters, line breaks too: what came out of a file must not command a terminal.
std::string printable(std::string_view text);
// Code points of valid UTF-8; invalid bytes count as one U+FFFD each.
std::u32string code_points(std::string_view text);
std::string to_utf8(std::u32string_view text);
std::size_t count_code_points(std::string_view text);

std::string human_bytes(double bytes);  // 1.7 GiB
std::string plain(double number);       // 1000000, 0.5, 1e-08: whole numbers without exponent
// 1 clip, 7 clips
std::string counted(std::int64_t count, const std::string& one);
std::string human_duration(double seconds);  // 1 h 05 min, 3 min 20 s, 4.2 s

}  // namespace testudo
