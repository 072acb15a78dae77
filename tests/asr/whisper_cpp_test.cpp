// whisper.cpp with converted weights against what openai-whisper makes of the same clips.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <map>

#include "asr/bench.h"
#include "asr/whisper_cpp_backend.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "models.h"

namespace testudo::asr {
namespace {

using test::golden_clip;

Backend* whisper_cpp(const std::string& name) {
    static std::map<std::string, std::unique_ptr<Backend>> open;
    const fs::path file = test::ggml_model(name);
    if (file.empty()) return nullptr;
    auto& backend = open[name];
    if (!backend) backend = whisper_cpp_backend(file);
    return backend.get();
}

Transcript hear(Backend& backend, const std::string& clip, const HearOptions& options) {
    return backend.hear({golden_clip(clip)}, options).front();
}

// Lower case, without marks.
std::vector<std::string> plain_words(const std::string& text) {
    std::string clean;
    for (const char c : lower_ascii(text))
        clean +=
            std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80 || c == '\''
                ? c
                : ' ';
    std::vector<std::string> words;
    for (std::string& word : split(clean, ' '))
        if (!word.empty()) words.push_back(std::move(word));
    return words;
}

std::size_t edits(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t corner = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t best = std::min({row[j] + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1])});
            corner = std::exchange(row[j], best);
        }
    }
    return row[b.size()];
}

void expect_sound(const Transcript& transcript, double seconds) {
    std::int64_t id = 0;
    double last = 0;
    for (const Segment& segment : transcript.segments) {
        EXPECT_EQ(segment.id, id++);
        EXPECT_GE(segment.start, last - 1e-6);
        EXPECT_GE(segment.end, segment.start);
        EXPECT_LE(segment.end, seconds + 0.01);
        EXPECT_FALSE(trim(segment.text).empty());
        EXPECT_FALSE(segment.tokens || segment.seek || segment.temperature);  // the original's form
        last = segment.start;
    }
}

// Its own rules of timestamps and seeking make other texts now and then: the share of other words stays
// small.
TEST(GoldenSlowWhisperCpp, TheWordsAreThoseOfOpenai) {
    const auto cases = test::golden_cases("asr/whisper", "transcripts");
    if (cases.empty()) GTEST_SKIP();
    std::map<std::string, std::pair<std::size_t, std::size_t>> counted;  // model: words, other ones
    for (const auto& c : cases)
        for (const auto& [key, result] : c.manifest["results"].items()) {
            const auto parts = split(key, '|');
            ASSERT_EQ(parts.size(), 3u) << key;
            const bool detect = parts[2] == "auto", beam = parts[2] == "beam5";
            if (!detect && !beam && parts[2] != "default") continue;
            bool drawn = false;
            for (const auto& segment : result["segments"]) drawn = drawn || segment.value("sampled", false);
            const auto expected = plain_words(result["text"].get<std::string>());
            Backend* backend = whisper_cpp(parts[0]);
            if (drawn || expected.empty() || !backend) continue;
            HearOptions options;
            options.language = detect ? "" : result["language"].get<std::string>();
            options.beam_size = beam ? 5 : 0;
            const Transcript own = hear(*backend, parts[1], options);
            SCOPED_TRACE(cat(key, ":", own.text));
            EXPECT_EQ(own.language, result["language"].get<std::string>());
            EXPECT_TRUE(own.warnings.empty());
            expect_sound(own, golden_clip(parts[1]).seconds());
            counted[parts[0]].first += expected.size();
            counted[parts[0]].second += edits(expected, plain_words(own.text));
        }
    for (const auto& [model, count] : counted) {
        std::cout << "  " << model << ": " << count.second << " of " << count.first << " words differ\n";
        EXPECT_LT(static_cast<double>(count.second), 0.08 * static_cast<double>(count.first)) << model;
    }
}

TEST(GoldenSlowWhisperCpp, TheTimesOfWordsAreThoseOfOpenai) {
    const auto cases = test::golden_cases("asr/whisper", "transcripts");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& c : cases) {
        std::vector<double> differences;
        for (const auto& [key, result] : c.manifest["results"].items()) {
            const auto parts = split(key, '|');
            Backend* backend = parts.at(2) == "words" ? whisper_cpp(parts[0]) : nullptr;
            if (!backend) continue;
            HearOptions options;
            options.language = result["language"].get<std::string>();
            options.word_timestamps = true;
            const Transcript own = hear(*backend, parts[1], options);
            SCOPED_TRACE(key);
            expect_sound(own, golden_clip(parts[1]).seconds());
            std::vector<Word> words;
            for (const Segment& segment : own.segments) {
                ASSERT_TRUE(segment.words);
                for (const Word& word : *segment.words) {
                    EXPECT_LE(word.start, word.end) << word.text;
                    EXPECT_GE(word.start, segment.start - 1e-6) << word.text;
                    EXPECT_LE(word.end, segment.end + 1e-6) << word.text;
                    words.push_back(word);
                }
            }
            // Words of one text come in one order: the next of the same spelling.
            std::size_t next = 0;
            for (const auto& segment : result["segments"])
                for (const auto& word : segment.value("words", Json::array()))
                    for (std::size_t i = next; i < std::min(words.size(), next + 3); ++i)
                        if (words[i].text == word["word"].get<std::string>()) {
                            differences.push_back(std::abs(words[i].start - word["start"].get<double>()));
                            differences.push_back(std::abs(words[i].end - word["end"].get<double>()));
                            next = i + 1;
                            break;
                        }
        }
        if (differences.empty()) continue;
        std::sort(differences.begin(), differences.end());
        const auto part = [&](double share) {
            return differences[static_cast<std::size_t>(share * static_cast<double>(differences.size() - 1))];
        };
        std::cout << "  " << differences.size() << " times: half within " << part(0.5) << " s, 90 % within "
                  << part(0.9) << " s\n";
        EXPECT_LE(part(0.5), 0.02);
        EXPECT_LE(part(0.9), 0.1);
    }
}

