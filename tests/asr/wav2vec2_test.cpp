// Tiny models with random weights against what torchaudio and transformers compute
// (tests/asr/data/README.md).
#include "nets/wav2vec2.h"

#include "core/error.h"
#include "support/golden.h"
#include "tensors/safetensors.h"

namespace testudo::nets {
namespace {

tensors::NamedTensors model(const std::string& library) {
    return tensors::read_safetensors(test::source_dir() / "tests/asr/data" /
                                     ("wav2vec2_" + library + ".safetensors"));
}

void expect_same_scores(const std::string& library, bool large) {
    const auto weights = model(library);
    const Find find = [&](const std::string& name) { return weights.find(name); };
    const Wav2Vec2Config config = infer_wav2vec2_config(find);
    EXPECT_EQ(config.dim, 64);
    EXPECT_EQ(config.layers, 2);
    EXPECT_EQ(config.labels, 12);
    EXPECT_EQ(config.norm_first, large);
    const Wav2Vec2 net(config, find);
    const at::Tensor scores = net(weights.at("reference.wave"));
    const at::Tensor& expected = weights.at("reference.scores");
    ASSERT_EQ(scores.sizes(), expected.sizes());
    EXPECT_LT((scores - expected).abs().max().item<double>(), 1e-4 * expected.abs().max().item<double>());
}

TEST(Wav2Vec2, AgreesWithTorchaudioOnABaseModel) { expect_same_scores("torchaudio", false); }
TEST(Wav2Vec2, AgreesWithTransformersOnALargeModel) { expect_same_scores("transformers", true); }

TEST(Wav2Vec2, TheShortestWaveGivesOneFrame) {
    const auto weights = model("torchaudio");
    const Find find = [&](const std::string& name) { return weights.find(name); };
    EXPECT_EQ(Wav2Vec2(infer_wav2vec2_config(find), find)(at::zeros({Wav2Vec2::shortest})).size(0), 1);
}

TEST(Wav2Vec2, NamesWhatIsMissing) {
    const auto weights = model("torchaudio");
    const std::string gone = "encoder.transformer.layers.1.final_layer_norm.bias";
    const Find find = [&](const std::string& name) { return name == gone ? nullptr : weights.find(name); };
    try {
        const Wav2Vec2 net(infer_wav2vec2_config(find), find);
        FAIL() << "a missing tensor was not told";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(gone), std::string::npos) << error.what();
    }
    EXPECT_THROW(infer_wav2vec2_config([](const std::string&) { return nullptr; }), Error);
}

}  // namespace
}  // namespace testudo::nets
