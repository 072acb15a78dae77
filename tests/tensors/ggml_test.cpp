// whisper.cpp's files: what is written is read again, what is wrong is refused.
#include "tensors/ggml.h"

#include "tensors/ggml_bytes.h"
#include "tensors/inspect.h"
#include "tensors/weights.h"

namespace testudo::tensors::test {
namespace {

using namespace std::string_literals;

class Ggml : public ::testing::Test {
  protected:
    fs::path file(const std::string& bytes) {
        write_quickly(folder_ / "model.bin", bytes);
        return folder_ / "model.bin";
    }
    void refused(const std::string& bytes, const std::string& why) {
        const fs::path path = file(bytes);
        const std::string message = message_of_error([&] { read_ggml(path); }, why);
        EXPECT_NE(message.find(why), std::string::npos) << message;
        EXPECT_NE(message.find(path.string()), std::string::npos) << message;
    }
    TemporaryFolder folder_;
};

TEST_F(Ggml, WhatIsWrittenIsRead) {
    GgmlSizes sizes;
    sizes.vocabulary = 4;
    sizes.audio_context = 5, sizes.audio_dim = 6, sizes.audio_heads = 2, sizes.audio_layers = 3;
    sizes.text_context = 7, sizes.text_dim = 8, sizes.text_heads = 4, sizes.text_layers = 9;
    sizes.mels = 2;
    NamedTensors tensors;
    tensors.set("encoder.conv1.bias", at::arange(4, at::kFloat));
    tensors.set("half", at::arange(6, at::kFloat).view({2, 3}).to(at::kHalf));
    tensors.set("turned", at::arange(6, at::kFloat).view({2, 3}).t());
    const at::Tensor filters = at::arange(10, at::kFloat).view({2, 5});
    const std::vector<std::string> tokens = {"a", " the", "\xff\x80", ""};
    write_ggml(folder_ / "model.bin", sizes, filters, tokens, tensors);

    const GgmlModel read = read_ggml(folder_ / "model.bin");
    EXPECT_EQ(read.sizes, sizes);
    EXPECT_TRUE(identical(read.filters, filters));
    EXPECT_EQ(read.vocabulary, tokens);
    ASSERT_EQ(read.tensors.size(), 3u);
    EXPECT_EQ(read.tensors[0].shape, (std::vector<std::int64_t>{4, 1}));  // a column in the file
    const NamedTensors weights = weights_of(read, "model.bin");
    for (const auto& [name, tensor] : tensors)
        EXPECT_TRUE(identical(weights.at(name), tensor.contiguous())) << name;
    EXPECT_EQ(kind_of_file(folder_ / "model.bin"), FileKind::ggml);
    EXPECT_EQ(read_weights(folder_ / "model.bin").size(), 3u);
    EXPECT_EQ(describe_file(folder_ / "model.bin")["kind"], "ggml");
}

TEST_F(Ggml, OtherTypesAreNotWritten) {
    NamedTensors tensors;
    tensors.set("whole", at::arange(4));
    EXPECT_THROW(write_ggml(folder_ / "x.bin", {}, at::zeros({1, 1}), {}, tensors), Error);
    EXPECT_FALSE(fs::exists(folder_ / "x.bin"));
}

TEST_F(Ggml, QuantisedTensorsAreShownButNotRead) {
    const std::string data(22, 'x');  // one block of 32
    const fs::path path =
        file(ggml::sizes(3, 8) + ggml::filters() + ggml::vocabulary() + ggml::tensor("w", 6, {32, 1}, data));
    const GgmlModel model = read_ggml(path);
    EXPECT_EQ(model.tensors[0].type->name, "q5_0");
    EXPECT_EQ(model.tensors[0].shape, (std::vector<std::int64_t>{1, 32}));
    const Json shown = describe_file(path);
    EXPECT_EQ(shown["tensors"][0]["dtype"], "q5_0");
    EXPECT_EQ(shown["totals"]["elements"], 32);
    EXPECT_NE(message_of_error([&] { read_weights(path); }).find("quantised"), std::string::npos);
}

TEST_F(Ggml, DamageIsNamed) {
    const std::string half = ggml::tensor("w", 1, {2, 1}, "abcd");
    EXPECT_NO_THROW(read_ggml(file(ggml::model_of(half))));
    const std::string good = ggml::model_of(half);
    for (std::size_t cut = 1; cut < half.size(); ++cut) refused(good.substr(0, good.size() - cut), "ends in");
    refused("GGML"s + good, "no ggml model");
    refused(ggml::sizes(0), "the vocabulary cannot be 0");
    refused(ggml::sizes(1 << 30), "the vocabulary cannot be");
    refused(ggml::sizes(3, 99), "unknown type 99");
    refused(ggml::sizes(3, -1), "unknown type -1");
    refused(ggml::sizes() + ggml::filters(-1), "mel filters");
    refused(ggml::sizes() + ggml::filters(4096, 4096), "ends in");
    const std::string begin = ggml::sizes() + ggml::filters();
    refused(begin + ggml::numbers({4}), "claims 4 tokens");
    refused(begin + ggml::numbers({-1}), "claims -1 tokens");
    refused(begin + ggml::numbers({1, 1 << 30}), "token 0 claims");
    refused(ggml::model_of(half + half), "twice");
    refused(ggml::model_of(ggml::tensor("w", 77, {2, 1}, "abcd")), "unknown type 77");
    refused(ggml::model_of(ggml::tensor("w", 0, {1, 1, 1, 1, 1}, "abcd")), "5 dimensions");
    refused(ggml::model_of(ggml::tensor("w", 0, {}, "abcd")), "0 dimensions");
    refused(ggml::model_of(ggml::tensor("", 0, {1}, "abcd")), "claims 0 bytes");
    refused(ggml::model_of(ggml::tensor(std::string(300, 'n'), 0, {1}, "abcd")), "claims 300 bytes");
    for (const std::int32_t size : {0, -5})
        refused(ggml::model_of(ggml::tensor("w", 0, {size}, "")), "impossible");
    refused(ggml::model_of(ggml::tensor("w", 0, {1 << 20, 1 << 20, 1 << 20}, "")), "impossible");
    refused(ggml::model_of(ggml::tensor("w", 0, {1 << 16, 1 << 14}, "")), "ends in");
    refused(ggml::model_of(ggml::tensor("w", 2, {33}, std::string(36, 'x'))), "whole blocks");
}

}  // namespace
}  // namespace testudo::tensors::test
