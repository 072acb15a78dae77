#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace testudo::tensors {

struct SafetensorsEntry {
    std::string name, dtype;
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0, end = 0;  // bytes after the header
};

struct SafetensorsHeader {
    std::vector<SafetensorsEntry> entries;  // in file order
    std::map<std::string, std::string> metadata;
};

// {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {"key": "text"}}
// and nothing else. Error(input) naming `file` for anything else, also a name that comes twice.
SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& file);

}  // namespace testudo::tensors
