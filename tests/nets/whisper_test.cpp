#include "nets/whisper.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/error.h"

namespace testudo::nets {
namespace {

WhisperConfig small(bool multilingual) {
    WhisperConfig config;
    config.mels = 8;
    config.audio_context = 20;
    config.audio_dim = config.text_dim = 128;
    config.audio_heads = config.text_heads = 2;
    config.audio_layers = config.text_layers = 2;
    config.vocabulary = multilingual ? 51865 : 51864;
    config.text_context = 24;
    return config;
}

std::map<std::string, at::Tensor> random_weights(const WhisperConfig& config) {
    at::manual_seed(7);
    std::map<std::string, at::Tensor> weights;
    for (const auto& [name, shape] : whisper_shapes(config)) weights[name] = at::randn(shape) * 0.1;
    return weights;
}

Find find_in_map(const std::map<std::string, at::Tensor>& weights) {
    return [&weights](const std::string& name) -> const at::Tensor* {
        const auto found = weights.find(name);
        return found == weights.end() ? nullptr : &found->second;
    };
}

double difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

// Parameters of the published models, as their model cards give them (millions, rounded).
TEST(Whisper, PublishedSizesHaveThePublishedNumberOfParameters) {
    const std::map<std::string, double> millions = {{"tiny", 39},    {"base", 74},       {"small", 244},
                                                    {"medium", 769}, {"large-v3", 1550}, {"turbo", 809}};
    std::size_t seen = 0;
    for (const auto& [name, config] : published_whispers()) {
        std::set<std::string> names;
        double count = 0;
        for (const auto& [tensor, shape] : whisper_shapes(config)) {
            EXPECT_TRUE(names.insert(tensor).second) << tensor;
            double elements = 1;
            for (const std::int64_t size : shape) elements *= static_cast<double>(size);
            count += elements;
        }
        const auto size = millions.find(name.ends_with(".en") ? name.substr(0, name.size() - 3) : name);
        if (size == millions.end()) continue;
        ++seen;
        EXPECT_NEAR(count / 1e6, size->second, 0.07 * size->second) << name;
        EXPECT_EQ(config.multilingual(), !name.ends_with(".en"));
    }
    EXPECT_EQ(seen, 10u);
    EXPECT_EQ(published_whispers().back().second.languages(), 100);
    EXPECT_EQ(published_whispers().front().second.languages(), 99);
}

// Sizes come back from shapes alone: the tensors are views of one number, nothing large is allocated.
TEST(Whisper, EveryPublishedSizeIsReadOffItsShapes) {
    const at::Tensor one = at::zeros({1});
    for (const auto& [name, config] : published_whispers()) {
        std::map<std::string, at::Tensor> weights;
        for (const auto& [tensor, shape] : whisper_shapes(config)) weights[tensor] = one.expand(shape);
        EXPECT_EQ(infer_whisper_config(find_in_map(weights)), config) << name;
    }
}

TEST(Whisper, MissingAndMisshapenTensorsAreNamed) {
    const WhisperConfig config = small(false);
    auto weights = random_weights(config);
    weights.erase("decoder.ln.bias");
    weights["encoder.blocks.1.mlp.0.weight"] = at::zeros({3, 4});
    try {
        Whisper model(config, find_in_map(weights));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        EXPECT_NE(std::string(error.what()).find("decoder.ln.bias (missing)"), std::string::npos)
            << error.what();
        EXPECT_NE(std::string(error.what()).find("encoder.blocks.1.mlp.0.weight [3, 4], not [512, 128]"),
                  std::string::npos)
            << error.what();
    }
    weights.erase("decoder.token_embedding.weight");
    EXPECT_THROW(infer_whisper_config(find_in_map(weights)), Error);
}

struct Fixture {
    WhisperConfig config = small(true);
    std::map<std::string, at::Tensor> weights = random_weights(config);
    Whisper model;
    Whisper::Audio audio;
    at::Tensor tokens;