TEST(SlowWhisperCpp, AWrongLanguageIsNoticed) {
    Backend* backend = whisper_cpp("base");
    if (!backend) GTEST_SKIP();
    HearOptions options;
    options.language = "en";
    const Transcript wrong = hear(*backend, "fr", options);
    EXPECT_EQ(wrong.language, "en");
    ASSERT_EQ(wrong.warnings.size(), 1u);
    EXPECT_NE(wrong.warnings[0].find("sounds like fr"), std::string::npos) << wrong.warnings[0];
    EXPECT_LT(wrong.language_probability, 0.1);
    options.language = "French";
    const Transcript right = hear(*backend, "fr", options);
    EXPECT_TRUE(right.warnings.empty());
    EXPECT_EQ(right.language, "fr");
    EXPECT_GT(right.language_probability, 0.5);
}

TEST(SlowWhisperCpp, ProgressRunsToTheEnd) {
    Backend* backend = whisper_cpp("tiny.en");
    if (!backend) GTEST_SKIP();
    HearOptions options;
    double last = 0, total = 0;
    options.progress = [&](double done, double all) {
        EXPECT_GE(done, last);
        last = done;
        total = all;
    };
    const std::vector<audio::Clip> clips = {golden_clip("en_long"), golden_clip("en_short")};
    ASSERT_EQ(backend->hear(clips, options).size(), 2u);
    EXPECT_NEAR(total, clips[0].seconds() + clips[1].seconds(), 1e-6);
    EXPECT_NEAR(last, total, 0.2);
}

TEST(WhisperCpp, SilentShortAndBrokenClips) {
    Backend* backend = whisper_cpp("tiny.en");
    if (!backend) GTEST_SKIP();
    for (const audio::Clip& clip :
         {audio::Clip{}, audio::Clip{{}, 16000}, audio::Clip{std::vector<float>(100, 0.1f), 16000}}) {
        const auto heard = backend->hear({clip}, {});
        EXPECT_TRUE(heard.at(0).segments.empty());
        EXPECT_EQ(heard.at(0).language, "en");
    }
    EXPECT_TRUE(backend->hear({}, {}).empty());
    audio::Clip broken{std::vector<float>(16000, 0.1f), 16000};
    broken.samples[7] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THROW(backend->hear({broken}, {}), Error);
    EXPECT_THROW(backend->hear({audio::Clip{std::vector<float>(16000, 0.0f), 0}}, {}), Error);
}

TEST(WhisperCpp, WrongOptionsAreRefused) {
    Backend* backend = whisper_cpp("tiny.en");
    if (!backend) GTEST_SKIP();
    std::vector<HearOptions> wrong(3);
    wrong[0].language = "de";
    wrong[1].language = "klingon";
    wrong[2].beam_size = 9;
    for (const HearOptions& options : wrong) {
        try {
            backend->hear({}, options);
            ADD_FAILURE() << options.language;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            EXPECT_FALSE(error.hint().empty());
        }
    }
}

TEST(WhisperCpp, StopsWhenAsked) {
    Backend* backend = whisper_cpp("tiny.en");
    if (!backend) GTEST_SKIP();
    // Before it begins, and in the middle of a window.
    for (const bool at_once : {true, false}) {
        HearOptions options;
        if (at_once) request_stop();
        options.progress = [](double, double) { request_stop(); };
        try {
            backend->hear({golden_clip("en_long")}, options);
            ADD_FAILURE();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::interrupted);
        }
        request_stop(false);
    }
    EXPECT_FALSE(hear(*backend, "en_short", {}).segments.empty());  // and can go on
}

TEST(WhisperCpp, WhatIsNoModelIsRefused) {
    const test::TemporaryFolder folder;
    EXPECT_THROW(whisper_cpp_backend(folder / "none.bin"), Error);
    write_file(folder / "model.bin", "lmgg");
    EXPECT_THROW(whisper_cpp_backend(folder / "model.bin"), Error);
}

TEST(SlowWhisperCppBench, IsMeasuredAsTheOther) {
    Backend* backend = whisper_cpp("tiny.en");
    if (!backend) GTEST_SKIP();
    Events events;
    const Json result =
        bench_transcription(*backend, {golden_clip("en_jfk")}, {.repeats = 1, .language = "en"}, events);
    EXPECT_EQ(result["words"].get<int>(), 22);
    EXPECT_GT(result["cpu_rtf"].get<double>(), 0);
}

}  // namespace
}  // namespace testudo::asr
