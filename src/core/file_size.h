#pragma once
// Of files that may vanish at any moment.
#include <cstdint>
#include <filesystem>
#include <system_error>

namespace testudo {

// In bytes; 0 for what is not there, cannot be asked or is no file.
inline std::uint64_t size_of(const std::filesystem::path& file) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(file, error);
    return error ? 0 : size;
}

}  // namespace testudo
