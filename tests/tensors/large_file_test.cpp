// Opening a large checkpoint costs no copy, and checking it leaves nothing behind.
#include <fstream>
#include <sstream>

#include "tensors/builders.h"
#include "tensors/pickle.h"
#include "tensors/safetensors.h"

namespace testudo::tensors::test {

using namespace std::string_literals;
namespace {

// The CRC of zeros, without having so many of them.
std::uint32_t crc_of_zeros(std::size_t bytes) {
    const std::vector<std::byte> piece(std::size_t{1} << 20);
    std::uint32_t crc = 0;
    for (; bytes > 0; bytes -= std::min(bytes, piece.size()))
        crc = crc32(crc, std::span(piece).first(std::min(bytes, piece.size())));
    return crc;
}

constexpr std::size_t storage_bytes = std::size_t{400} << 20;

TEST(LargeFile, APickleIsMappedNotCopied) {
    TemporaryFolder folder;
    const fs::path path = folder / "large.pth";
    const auto elements = static_cast<std::int64_t>(storage_bytes / 4);
    const std::string pickle = dict_of(tensor(storage("0", elements), 0, {elements}, {1}));
    // The zip file with the zeros of the storage left out; they are put in as a hole of the file.
    std::string whole;
    std::size_t directory = 1;
    for (std::size_t pad = 0; directory % 4 != 0; ++pad) {  // the floats must lie aligned
        ZipPart zeros{"a/data/0", ""};
        zeros.crc = crc_of_zeros(storage_bytes);
        zeros.size = static_cast<std::uint32_t>(storage_bytes);
        whole = zip_of({{"a/data.pkl", pickle + std::string(pad, '.')}, zeros});
        directory = whole.find("PK\x01\x02");
    }
    std::string end = whole.substr(directory);
    const auto begin = static_cast<std::uint32_t>(directory + storage_bytes);
    std::memcpy(end.data() + end.size() - 6, &begin, sizeof begin);
    {
        std::ofstream out(path, std::ios::binary);
        out << whole.substr(0, directory);
        out.seekp(static_cast<std::streamoff>(begin));
        out << end;
    }
    const long anonymous = memory("RssAnon"), all = memory("VmRSS");
    const Value value = read_pickle(path);
    EXPECT_LT(memory("RssAnon") - anonymous, 8 * 1024);
    EXPECT_LT(memory("VmRSS") - all, 40 * 1024);
    const at::Tensor& mapped = *value.find("w")->tensor();
    EXPECT_EQ(mapped.numel(), elements);
    EXPECT_EQ(mapped[elements - 1].item<float>(), 0.0f);
    EXPECT_LT(memory("RssAnon") - anonymous, 8 * 1024);
}

TEST(LargeFile, SafetensorsAreMappedNotCopied) {
    TemporaryFolder folder;
    const fs::path path = folder / "large.safetensors";
    std::string header = "{\"w\":{\"dtype\":\"F32\",\"shape\":["s + std::to_string(storage_bytes / 4) +
                         "],\"data_offsets\":[0," + std::to_string(storage_bytes) + "]}}";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    write_file(path, packed(static_cast<std::uint64_t>(header.size())) + header);
    fs::resize_file(path, 8 + header.size() + storage_bytes);
    const long all = memory("VmRSS");
    const NamedTensors tensors = read_safetensors(path);
    EXPECT_EQ(tensors.at("w").numel(), static_cast<std::int64_t>(storage_bytes / 4));
    EXPECT_LT(memory("VmRSS") - all, 8 * 1024);
}

// A storage of 2^38 floats claimed by a file of a few hundred bytes must not be reserved.
TEST(LargeFile, ClaimsAreNotBelieved) {
    TemporaryFolder folder;
    const std::int64_t elements = std::int64_t{1} << 38;
    write_file(folder / "x.pth",
               zip_of(parts_of(dict_of(tensor(storage("0", elements), 0, {elements}, {1})))));
    const long before = memory("VmSize");
    message_of_error([&] { read_pickle(folder / "x.pth"); });
    EXPECT_LT(memory("VmSize") - before, 64 * 1024);
}

}  // namespace
}  // namespace testudo::tensors::test
