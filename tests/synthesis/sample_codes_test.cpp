#include "synthesis/sample_codes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/interrupt.h"
#include "nets/dvae.h"
#include "nets/unified_voice.h"
#include "synthesis/preview.h"
#include "text/tokenizer.h"

namespace testudo::synthesis {
namespace {

nets::UnifiedVoice small_model(int codes = 64) {
    nets::UnifiedVoiceConfig config;
    config.layers = 2, config.model_dim = 32, config.heads = 2;
    config.max_text_tokens = 40, config.max_mel_tokens = 60;
    config.number_mel_codes = codes + 2, config.start_mel_token = codes, config.stop_mel_token = codes + 1;
    nets::UnifiedVoice model(config);
    model.initialise(3);
    return model;
}

std::vector<std::vector<int>> codes_of(const std::vector<Candidate>& candidates) {
    std::vector<std::vector<int>> out;
    for (const auto& candidate : candidates) out.push_back(candidate.codes);
    return out;
}

TEST(SampleCodes, RepeatableAndIndependentOfTheBatch) {
    const auto model = small_model();
    const auto generator = make_generator(model);
    const at::Tensor latent = at::zeros({1, 32});
    const std::vector<int> text{5, 6, 7};
    SamplingOptions options;
    options.candidates = 5;
    options.max_codes = 30;
    options.usable_codes = 64;
    options.seed = 7;
    const auto one = sample_codes(generator, latent, text, options);
    options.batch = 2;
    EXPECT_EQ(codes_of(one), codes_of(sample_codes(generator, latent, text, options)));
    options.seed = 8;
    EXPECT_NE(codes_of(one), codes_of(sample_codes(generator, latent, text, options)));
    EXPECT_NE(one[0].codes, one[1].codes);
    for (const auto& candidate : one) {
        EXPECT_EQ(candidate.stopped, candidate.codes.size() < 30u);
        for (const int code : candidate.codes) EXPECT_LT(code, 64);
    }
}

TEST(SampleCodes, OnlyUsableCodesAndTheStopAreDrawn) {
    const auto model = small_model();
    const auto generator = make_generator(model);
    SamplingOptions options;
    options.candidates = 8;
    options.max_codes = 40;
    options.usable_codes = 4;
    options.processors = {1, 0, 5, 0, 1};
    bool stopped = false;
    int calls = 0;
    for (const auto& candidate :
         sample_codes(generator, at::zeros({1, 32}), std::vector<int>{5}, options, [&](int, int total) {
             ++calls;
             EXPECT_EQ(total, 40);
         })) {
        stopped = stopped || candidate.stopped;
        for (const int code : candidate.codes) EXPECT_LT(code, 4);
    }
    EXPECT_TRUE(stopped);
    EXPECT_GT(calls, 0);
}

TEST(SampleCodes, GreedyTakesTheLikeliest) {
    const auto model = small_model();
    const auto generator = make_generator(model);
    const at::Tensor latent = at::zeros({1, 32});
    SamplingOptions options;
    options.greedy = true;
    options.max_codes = 6;
    options.usable_codes = 64;
    const auto got = sample_codes(generator, latent, std::vector<int>{9, 8}, options).front();
    auto state = generator.begin(latent, at::tensor({9, 8, 0}).unsqueeze(0), 6);
    for (const int code : got.codes) {
        state.logits.select(1, 64).fill_(-1e9);  // the start code is never drawn
        EXPECT_EQ(state.logits.argmax(1).item<int>(), code);
        generator.advance(state, at::tensor({static_cast<std::int64_t>(code)}));
    }
}

TEST(SampleCodes, RefusesAndStops) {
    const auto model = small_model();
    const auto generator = make_generator(model);
    const at::Tensor latent = at::zeros({1, 32});
    const std::vector<int> text{5};
    const auto bad = [&](auto&& change) {
        SamplingOptions options;
        options.max_codes = 10;
        change(options);
        EXPECT_THROW(sample_codes(generator, latent, text, options), Error);
    };
    bad([](auto& o) { o.max_codes = 1000; });
    bad([](auto& o) { o.max_codes = 0; });
    bad([](auto& o) { o.candidates = 0; });
    bad([](auto& o) { o.batch = 0; });
    bad([](auto& o) { o.processors.temperature = 0; });
    request_stop();
    bad([](auto&) {});
    request_stop(false);
}

class PreviewTest : public ::testing::Test {
  protected:
    PreviewTest() : model_(small_model(32)), dvae_(config()) {
        dvae_.initialise(1);
        clip_.rate = 16000;
        for (int i = 0; i < 16000; ++i)
            clip_.samples.push_back(0.3f * static_cast<float>(std::sin(i * 0.05) * std::sin(i * 0.001)));
        options_.griffin_lim.iterations = 2;
        options_.sampling.max_codes = 20;
    }
    static nets::DvaeConfig config() {
        nets::DvaeConfig shape;
        shape.hidden_dim = 8, shape.codebook_dim = 8, shape.num_tokens = 32;
        return shape;
    }
    nets::UnifiedVoice model_;
    nets::Dvae dvae_;
    audio::Clip clip_;
    PreviewOptions options_;
};

TEST_F(PreviewTest, SpeaksSomething) {
    const auto preview = speak_preview(model_, text::Tokenizer::builtin(), dvae_, std::span(&clip_, 1),
                                       "Hello there.", options_);
    EXPECT_EQ(preview.clip.rate, 22050);
    EXPECT_EQ(preview.clip.samples.size(), (preview.candidate.codes.size() * 4 - 1) * 256);
}

TEST_F(PreviewTest, RefusesNothingToSay) {
    const auto speak = [&](std::span<const audio::Clip> clips, std::string_view text) {
        speak_preview(model_, text::Tokenizer::builtin(), dvae_, clips, text, options_);
    };
    EXPECT_THROW(speak(std::span(&clip_, 1), ""), Error);
    EXPECT_THROW(speak({}, "Hello."), Error);
    const audio::Clip empty{{}, 22050};
    EXPECT_THROW(speak(std::span(&empty, 1), "Hello."), Error);
    EXPECT_THROW(speak(std::span(&clip_, 1), std::string(500, 'x')), Error);
}

TEST_F(PreviewTest, ResynthesisKeepsTheLength) {
    const auto out = resynthesise(dvae_, clip_, options_.griffin_lim);
    EXPECT_NEAR(out.clip.seconds(), 1.0, 0.02);
    EXPECT_NEAR(static_cast<double>(out.codes.size()), 22050 / 1024.0, 1.5);
    EXPECT_GT(out.mel_error, 0);
    const audio::Clip blip{{0.1f, 0.2f}, 22050};
    EXPECT_NO_THROW(resynthesise(dvae_, blip, options_.griffin_lim));
    EXPECT_THROW(codes_to_wave(dvae_, {}), Error);
    const std::vector<int> outside{3, 32};
    EXPECT_THROW(codes_to_wave(dvae_, outside), Error);
}

TEST_F(PreviewTest, ConditioningIsSixSeconds) {
    EXPECT_EQ(conditioning_mel(clip_).sizes(), (std::vector<std::int64_t>{80, 517}));
    audio::Clip longer{std::vector<float>(200000, 0.1f), 22050};
    EXPECT_EQ(conditioning_mel(longer).sizes(), (std::vector<std::int64_t>{80, 517}));
}

}  // namespace
}  // namespace testudo::synthesis
