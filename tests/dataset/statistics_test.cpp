#include "dataset/statistics.h"

#include <gtest/gtest.h>

#include <limits>

#include "dataset/fixtures.h"
#include "support/golden.h"

namespace testudo::test {
namespace {

struct Dataset {
    Dataset() {
        write_wav(training / "audio/a.wav", sine(2, 22050), 22050);
        write_wav(training / "audio/b.wav", sine(4, 22050, 220, 0.03), 22050);
        write_text(training / "train.txt", "audio/a.wav|Twenty characters ab");
        write_text(training / "validation.txt", "audio/b.wav|Forty characters, four seconds, one € ab");
        write_json(training / "report.json", Json::parse(R"({
            "transcribe": {"rejected": [{"file": "x.wav", "seconds": 0, "reason": "is a link to nothing"}]},
            "slice": {"rejected": [{"file": "c.wav", "start": 1, "end": 3, "seconds": 2, "kind": "silent"}]},
            "list": {"rejected": [{"file": "c.wav", "start": 1, "end": 3, "seconds": 2, "kind": "other"},
                                  {"file": "c.wav", "start": 3, "end": 3.5, "seconds": 0.5, "kind": "too short"}]},
            "lines": [{"audio": "audio/a.wav", "language": "en", "speaker": "S1", "verdict": "doubtful",
                       "reasons": ["is noisy"]},
                      {"audio": "audio/b.wav", "language": "de", "verdict": "good", "reasons": []},
                      {"audio": 3}, 7]})"));
    }
    dataset::Statistics measure() {
        return dataset::statistics_of(folder.path(), "v", text::Tokenizer::builtin(), nullptr, events);
    }
    TemporaryFolder folder;
    fs::path training = folder.path() / "training/v";
    Events events;
};

}  // namespace

TEST(Statistics, CountWhatIsInAndWhatIsNot) {
    Dataset d;
    const auto s = d.measure();
    EXPECT_EQ(s.train_lines, 1);
    EXPECT_EQ(s.validation_lines, 1);
    EXPECT_NEAR(s.seconds, 6, 1e-3);
    EXPECT_NEAR(s.length.median, 3, 1e-3);
    EXPECT_NEAR(s.characters_per_second.least, 10, 0.1);
    EXPECT_NEAR(s.characters_per_second.most, 10, 0.1);
    EXPECT_NEAR(s.loudness.most - s.loudness.least, 20, 0.5);
    EXPECT_EQ(s.tokens.values, 2);
    EXPECT_FALSE(s.speech_seconds);
    EXPECT_EQ(s.lost.at("silent").count, 1);
    EXPECT_EQ(s.lost.count("other"), 0u);  // the cutting had reported it
    EXPECT_DOUBLE_EQ(s.lost.at("too short").seconds, 0.5);
    EXPECT_EQ(s.lost.at("recording cannot be used").count, 1);
    EXPECT_DOUBLE_EQ(s.seconds_lost, 2.5);
    EXPECT_EQ(s.verdicts.at("doubtful"), 1);
    EXPECT_EQ(s.doubtful, std::vector<std::string>{"audio/a.wav: is noisy"});
    EXPECT_NEAR(s.languages.at("de").seconds, 4, 1e-3);
    EXPECT_EQ(s.speakers.at("S1").count, 1);
    const Json json = to_json(s);
    EXPECT_EQ(json["lost"]["silent"]["seconds"], 2.0);
    EXPECT_EQ(json["languages"]["en"]["count"], 1);
    const std::string text = to_text(s);
    for (const char* part : {"1 lines to train on", "doubtful: audio/a.wav: is noisy", "silent", "loudness"})
        EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(Statistics, DoWithoutAReportButNotWithoutLists) {
    Dataset d;
    for (const char* damage :
         {"{", "[]", R"({"list": 3, "lines": {"a": 1}})", R"({"slice": {"rejected": 5}})"}) {
        write_text(d.training / "report.json", damage);
        EXPECT_EQ(d.measure().verdicts.size(), 0u) << damage;
    }
    std::vector<std::string> warnings;
    d.events.listen([&](const Json& event) {
        if (event.value("level", "") == "warning") warnings.push_back(event["message"]);
    });
    for (const char* damage : {"{", "[]"}) {
        warnings.clear();
        write_text(d.training / "report.json", damage);
        d.measure();
        ASSERT_EQ(warnings.size(), 1u) << damage;
        EXPECT_NE(warnings[0].find("report.json"), std::string::npos) << warnings[0];
    }
    fs::remove(d.training / "report.json");
    warnings.clear();
    write_text(d.training / "whisper.json", "{\"a.wav\": {");
    d.measure();
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_NE(warnings[0].find("whisper.json"), std::string::npos) << warnings[0];
    warnings.clear();
    write_text(d.training / "whisper.json", R"({"a.wav": {"text": "", "segments": []}, "b.wav": 7})");
    d.measure();
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_NE(warnings[0].find("would lack an entry"), std::string::npos) << warnings[0];
    fs::remove(d.training / "audio/b.wav");
    EXPECT_THROW(d.measure(), Error);
    fs::remove(d.training / "train.txt");
    EXPECT_THROW(d.measure(), Error);
}

TEST(Histogram, HoldsEveryValueOnce) {
    for (const auto& values : {std::vector<double>{},
                               {3},
                               {5, 5, 5},
                               {-23.1, -22.9, -40},
                               {0, 1e-9},
                               {1e9, -1e9, 3},
                               {1, 2, 3, 4, 10}}) {
        const auto h = dataset::histogram(values, 10);
        EXPECT_LE(h.counts.size(), 10u);
        int sum = 0;
        for (const int count : h.counts) sum += count;
        EXPECT_EQ(sum, static_cast<int>(values.size()));
        if (values.empty()) continue;
        EXPECT_LE(h.low, h.least);
        EXPECT_GE(h.low + h.width * static_cast<double>(h.counts.size()), h.most);
        EXPECT_GT(h.width, 0);
    }
    EXPECT_EQ(dataset::histogram({1, std::numeric_limits<double>::quiet_NaN()}).values, 1);
}

}  // namespace testudo::test
