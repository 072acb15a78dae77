#include "tensors/ctranslate2.h"

#include "tensors/ctranslate2_bytes.h"
#include "tensors/inspect.h"
#include "tensors/weights.h"

namespace testudo::tensors::test {
namespace {

using namespace ct2;

class CTranslate2 : public ::testing::Test {
  protected:
    CTranslate2Model read(const std::string& bytes) {
        write_quickly(folder_ / "model.bin", bytes);
        return read_ctranslate2(folder_ / "model.bin");
    }
    void expect_refused(const std::string& bytes, const std::string& reason) {
        const std::string message = message_of_error([&] { read(bytes); });
        EXPECT_NE(message.find(reason), std::string::npos) << message;
        EXPECT_NE(message.find("model.bin"), std::string::npos) << message;
    }
    TemporaryFolder folder_;
};

TEST_F(CTranslate2, ReadsVariablesScalarsAndAliases) {
    const std::string halves = packed(U16{0x3c00}, U16{0x4000});  // 1, 2
    const std::string bytes = model_of(3,
                                       variable("a/weight", 4, halves, 2, 1) + variable("flag", 1, "\x01") +
                                           variable("n", 2, packed(U16{8})),
                                       packed(U32{1}) + text("b/weight") + text("a/weight"));
    const CTranslate2Model model = read(bytes);
    EXPECT_EQ(model.spec, "WhisperSpec");
    EXPECT_EQ(model.revision, 3);
    ASSERT_EQ(model.tensors.size(), 4u);
    EXPECT_EQ(model.tensors.at("a/weight").scalar_type(), at::kHalf);
    EXPECT_EQ(model.tensors.at("a/weight").sizes(), at::IntArrayRef({2, 1}));
    EXPECT_EQ(model.tensors.at("a/weight")[1].item<float>(), 2.0f);
    EXPECT_EQ(model.tensors.at("n").item<int>(), 8);
    EXPECT_EQ(model.tensors.at("n").dim(), 0);
    EXPECT_EQ(model.tensors.at("b/weight").const_data_ptr(), model.tensors.at("a/weight").const_data_ptr());
    EXPECT_EQ(kind_of_file(folder_ / "model.bin"), FileKind::ctranslate2);
    EXPECT_EQ(read_weights(folder_ / "model.bin").size(), 4u);
    const Json description = describe_file(folder_ / "model.bin");
    EXPECT_EQ(description.at("spec").at("name"), "WhisperSpec");
    EXPECT_EQ(description.at("totals").at("tensors"), 4);
    EXPECT_EQ(description.at("tensors").back().at("name"), "b/weight");
    EXPECT_EQ(description.at("tensors").back().at("same_as"), "a/weight");
}

TEST_F(CTranslate2, RefusesDamage) {
    const std::string one = variable("a", 0, packed(1.0f, 2.0f), 2);
    const std::string good = model_of(1, one, packed(U32{1}) + text("b") + text("a"));
    ASSERT_NO_THROW(read(good));
    for (std::size_t length = 0; length < good.size(); ++length)
        message_of_error([&] { read(good.substr(0, length)); });
    expect_refused(good + "x", "follow");
    expect_refused(model_of(1, one, packed(U32{0}), 5), "version 5");
    expect_refused(model_of(0xffffffff, one), "");
    expect_refused(model_of(1, one, packed(U32{0xffffffff})), "ends");
    expect_refused(model_of(2, one + one), "twice");
    expect_refused(model_of(1, one, packed(U32{1}) + text("a") + text("a")), "twice");
    expect_refused(model_of(1, one, packed(U32{1}) + text("b") + text("c")), "not there");
    expect_refused(model_of(1, variable("a", 6, packed(1.0f), 1)), "unknown type");
    expect_refused(model_of(1, variable("a", 0, packed(1.0f), 2)), "");
    expect_refused(model_of(1, variable("a", 0, packed(1.0f, 2.0f), 1)), "not its shape");
    expect_refused(model_of(1, variable("a", 0, "abcde", 1)), "not its shape");
    expect_refused(model_of(1, variable("a", 0, "", 0xffffffffu, 0xffffffffu, 0xffffffffu)), "larger");
    expect_refused(model_of(1, text("a") + packed(U8{200})), "200 dimensions");
    expect_refused(model_of(1, text("a") + packed(U8{1}, U32{1} << 30, U8{0}, U32{0xfffffffc})), "");
    expect_refused(model_of(1, packed(U16{3}) + "abc" + one), "name");
    expect_refused(model_of(1, packed(U16{4}) + std::string("a\0b\0", 4) + one), "name");
}

// The converted Whisper models that the set-up fetches.
TEST(CTranslate2Models, HoldWhisper) {
    int found = 0;
    for (const char* name : {"tiny.en", "base"}) {
        const fs::path path =
            testudo::test::source_dir() / ".deps" / "models" / "whisper" / name / "model.bin";
        if (!fs::exists(path)) continue;
        ++found;
        const CTranslate2Model model = read_ctranslate2(path);
        EXPECT_EQ(model.spec, "WhisperSpec");
        const auto width = model.tensors.at("encoder/conv1/weight").size(0);
        EXPECT_EQ(model.tensors.at("encoder/layer_0/self_attention/linear_0/weight").sizes(),
                  at::IntArrayRef({3 * width, width}));
        EXPECT_TRUE(model.tensors.contains("decoder/projection/weight"));
        EXPECT_TRUE(
            at::isfinite(model.tensors.at("decoder/embeddings/weight").to(at::kFloat)).all().item<bool>());
    }
    if (found == 0) GTEST_SKIP() << "the models are not set up";
}

}  // namespace
}  // namespace testudo::tensors::test
