#pragma once
// Walking over text that is known to be JSON, to know where in it something stands.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace testudo {

// All positions are bytes. The ends lie behind the last byte of what was skipped.
std::size_t skip_json_space(std::string_view text, std::size_t at);
std::size_t skip_json_string(std::string_view text, std::size_t at);  // `at`: its opening quote
std::size_t skip_json_value(std::string_view text, std::size_t at);   // `at`: its first byte

// "line 17, column 9" (from 1, columns in code points) of the value that `path` leads to: keys of objects and
// indices of lists; of the innermost part of the path that there is.
std::string place_in_json(std::string_view text, const std::vector<std::string>& path);

}  // namespace testudo
