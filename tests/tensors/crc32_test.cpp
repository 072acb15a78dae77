#include "tensors/crc32.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <vector>

namespace testudo::tensors {
namespace {

TEST(Crc32, EqualsZlibForAllLengthsAndPlaces) {
    std::mt19937 random(1);
    std::vector<std::byte> bytes(3000);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    for (std::size_t length = 0; length < 600; ++length)
        for (std::size_t place : {0, 1, 7, 64}) {
            const auto part = std::span(bytes).subspan(place, length);
            const std::uint32_t begin = length % 3 == 0 ? 0 : static_cast<std::uint32_t>(random());
            EXPECT_EQ(crc32(begin, part),
                      ::crc32_z(begin, reinterpret_cast<const Bytef*>(part.data()), length))
                << length;
        }
}

TEST(Crc32, GoesOnFromAPart) {
    std::vector<std::byte> bytes(2000, std::byte{0x5a});
    const auto whole = crc32(0, bytes);
    for (std::size_t cut : {1, 63, 64, 100, 1999})
        EXPECT_EQ(crc32(crc32(0, std::span(bytes).first(cut)), std::span(bytes).subspan(cut)), whole);
}

}  // namespace
}  // namespace testudo::tensors
