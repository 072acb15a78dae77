#pragma once
// Lines of a text file of unknown origin, with the place of a mistake. For the readers of exchange.h.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace testudo::dataset {

// Without a byte order mark; every line end is \n. Error(input) naming line and column of what is not UTF-8.
std::string plain_text(std::string_view bytes, const std::string& where);

// Where a reader is: one line of a file.
struct Place {
    const std::string& where;
    std::string_view line;
    std::size_t number = 0;  // from 1
};
// Error(input): `where`, line 3, column 7: `what`. `at` is a byte of the line.
[[noreturn]] void mistake(const Place& place, std::size_t at, const std::string& what,
                          const std::string& remedy);
// Error(input) when they are reversed, not finite, negative or longer than any recording.
void check_label_times(const Place& place, std::size_t at, double start, double end);

// A decimal number (point or comma) at `at`, which moves behind it; nothing when there is none.
std::optional<double> take_number(std::string_view line, std::size_t& at);

// Without empty lines and white space at the ends: what a subtitle can hold.
std::string without_blank_lines(const std::string& text);

}  // namespace testudo::dataset
