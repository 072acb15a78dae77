#include "dataset/trim_speech.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <numbers>
#include <random>

#include "audio/decode.h"
#include "audio/resample.h"
#include "core/strings.h"
#include "support/golden.h"

namespace testudo::test {
namespace {

const asr::VoiceActivity* voice() {
    static std::unique_ptr<asr::VoiceActivity> loaded;
    const fs::path file = source_dir() / ".deps/share/vad/silero_vad.jit";
    if (!fs::exists(file)) {
        std::cerr << "[models] " << file.string() << " is not there: skipped\n";
        return nullptr;
    }
    if (!loaded) loaded = std::make_unique<asr::VoiceActivity>(asr::VoiceActivity::load(file));
    return loaded.get();
}

audio::Clip clip_of(const std::string& name) {
    return audio::load(golden_file_or_default("asr/audio/" + name + ".flac"), 16000);
}

// `seconds` of a quiet room on both sides.
audio::Clip in_a_room(const audio::Clip& clip, double seconds, double level = 3e-4) {
    std::mt19937 random(1);
    std::normal_distribution<float> draw(0, static_cast<float>(level));
    const auto silent = static_cast<std::size_t>(seconds * clip.rate);
    audio::Clip out;
    out.rate = clip.rate;
    out.samples.resize(2 * silent + clip.samples.size());
    for (float& sample : out.samples) sample = draw(random);
    for (std::size_t i = 0; i < clip.samples.size(); ++i) out.samples[silent + i] += clip.samples[i];
    return out;
}

audio::Clip part(const audio::Clip& clip, double start, double end) {
    const auto at = [&](double seconds) {
        return clip.samples.begin() + static_cast<std::ptrdiff_t>(seconds * clip.rate);
    };
    return {{at(start), at(end)}, clip.rate};
}

double power(std::span<const float> samples) {
    double sum = 0;
    for (const float sample : samples) sum += static_cast<double>(sample) * sample;
    return samples.empty() ? 0 : sum / static_cast<double>(samples.size());
}

}  // namespace

// What is cut off holds no speech: next to nothing of the energy, and nothing the network knows as speech.
TEST(GoldenTrimSpeech, NothingSpokenIsCut) {
    const auto cases = golden_cases("asr", "vad");
    if (cases.empty() || !voice()) GTEST_SKIP();
    for (const auto& one : cases)
        for (const auto& [name, about] : one.manifest["clips"].items()) {
            SCOPED_TRACE(name);
            const auto clip = clip_of(name);
            const auto range = dataset::trim_to_speech(clip, *voice());
            if (about["silero_default"].empty()) continue;
            ASSERT_TRUE(range);
            ASSERT_LT(range->first, range->past_last);
            ASSERT_LE(range->past_last, clip.samples.size());
            const auto first = about["silero_default"].front()[0].get<double>(),
                       last = about["silero_default"].back()[1].get<double>();
            EXPECT_LE(static_cast<double>(range->first), first + 480);
            EXPECT_GE(static_cast<double>(range->past_last),
                      std::min(last - 480, static_cast<double>(clip.samples.size())));
            const double kept =
                power(std::span(clip.samples).subspan(range->first, range->past_last - range->first));
            EXPECT_LT(power(std::span(clip.samples).first(range->first)), 0.01 * kept);
            EXPECT_LT(power(std::span(clip.samples).subspan(range->past_last)), 0.01 * kept);
        }
}

TEST(TrimSpeech, CutsTheRoomAtBothEndsAtAnyRate) {
    if (!voice()) GTEST_SKIP();
    const auto speech = clip_of("en_lj1");
    for (const int rate : {16000, 22050, 48000}) {
        const auto clip = audio::resample(in_a_room(speech, 1.5), rate);
        const auto range = dataset::trim_to_speech(clip, *voice());
        ASSERT_TRUE(range) << rate;
        const double first = static_cast<double>(range->first) / rate,
                     cut = clip.seconds() - static_cast<double>(range->past_last) / rate;
        EXPECT_GT(first, 1.3) << rate;
        EXPECT_LE(first, 1.5) << rate;
        EXPECT_GT(cut, 1.2) << rate;
        EXPECT_LE(cut, 1.55) << rate;
    }
}

TEST(TrimSpeech, ShortWordsSurvive) {
    if (!voice()) GTEST_SKIP();
    const auto word = clip_of("en_short");
    const auto whole = dataset::trim_to_speech(word, *voice());
    ASSERT_TRUE(whole);
    // The word in a slice of its own, and a fraction of it that the network does not call speech.
    const double first = static_cast<double>(whole->first) / 16000,
                 last = static_cast<double>(whole->past_last) / 16000;
    for (const double seconds : {0.7, 0.3, 0.12}) {
        const auto clip = in_a_room(part(word, first, std::min(last, first + seconds)), 0.6);
        const auto range = dataset::trim_to_speech(clip, *voice());
        ASSERT_TRUE(range) << seconds;
        EXPECT_LE(static_cast<double>(range->first) / 16000, 0.66) << seconds;
        EXPECT_GE(static_cast<double>(range->past_last) / 16000, 0.6 + 0.6 * std::min(seconds, last - first))
            << seconds;
    }
}

TEST(TrimSpeech, WhatStandsOutIsKeptWhereNoSpeechIsKnown) {
    if (!voice()) GTEST_SKIP();
    audio::Clip beep;
    beep.rate = 16000;
    for (int i = 0; i < 3200; ++i)
        beep.samples.push_back(static_cast<float>(0.3 * std::sin(2 * std::numbers::pi * 3000 * i / 16000)));
    const auto clip = in_a_room(beep, 1);
    ASSERT_TRUE(voice()->speech(clip).empty());
    const auto range = dataset::trim_to_speech(clip, *voice(), {.front = 0.05, .back = 0.1});
    ASSERT_TRUE(range);
    EXPECT_NEAR(static_cast<double>(range->first) / 16000, 0.95, 0.03);
    EXPECT_NEAR(static_cast<double>(range->past_last) / 16000, 1.3, 0.03);
}

TEST(TrimSpeech, NothingStandsOut) {
    if (!voice()) GTEST_SKIP();
    EXPECT_FALSE(dataset::trim_to_speech({}, *voice()));
    EXPECT_FALSE(dataset::trim_to_speech({std::vector<float>(16000), 16000}, *voice()));
    EXPECT_FALSE(dataset::trim_to_speech({{0.5f}, 16000}, *voice()));
    EXPECT_FALSE(dataset::trim_to_speech(in_a_room({{}, 16000}, 1, 0.05), *voice()));
}

}  // namespace testudo::test
