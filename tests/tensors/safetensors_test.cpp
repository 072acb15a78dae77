#include "tensors/safetensors.h"

#include "tensors/inspect.h"
#include "tensors/support.h"
#include "tensors/weights.h"

namespace testudo::tensors::test {

using namespace std::string_literals;
namespace {

std::string file_of(const std::string& header, const std::string& data) {
    return packed(static_cast<std::uint64_t>(header.size())) + header + data;
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
    return "\""s + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + shape + "],\"data_offsets\":[" +
           offsets + "]}";
}

class Safetensors : public ::testing::Test {
  protected:
    NamedTensors read(const std::string& bytes) {
        write_quickly(folder_ / "x.safetensors", bytes);
        return read_safetensors(folder_ / "x.safetensors");
    }
    void expect_refused(const std::string& bytes, const std::string& reason) {
        const std::string message = message_of_error([&] { read(bytes); });
        EXPECT_NE(message.find(reason), std::string::npos) << message;
        EXPECT_NE(message.find("x.safetensors"), std::string::npos) << message;
    }
    TemporaryFolder folder_;
};

TEST_F(Safetensors, WritesAndReadsEveryType) {
    NamedTensors tensors;
    std::int64_t size = 2;
    for (const auto type : {at::kBool, at::kByte, at::kHalf, at::kChar, at::kFloat, at::kBFloat16, at::kLong,
                            at::kInt, at::kShort, at::kDouble})
        tensors.set(std::string("of ") + at::toString(type), at::arange(++size).remainder(2).to(type));
    tensors.set("turned \"é\"", at::arange(6, at::kFloat).view({2, 3}).t());
    tensors.set("scalar", at::scalar_tensor(1.5));
    tensors.set("empty", at::empty({0, 3}));
    const fs::path path = folder_ / "all.safetensors";
    write_safetensors(path, tensors, {{"format", "pt"}, {"about", "é"}});
    std::map<std::string, std::string> metadata;
    const NamedTensors back = read_safetensors(path, &metadata);
    EXPECT_EQ(metadata.at("about"), "é");
    ASSERT_EQ(back.size(), tensors.size());
    for (std::size_t i = 0; i < back.size(); ++i) {
        EXPECT_EQ(back.items()[i].first, tensors.items()[i].first);
        EXPECT_TRUE(identical(back.items()[i].second, tensors.items()[i].second)) << back.items()[i].first;
    }
    EXPECT_EQ(kind_of_file(path), FileKind::safetensors);
    EXPECT_EQ(describe_file(path).at("metadata").at("format"), "pt");
    EXPECT_EQ(read_weights(path).size(), tensors.size());
}

TEST_F(Safetensors, ReadsTensorsThatLieMisaligned) {
    const std::string header =
        "{"s + entry("a", "U8", "3", "0,3") + "," + entry("b", "F32", "1", "3,7") + "}";
    EXPECT_EQ(read(file_of(header, "abc"s + packed(2.5f))).at("b").item<float>(), 2.5f);
}

TEST_F(Safetensors, RefusesDamage) {
    const std::string data = packed(1.0f, 2.0f, 3.0f, 4.0f);
    const auto with = [&](const std::string& entries) { return file_of("{"s + entries + "}", data); };
    const std::string good = with(entry("w", "F32", "2,2", "0,16"));
    ASSERT_NO_THROW(read(good));
    for (std::size_t length = 0; length < good.size(); ++length)
        message_of_error([&] { read(good.substr(0, length)); });
    expect_refused(good + "x", "no tensor");
    expect_refused(packed(~std::uint64_t{0}) + "{}", "claims");
    expect_refused(packed(std::uint64_t{1} << 40) + "{}", "claims");
    expect_refused(with(entry("w", "F32", "2,2", "0,16") + "," + entry("w", "F32", "0", "16,16")), "twice");
    expect_refused(with(entry("w", "F32", "2,2", "0,16") + "," + entry("v", "F32", "1", "4,8")), "overlaps");
    expect_refused(with(entry("w", "F32", "2", "0,8") + "," + entry("v", "F32", "1", "12,16")), "gap");
    expect_refused(with(entry("w", "F32", "2,2", "16,0")), "outside");
    expect_refused(with(entry("w", "F32", "2,2", "0,99999999999")), "outside");
    expect_refused(with(entry("w", "F32", "3", "0,16")), "shape");
    expect_refused(with(entry("w", "F32", "4294967296,4294967296", "0,16")), "larger");
    expect_refused(with(entry("w", "F32", "-4", "0,16")), "not safetensors");
    expect_refused(with(entry("w", "F32", "2.5", "0,16")), "not safetensors");
    expect_refused(with(entry("w", "F32", "18446744073709551615", "0,16")), "not safetensors");
    expect_refused(with(entry("w", "F8_E4M3", "16", "0,16")), "F8_E4M3");
    expect_refused(with(entry("w", "F32", "2,2", "0,8,16")), "not safetensors");
    expect_refused(with("\"w\":{\"dtype\":\"F32\"}"), "not safetensors");
    expect_refused(with("\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[4]}"), "not safetensors");
    expect_refused(with("\"w\":[1]"), "not safetensors");
    expect_refused(with("\"__metadata__\":{\"a\":{}}"), "not safetensors");
    expect_refused(with("\"__metadata__\":{\"a\":1}"), "not safetensors");
    expect_refused(with("\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}"), "not safetensors");
    expect_refused(with("\"w\":nonsense"), "not JSON");
    expect_refused(file_of("[]", data), "not safetensors");
    expect_refused(file_of(std::string(100'000, '['), data), "not safetensors");
    std::string nested = "{\"w\":";
    for (int i = 0; i < 100'000; ++i) nested += "{\"dtype\":";
    expect_refused(file_of(nested, data), "not safetensors");
}

TEST_F(Safetensors, SaysWhatItCannotHold) {
    NamedTensors tensors;
    tensors.set("__metadata__", at::ones({1}));
    EXPECT_THROW(write_safetensors(folder_ / "y.safetensors", tensors), Error);
    NamedTensors named;
    named.set("\xff", at::ones({1}));
    EXPECT_THROW(write_safetensors(folder_ / "y.safetensors", named), Error);
    EXPECT_FALSE(fs::exists(folder_ / "y.safetensors"));
}

// Every array that the reference data itself is kept in.
TEST(GoldenSafetensors, AreReadAndWrittenAlike) {
    int checked = 0;
    TemporaryFolder folder;
    for (const auto& entry : fs::recursive_directory_iterator(golden_root())) {
        if (entry.path().extension() != ".safetensors" || entry.file_size() > (std::uintmax_t{8} << 20))
            continue;
        SCOPED_TRACE(entry.path().string());
        const NamedTensors tensors = read_safetensors(entry.path());
        if (++checked > 10) continue;
        write_safetensors(folder / "again.safetensors", tensors);
        EXPECT_TRUE(identical(to_value(read_safetensors(folder / "again.safetensors")), to_value(tensors)));
    }
    if (checked == 0) GTEST_SKIP() << "this set has no safetensors";
}

}  // namespace
}  // namespace testudo::tensors::test
