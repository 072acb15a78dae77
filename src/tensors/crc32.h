#pragma once
#include <cstdint>
#include <span>

namespace testudo::tensors {

// The checksum of zip files, as zlib's crc32(): start with 0, go on with the last result. Uses carry-less
// multiplication where the processor has it (several GB/s, against zlib's one).
std::uint32_t crc32(std::uint32_t crc, std::span<const std::byte> bytes);

}  // namespace testudo::tensors
