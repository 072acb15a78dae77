#include "dataset/features.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "dataset/batches.h"
#include "dataset/fixtures.h"
#include "nets/dvae.h"
#include "nets/unified_voice.h"
#include "support/golden.h"
#include "text/tokenizer.h"

namespace testudo::test {
namespace {

nets::Dvae tiny_dvae(std::uint64_t seed = 3) {
    nets::DvaeConfig config;
    config.hidden_dim = 16;
    config.codebook_dim = 8;
    config.num_tokens = 32;
    nets::Dvae dvae(config);
    dvae.initialise(seed);
    return dvae;
}

struct Clips {
    Clips() {
        write_wav(folder / "long.wav", sine(5, 22050), 22050);
        write_wav(folder / "short.wav", sine(1, 22050, 330), 22050);
        write_text(list, "long.wav|The long one.\nshort.wav|The short one.");
    }
    dataset::Features features(dataset::FeatureOptions options = {}) {
        return {list, folder / "cache", dvae, text::Tokenizer::builtin(), options, events};
    }
    TemporaryFolder folder;
    fs::path list = folder / "train.txt";
    nets::Dvae dvae = tiny_dvae();
    Events events;
};

}  // namespace

TEST(Features, AreComputedOnceAndTheSameFromTheCache) {
    Clips clips;
    const auto first = clips.features();
    EXPECT_EQ(first.computed(), 2);
    const auto second = clips.features();
    EXPECT_EQ(second.computed(), 0);
    EXPECT_EQ(first.fingerprint(), second.fingerprint());
    for (int i = 0; i < 2; ++i) {
        const auto a = first.example(i, 7), b = second.example(i, 7), c = second.example(i, 8);
        EXPECT_EQ(a.text, b.text);
        EXPECT_TRUE(at::equal(a.codes, b.codes));
        ASSERT_EQ(a.conditioning.size(), 2u);
        EXPECT_EQ(a.conditioning[0].sizes(), (at::IntArrayRef{80, 172}));
        EXPECT_TRUE(at::equal(a.conditioning[1], b.conditioning[1]));
        EXPECT_EQ(at::equal(a.conditioning[0], c.conditioning[0]), i == 1);  // the short one has one crop
    }
    EXPECT_EQ(first.example(0, 1).codes.size(0), (5 * 22050 + 1023) / 1024);
    EXPECT_EQ(first.lengths()[1], static_cast<int>(first.example(1, 1).text.size()) + (22050 + 1023) / 1024);
    EXPECT_NEAR(first.seconds(), 6, 1e-3);
}

TEST(Features, PaddedAsDlasDoes) {
    Clips clips;
    const auto own = clips.features();
    const auto padded = clips.features({.dlas = true});
    EXPECT_EQ(padded.computed(), 2);  // another mode, another entry
    for (int i = 0; i < 2; ++i) {
        const auto example = padded.example(i, 1);
        EXPECT_EQ(example.codes.size(0), 250);
        EXPECT_EQ(example.conditioning[0].sizes(), (at::IntArrayRef{80, 172}));
        // Inside the clip both modes see the same sound.
        const auto codes = own.example(i, 1).codes;
        EXPECT_TRUE(at::equal(codes, example.codes.narrow(0, 0, codes.size(0))));
    }
    EXPECT_EQ(padded.example(1, 1).samples, 22050);
}

TEST(Features, DamagedEntriesAreMadeAnewAndOtherWeightsNeverMixed) {
    Clips clips;
    const auto before = clips.features().example(0, 1).codes;
    int damaged = 0;
    for (const auto& entry : fs::directory_iterator(clips.folder / "cache")) {
        std::string bytes = read_file(entry.path());
        if (damaged++ == 0)
            bytes[bytes.size() - 3] ^= 1;
        else
            bytes.resize(bytes.size() / 2);
        write_text(entry.path(), bytes);
    }
    EXPECT_EQ(damaged, 2);
    const auto again = clips.features();
    EXPECT_EQ(again.computed(), 2);
    EXPECT_TRUE(at::equal(before, again.example(0, 1).codes));
    clips.dvae = tiny_dvae(4);
    EXPECT_EQ(clips.features().computed(), 2);
    write_wav(clips.folder / "long.wav", sine(5, 22050, 440), 22050);
    EXPECT_EQ(clips.features().computed(), 1);
}

TEST(Features, LinesThatCannotBeLearntAreNamed) {
    Clips clips;
    write_wav(clips.folder / "huge.wav", sine(12, 22050), 22050);
    write_wav(clips.folder / "silent.wav", Samples(30000), 22050);
    std::string many = "word";
    for (int i = 0; i < 250; ++i) many += " word";
    write_text(clips.list, "long.wav|Fine.\nhuge.wav|Too long.\nsilent.wav|Silence.\nshort.wav|" + many);
    std::vector<std::string> warnings;
    clips.events.listen([&](const Json& event) {
        if (event.value("level", "") == "warning") warnings.push_back(event["message"]);
    });
    const auto features = clips.features();
    EXPECT_EQ(features.size(), 1);
    EXPECT_EQ(features.rejected().size(), 3u);
    ASSERT_EQ(warnings.size(), 3u);
    EXPECT_NE(warnings[0].find("train.txt:2"), std::string::npos);

    write_text(clips.list, "huge.wav|Too long.");
    EXPECT_THROW(clips.features(), Error);
    write_text(clips.folder / "bad.wav", "no sound");
    write_text(clips.list, "long.wav|Fine.\nbad.wav|Bad.");
    try {
        clips.features();
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("train.txt:2"), std::string::npos) << error.what();
    }
}

TEST(Features, UnknownCharactersAreListed) {
    Clips clips;
    // A vocabulary without letters beyond a and b.
    const auto tokenizer = text::Tokenizer::parse(
        R"({"added_tokens":[{"id":0,"content":"[STOP]"},{"id":1,"content":"[UNK]"},{"id":2,"content":"[SPACE]"}],
            "model":{"type":"BPE","unk_token":"[UNK]",
                     "vocab":{"[STOP]":0,"[UNK]":1,"[SPACE]":2,"a":3,"b":4},"merges":[]}})",
        "here");
    write_text(clips.list, "long.wav|ab ba\nshort.wav|abc");
    const dataset::Features features(clips.list, clips.folder / "cache", clips.dvae, tokenizer, {},
                                     clips.events);
    EXPECT_EQ(features.size(), 1);
    ASSERT_EQ(features.rejected().size(), 1u);
    EXPECT_NE(features.rejected()[0].reason.find("c"), std::string::npos);
}

}  // namespace testudo::test
