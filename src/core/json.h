#pragma once
// JSON that keeps the order of its keys, read with line and column of a mistake, written whole or not at all.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace testudo {

using Json = nlohmann::ordered_json;

// Error(input) naming `where`, line and column when `text` is not JSON (or is nested over 200 levels deep).
Json parse_json(std::string_view text, const std::string& where);
Json read_json(const std::filesystem::path& path);

struct JsonStyle {
    int indent = 2;
    char fill = ' ';
    bool ascii = false;  // escape everything beyond ASCII, as Python's json does by default
};
std::string format_json(const Json& value, JsonStyle style = {});  // ends with a line break
void write_json(const std::filesystem::path& path, const Json& value, JsonStyle style = {});

}  // namespace testudo
