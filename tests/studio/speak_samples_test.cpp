#include "studio/speak_samples.h"

#include <gtest/gtest.h>

#include "audio/decode.h"
#include "nets/unified_voice.h"
#include "training/base_model.h"
#include "training/workshop.h"

namespace testudo::studio {
namespace {

using training::test::Workshop;

std::vector<std::pair<std::int64_t, double>> losses_of(Workshop& shop, training::TrainOptions options) {
    shop.seen.clear();
    shop.train(std::move(options));
    return shop.losses();
}

TEST(SpeakSamples, ChangeNothingInTheTraining) {
    Workshop shop(10, 3);
    shop.settings.epochs = 4;
    shop.settings.save_rate = 2;
    shop.configure();
    const auto plain = losses_of(shop, {});
    ASSERT_EQ(plain.size(), 12u);
    shop.settings.sample_sentences = {"this is a line.", "is this a line, too?"};
    shop.configure();
    const auto sampled = losses_of(shop, {.speak = speak_samples()});
    EXPECT_EQ(sampled, plain) << "to the last bit";

    std::vector<Json> samples;
    for (const Json& event : shop.of_type("artifact"))
        if (event["kind"] == "sample") samples.push_back(event);
    ASSERT_EQ(samples.size(), 4u);
    for (const Json& sample : samples) {
        const auto clip = audio::load(sample["path"].get<std::string>());
        EXPECT_EQ(clip.rate, 22050);
        EXPECT_GT(clip.samples.size(), 0u);
        EXPECT_NEAR(clip.seconds(), sample["seconds"].get<double>(), 1e-3);
        EXPECT_LE(sample["codes"].get<int>(), most_codes_of(sample["text"].get<std::string>()));
    }
    // Resumed in the middle it goes on in the same way, and says the same.
    const std::string last = read_file(shop.paths().sample(12, 2));
    fs::remove(shop.paths().state(12));
    shop.seen.clear();
    shop.resume({.speak = speak_samples()});
    const auto resumed = shop.losses();
    ASSERT_EQ(resumed.size(), 6u);
    EXPECT_TRUE(std::equal(resumed.begin(), resumed.end(), plain.begin() + 6));
    EXPECT_EQ(read_file(shop.paths().sample(12, 2)), last);
}

// What is heard is the checkpoint, also where it is more than the weights that were trained.
TEST(SpeakSamples, AreThoseOfTheCheckpoint) {
    for (const std::int64_t rank : {0, 4}) {
        Workshop shop(10, 0);
        shop.settings.epochs = 2;
        shop.settings.save_rate = 2;
        shop.settings.learning_rate = 0.05;
        shop.settings.lora_rank = rank;
        shop.settings.sample_sentences = {"this is a line."};
        shop.configure();
        training::SpokenSentence base, trained;
        shop.train({.speak = [&](const training::SpeakingVoice& voice) -> training::Speak {
            const auto of_file = [&](const fs::path& file) {
                const auto model = training::load_model(file, voice.model.config(), at::kCPU, "test");
                const training::SpeakingVoice other{model,      file,       voice.tokenizer,
                                                    voice.dvae, voice.clip, voice.seed};
                return speak_samples()(other)("this is a line.");
            };
            base = of_file(shop.root() / "models/tortoise/autoregressive.pth");
            trained = of_file(voice.checkpoint);
            return speak_samples()(voice);
        }});
        ASSERT_TRUE(fs::exists(shop.paths().sample(6, 1)));
        const auto heard = audio::load(shop.paths().sample(6, 1));
        ASSERT_EQ(heard.samples.size(), trained.clip.samples.size()) << "LoRA rank " << rank;
        for (std::size_t i = 0; i < heard.samples.size(); ++i)
            ASSERT_NEAR(heard.samples[i], trained.clip.samples[i], 1e-4) << "LoRA rank " << rank;
        EXPECT_NE(trained.clip.samples, base.clip.samples) << "LoRA rank " << rank;
    }
}

TEST(SpeakSamples, AreNoLongerThanSlowSpeech) {
    EXPECT_EQ(most_codes_of("Yes."), 42);
    EXPECT_EQ(most_codes_of(std::string(200, 'a')), 250);
    EXPECT_LT(most_codes_of(std::string(10, 'a')) * 1024 / 22050.0, 3);
}

}  // namespace
}  // namespace testudo::studio
