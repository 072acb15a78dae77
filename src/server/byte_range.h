#pragma once
// The header Range of a request (RFC 9110, section 14).
#include <cstdint>
#include <string_view>

namespace testudo::server {

struct ByteRange {
    enum class Meaning { all, part, past_end } meaning = Meaning::all;
    std::uint64_t first = 0, count = 0;  // of a part
};
// Of a file of `size` bytes. What is no single range of bytes means all of it, as the RFC allows.
ByteRange parse_range(std::string_view header, std::uint64_t size);

}  // namespace testudo::server
