#include "training/samples.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "core/interrupt.h"
#include "training/config.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using test::error_of;
using test::Workshop;

const std::vector<std::string> sentences = {"this is a line.", "Yes, \"this\" is: a line."};

SpokenSentence beep(const std::string& text) {
    return {
        {std::vector<float>(100 + text.size(), 0.1f), 22050}, static_cast<std::int64_t>(text.size()), true};
}

std::vector<Json> samples_of(const Workshop& shop) {
    std::vector<Json> found;
    for (const Json& event : shop.of_type("artifact"))
        if (event["kind"] == "sample") found.push_back(event);
    return found;
}

TEST(Samples, AreSpokenAtEachSaveInTheSameVoice) {
    Workshop shop(10, 0);
    shop.settings.sample_sentences = sentences;
    shop.configure();
    int loaded = 0;
    std::set<std::string> clips;
    std::set<std::uint64_t> seeds;
    shop.train({.speak = [&](const SpeakingVoice& voice) -> Speak {
        ++loaded;
        clips.insert(voice.clip.string());
        seeds.insert(voice.seed);
        EXPECT_TRUE(fs::exists(voice.clip));
        EXPECT_TRUE(fs::exists(voice.dvae));
        return beep;
    }});
    EXPECT_EQ(loaded, 3) << "once a save";
    EXPECT_EQ(clips.size(), 1u);
    EXPECT_EQ(seeds.size(), 1u);
    const auto samples = samples_of(shop);
    ASSERT_EQ(samples.size(), 6u);
    EXPECT_EQ(samples[3]["it"], 6);
    EXPECT_EQ(samples[3]["number"], 2);
    EXPECT_EQ(samples[3]["text"], sentences[1]);
    EXPECT_EQ(samples[3]["path"], shop.paths().sample(6, 2).string());
    for (const Json& sample : samples) EXPECT_TRUE(fs::exists(sample["path"].get<std::string>()));
    EXPECT_TRUE(fs::exists(shop.paths().finetune / "samples/9_1.wav"));
}

TEST(Samples, GoWithTheirCheckpoint) {
    Workshop shop(10, 0);
    shop.settings.sample_sentences = sentences;
    shop.settings.keep_states = 1;
    shop.configure();
    shop.train({.speak = [](const SpeakingVoice&) -> Speak { return beep; }});
    EXPECT_FALSE(fs::exists(shop.paths().sample(6, 1)));
    EXPECT_TRUE(fs::exists(shop.paths().sample(9, 1)));
    EXPECT_TRUE(fs::exists(shop.paths().sample(9, 2)));
}

TEST(Samples, NeverEndATraining) {
    Workshop shop(10, 0);
    shop.settings.sample_sentences = sentences;
    shop.configure();
    int call = 0;
    const Json result = shop.train({.speak = [&](const SpeakingVoice&) -> Speak {
        if (++call == 1) throw std::runtime_error("no memory for the DVAE");
        return [&](const std::string& text) {
            if (call == 2 && text == sentences[0]) throw input_error("it stays silent", "Train on.");
            return beep(text);
        };
    }});
    EXPECT_EQ(result["iterations"], 9);
    EXPECT_TRUE(shop.said("the samples of iteration 3 could not be spoken: no memory for the DVAE"));
    EXPECT_TRUE(shop.said("sample 1 of iteration 6 could not be spoken: it stays silent"));
    EXPECT_EQ(shop.told_about("sample"), (std::vector<std::int64_t>{3, 6}));
    EXPECT_EQ(samples_of(shop).size(), 3u);
}

TEST(Samples, AreLeftOutWhenAStopIsAskedFor) {
    Workshop shop(10, 0);
    shop.settings.sample_sentences = sentences;
    shop.configure();
    int spoken = 0;
    shop.train({.speak = [&](const SpeakingVoice&) -> Speak {
        return [&](const std::string& text) {
            ++spoken;
            request_stop();
            return beep(text);
        };
    }});
    request_stop(false);
    EXPECT_EQ(spoken, 1);
    EXPECT_EQ(shop.losses().size(), 3u);
}

TEST(Samples, TheirTimeIsInTheEta) {
    Workshop shop(10, 0);
    shop.settings.sample_sentences = {"this is a line."};
    shop.settings.epochs = 6;
    shop.configure();
    shop.train({.speak = [](const SpeakingVoice&) -> Speak {
        return [](const std::string& text) {
            std::this_thread::sleep_for(std::chrono::milliseconds(400));
            return beep(text);
        };
    }});
    double eta = 0;
    for (const Json& event : shop.of_type("progress"))
        if (event["stage"] == "train" && event["done"] > 3 && eta == 0)
            eta = event["eta_seconds"].get<double>();
    EXPECT_GT(eta, 4 * 0.4) << "at least four more saves";
}

TEST(Samples, SentencesAreChecked) {
    Workshop shop(10, 0);
    const auto kind = [&] { return error_of([&] { shop.configure(); }).kind(); };
    shop.settings.sample_sentences.assign(9, "one");
    EXPECT_EQ(kind(), ErrorKind::usage);
    shop.settings.sample_sentences = {std::string(201, 'a')};
    EXPECT_EQ(kind(), ErrorKind::usage);
    shop.settings.sample_sentences = {" ", "one"};
    shop.configure();
    EXPECT_EQ(read_config(shop.root(), shop.paths().yaml).sample_sentences, std::vector<std::string>{"one"});

    std::string yaml = read_file(shop.paths().yaml);
    yaml.replace(yaml.find("- one"), 5, "- [one]");
    write_file(shop.paths().yaml, yaml);
    const Error error = error_of([&] { read_config(shop.root(), shop.paths().yaml); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_NE(std::string(error.what()).find("sample_sentences"), std::string::npos) << error.what();
    shop.settings.sample_sentences.clear();
    shop.configure();
    EXPECT_TRUE(read_config(shop.root(), shop.paths().yaml).sample_sentences.empty());
}

}  // namespace
}  // namespace testudo::training
