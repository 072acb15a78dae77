#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace testudo {

// SHA-256 (FIPS 180-4) as 64 lower-case hexadecimal digits.
std::string sha256(std::string_view bytes);
std::string sha256_of_file(const std::filesystem::path& path);  // streams; Error(input) when unreadable

}  // namespace testudo
