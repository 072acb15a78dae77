#include "dataset/exchange_text.h"

#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::dataset {

std::string plain_text(std::string_view bytes, const std::string& where) {
    if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF"))
        throw input_error(cat(where, " is UTF-16, not UTF-8"), "Save it as UTF-8.");
    if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
    std::string text;
    text.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] == '\r' && i + 1 < bytes.size() && bytes[i + 1] == '\n') continue;
        text += bytes[i] == '\r' ? '\n' : bytes[i];
    }
    if (is_utf8(text)) return text;
    std::size_t number = 0;
    for (const std::string& line : split(text, '\n')) {
        ++number;
        if (is_utf8(line)) continue;
        std::size_t good = 0, length = 0;
        for (;; good += length) {
            length = 1;
            while (length <= 4 && !is_utf8(std::string_view(line).substr(good, length))) ++length;
            if (length > 4) break;
        }
        mistake({where, line, number}, good, "not UTF-8 text", "Save it as UTF-8.");
    }
    return text;
}

void mistake(const Place& place, std::size_t at, const std::string& what, const std::string& remedy) {
    const auto before = place.line.substr(0, std::min(at, place.line.size()));
    throw input_error(
        cat(place.where, ", line ", place.number, ", column ", count_code_points(before) + 1, ": ", what),
        remedy);
}

void check_label_times(const Place& place, std::size_t at, double start, double end) {
    if (!(start >= 0)) mistake(place, at, "a time before 0 s", "Correct that line.");
    if (!(end >= start))
        mistake(place, at, cat("reversed: the end (", end, " s) lies before the start (", start, " s)"),
                "Correct that line.");
    if (!(end <= 1e7)) mistake(place, at, "a time longer than any recording", "Correct that line.");
}

std::optional<double> take_number(std::string_view line, std::size_t& at) {
    std::size_t end = at;
    while (end < line.size() &&
           (std::string_view("+-.,").find(line[end]) != std::string_view::npos ||
            (line[end] >= '0' && line[end] <= '9') || line[end] == 'e' || line[end] == 'E'))
        ++end;
    std::string digits(line.substr(at, end - at));
    for (char& c : digits)
        if (c == ',') c = '.';
    double value = 0;
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc() || rest != digits.data() + digits.size()) return {};
    at = end;
    return value;
}

std::string without_blank_lines(const std::string& text) {
    std::string out;
    for (const std::string& line : split_lines(text))
        if (!trim(line).empty()) out += (out.empty() ? "" : "\n") + line;
    return trim(out);
}

}  // namespace testudo::dataset