    explicit Fixture(WhisperCompute compute, std::int64_t windows = 2, std::int64_t length = 7)
        : model(config, find_in_map(weights), at::kCPU, compute) {
        audio = model.attend_to(model.encode(at::randn({windows, config.mels, 2 * config.audio_context})));
        tokens = at::randint(config.vocabulary, {windows, length}, at::kLong);
    }
    at::Tensor whole(const at::Tensor& all, const Whisper::Audio& windows) const {
        Whisper::Cache cache = model.new_cache(all.size(0), all.size(1));
        return model.decode(all, windows, cache);
    }
};

// By libtorch's operators, and by this program's own kernels where the processor has what they need.
class WhisperBothWays : public testing::TestWithParam<WhisperCompute> {};
INSTANTIATE_TEST_SUITE_P(Compute, WhisperBothWays,
                         testing::Values(WhisperCompute::plain, WhisperCompute::float32));

TEST_P(WhisperBothWays, EncodingABatchEqualsEncodingOneByOne) {
    const Fixture f(GetParam());
    const at::Tensor mel = at::randn({3, f.config.mels, 2 * f.config.audio_context});
    const at::Tensor batch = f.model.encode(mel);
    for (int i = 0; i < 3; ++i) EXPECT_LT(difference(f.model.encode(mel.narrow(0, i, 1))[0], batch[i]), 1e-4);
    EXPECT_THROW(f.model.encode(at::randn({1, f.config.mels, 7})), Error);
}

TEST_P(WhisperBothWays, StepByStepEqualsAllAtOnce) {
    const Fixture f(GetParam());
    const at::Tensor expected = f.whole(f.tokens, f.audio);
    Whisper::Cache cache = f.model.new_cache(2, 7);
    std::vector<at::Tensor> parts = {f.model.decode(f.tokens.narrow(1, 0, 3), f.audio, cache)};
    parts.push_back(f.model.decode(f.tokens.narrow(1, 3, 1), f.audio, cache));
    parts.push_back(f.model.decode(f.tokens.narrow(1, 4, 3), f.audio, cache));
    EXPECT_LT(difference(at::cat(parts, 1), expected), 1e-4);
    EXPECT_THROW(f.model.decode(f.tokens.narrow(1, 0, 1), f.audio, cache), Error);  // the cache is full
}

TEST_P(WhisperBothWays, PaddingOnTheLeftChangesNothing) {
    const Fixture f(GetParam());
    Whisper::Cache cache = f.model.new_cache(2, 12, {0, 4});
    at::Tensor padded = f.tokens.narrow(1, 0, 6).clone();
    padded[1].narrow(0, 4, 2).copy_(f.tokens[1].narrow(0, 0, 2));
    padded[1].narrow(0, 0, 4).fill_(9);
    const at::Tensor first = f.model.decode(padded, f.audio, cache);
    const at::Tensor next =
        f.model.decode(at::stack({f.tokens[0].narrow(0, 6, 1), f.tokens[1].narrow(0, 2, 1)}), f.audio, cache);
    EXPECT_TRUE(first.isfinite().all().item<bool>());
    const at::Tensor expected = f.whole(f.tokens, f.audio);
    EXPECT_LT(difference(first[0], expected[0].narrow(0, 0, 6)), 1e-4);
    EXPECT_LT(difference(next[0][0], expected[0][6]), 1e-4);
    EXPECT_LT(difference(first[1].narrow(0, 4, 2), expected[1].narrow(0, 0, 2)), 1e-4);
    EXPECT_LT(difference(next[1][0], expected[1][2]), 1e-4);
}

TEST_P(WhisperBothWays, RowsMayShareAWindowAndChangePlaces) {
    const Fixture f(GetParam());
    const std::int64_t beams = 3;
    const at::Tensor rows = at::randint(f.config.vocabulary, {2 * beams, 5}, at::kLong);
    const at::Tensor repeated = at::arange(2, at::kLong).repeat_interleave(beams);
    const at::Tensor expected = f.whole(rows, f.audio.select(repeated));
    EXPECT_LT(difference(f.whole(rows, f.audio), expected), 1e-4);

    Whisper::Cache cache = f.model.new_cache(2 * beams, 5);
    f.model.decode(rows.narrow(1, 0, 4), f.audio, cache);
    cache.reorder({2, 0, 0, 5, 4, 3});
    const at::Tensor order = at::tensor({2, 0, 0, 5, 4, 3}, at::kLong);
    const at::Tensor last = rows.narrow(1, 4, 1);
    const at::Tensor moved = at::cat({rows.narrow(1, 0, 4).index_select(0, order), last}, 1);
    EXPECT_LT(
        difference(f.model.decode(last, f.audio, cache).select(1, 0), f.whole(moved, f.audio).select(1, 4)),
        1e-4);
}

TEST_P(WhisperBothWays, DroppingRowsKeepsTheOthers) {
    const Fixture f(GetParam(), 3);
    Whisper::Cache cache = f.model.new_cache(3, 7);
    f.model.decode(f.tokens.narrow(1, 0, 6), f.audio, cache);
    cache.reorder({0, 2});
    const at::Tensor kept = at::tensor({0, 2}, at::kLong);
    const at::Tensor next =
        f.model.decode(f.tokens.index_select(0, kept).narrow(1, 6, 1), f.audio.select(kept), cache);
    const at::Tensor expected = f.whole(f.tokens, f.audio).index_select(0, kept).select(1, 6);
    EXPECT_LT(difference(next.select(1, 0), expected), 1e-4);
}

TEST_P(WhisperBothWays, ScoresAreTheCrossAttentionBeforeSoftmax) {
    const Fixture f(GetParam());
    Whisper::Cache cache = f.model.new_cache(2, 7);
    std::vector<at::Tensor> scores;
    const at::Tensor states = f.model.decode(f.tokens, f.audio, cache, &scores);
    EXPECT_LT(difference(states, f.whole(f.tokens, f.audio)), 1e-4);
    ASSERT_EQ(scores.size(), 2u);
    EXPECT_EQ(scores[1].sizes(), (at::IntArrayRef{2, 2, 7, 20}));
    EXPECT_EQ(f.model.logits(states).sizes(), (at::IntArrayRef{2, 7, 51865}));
}

TEST_P(WhisperBothWays, ARepeatedRowGoesOnInEachOfItsCopies) {
    const Fixture f(GetParam());
    Whisper::Cache cache = f.model.new_cache(2, 7, {}, 2);
    f.model.decode(f.tokens.narrow(1, 0, 4), f.audio, cache);
    cache.repeat(2);
    at::Tensor rows = f.tokens.repeat_interleave(2, 0).clone();
    rows[1].narrow(0, 4, 3).add_(1);
    for (int i = 4; i < 7; ++i) {
        const at::Tensor next = f.model.decode(rows.narrow(1, i, 1), f.audio, cache);
        if (i == 6) {
            EXPECT_LT(difference(next.select(1, 0), f.whole(rows, f.audio).select(1, 6)), 1e-4);
        }
    }
}

TEST(Whisper, TheOwnKernelsAgreeWithLibtorch) {
    if (!avx512::supported()) GTEST_SKIP();
    const Fixture plain(WhisperCompute::plain), own(WhisperCompute::float32), int8(WhisperCompute::int8);
    EXPECT_EQ(own.model.compute(), WhisperCompute::float32);
    const at::Tensor mel = at::randn({2, plain.config.mels, 2 * plain.config.audio_context});
    const at::Tensor features = plain.model.encode(mel);
    EXPECT_LT(difference(own.model.encode(mel), features), 1e-4);
    EXPECT_LT(difference(int8.model.encode(mel), features), 0.2 * features.abs().max().item<double>());
    EXPECT_GT(difference(int8.model.encode(mel), features), 1e-4);
    const auto states = [&](const Fixture& f) { return f.whole(plain.tokens, f.model.attend_to(features)); };
    EXPECT_LT(difference(states(own), states(plain)), 1e-4);
    EXPECT_LT(difference(own.model.logits(states(plain)), plain.model.logits(states(plain))), 1e-3);
    const at::Tensor exact = plain.model.logits(states(plain)), rounded = int8.model.logits(states(plain));
    EXPECT_LT(difference(rounded, exact), 0.05 * exact.abs().max().item<double>());
}

TEST(Whisper, Int8IsRefusedWhereItCannotBe) {
    WhisperConfig config = small(false);
    config.audio_heads = config.text_heads = 4;  // heads of 32
    const auto weights = random_weights(config);
    const Find find = find_in_map(weights);
    EXPECT_THROW(Whisper(config, find, at::kCPU, WhisperCompute::int8), Error);
    EXPECT_EQ(Whisper(config, find, at::kCPU, WhisperCompute::automatic).compute(), WhisperCompute::plain);
    EXPECT_THROW(whisper_compute("int4"), Error);
    EXPECT_EQ(whisper_compute("auto"), WhisperCompute::automatic);
}

TEST(Whisper, HalvesAreWidened) {
    const WhisperConfig config = small(false);
    auto halves = random_weights(config), floats = halves;
    for (auto& [name, tensor] : halves) {
        tensor = tensor.to(at::kHalf);
        floats[name] = tensor.to(at::kFloat);
    }
    const at::Tensor mel = at::randn({1, config.mels, 2 * config.audio_context});
    EXPECT_TRUE(at::equal(Whisper(config, find_in_map(halves)).encode(mel),
                          Whisper(config, find_in_map(floats)).encode(mel)));
}

}  // namespace
}  // namespace testudo::nets
