#include <gtest/gtest.h>

#include <cmath>
#include <ctime>
#include <iostream>
#include <limits>
#include <numbers>
#include <random>

#include "audio/decode.h"
#include "audio/fade.h"
#include "audio/signal.h"
#include "core/error.h"
#include "support/golden.h"

namespace testudo::test {
namespace {

using audio::Clip;
using audio::measure;

Clip tone(double hertz, double amplitude, double seconds, int rate = 48000) {
    Clip clip;
    clip.rate = rate;
    for (int i = 0; i < static_cast<int>(seconds * rate); ++i)
        clip.samples.push_back(
            static_cast<float>(amplitude * std::sin(2 * std::numbers::pi * hertz * i / rate)));
    return clip;
}

void append(Clip& clip, const Clip& more) {
    clip.samples.insert(clip.samples.end(), more.samples.begin(), more.samples.end());
}

Clip noise(double level, double seconds, int rate, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> draw(0, static_cast<float>(level));
    Clip clip;
    clip.rate = rate;
    clip.samples.resize(static_cast<std::size_t>(seconds * rate));
    for (float& sample : clip.samples) sample = draw(random);
    return clip;
}

double decibels(double amplitude) { return std::pow(10, amplitude / 20); }

}  // namespace

// BS.1770-4: "a 997 Hz sine at 0 dB FS on one channel reads -3.01 LKFS", at any rate.
TEST(Loudness, TheSineOfTheStandard) {
    for (const int rate : {16000, 22050, 44100, 48000, 96000}) {
        EXPECT_NEAR(*audio::integrated_loudness(tone(997, 1, 5, rate).samples, rate), -3.01, 0.05) << rate;
        EXPECT_NEAR(*audio::integrated_loudness(tone(997, decibels(-20), 5, rate).samples, rate), -23.01,
                    0.05);
    }
}

// The weighting at 48 kHz: +4 dB at the top, nothing near 1 kHz (but for the 0.69 of the definition), less
// below.
TEST(Loudness, WeighsFrequencies) {
    const auto gain = [](double hertz) {
        return *audio::integrated_loudness(tone(hertz, 1, 4).samples, 48000) + 3.01;
    };
    EXPECT_NEAR(gain(10000), 4.0 - 0.69, 0.05);
    EXPECT_NEAR(gain(500), -0.65, 0.1);
    EXPECT_LT(gain(38), -5);
    EXPECT_LT(gain(10), -20);
}

// EBU Tech 3341, cases 1 and 3 in one channel: quiet parts fall under the relative gate, silence under the
// absolute.
TEST(Loudness, Gates) {
    Clip clip = tone(1000, decibels(-36), 10);
    append(clip, tone(1000, decibels(-23), 60));
    append(clip, tone(1000, decibels(-36), 10));
    EXPECT_NEAR(*audio::integrated_loudness(clip.samples, 48000), -26.0, 0.1);
    append(clip, tone(1000, 0, 60));
    EXPECT_NEAR(*audio::integrated_loudness(clip.samples, 48000), -26.0, 0.1);
    EXPECT_FALSE(audio::integrated_loudness(tone(1000, 0, 3).samples, 48000));
    EXPECT_FALSE(audio::integrated_loudness(tone(1000, decibels(-75), 3).samples, 48000));
}

TEST(Loudness, ShortClipsAreOneBlock) {
    EXPECT_NEAR(*audio::integrated_loudness(tone(997, 0.5, 0.25).samples, 48000), -9.03, 0.1);
    EXPECT_FALSE(audio::integrated_loudness({}, 48000));
    EXPECT_FALSE(audio::integrated_loudness(std::vector<float>(100, 0.5f), 8));
}

TEST(Measure, PeakOffsetAndClipping) {
    Clip clip = tone(100, 0.25, 1);
    for (float& sample : clip.samples) sample += 0.1f;
    auto report = measure(clip);
    EXPECT_DOUBLE_EQ(report.seconds, 1);
    EXPECT_NEAR(report.peak, 0.35, 1e-6);
    EXPECT_NEAR(report.dc_offset, 0.1, 1e-6);
    EXPECT_NEAR(report.rms, std::sqrt(0.25 * 0.25 / 2 + 0.01), 1e-6);
    EXPECT_EQ(report.clipped_runs, 0);
    EXPECT_EQ(report.clipped_share, 0);
    // Runs of 3 and 5 count, one of 2 does not; a negative one at the other end of the scale does.
    for (const auto& [at, length, value] : {std::tuple{10, 3, 1.0f}, {100, 2, 1.0f}, {200, 5, -1.0f}})
        for (int i = at; i < at + length; ++i) clip.samples[static_cast<std::size_t>(i)] = value;
    report = measure(clip);
    EXPECT_EQ(report.clipped_runs, 2);
    EXPECT_DOUBLE_EQ(report.clipped_share, 8.0 / 48000);
    clip.samples.assign(100, 32767.0f / 32768);
    report = measure(clip);
    EXPECT_EQ(report.clipped_runs, 1);
    EXPECT_DOUBLE_EQ(report.clipped_share, 1);
}

// Bursts of noise over a floor of noise 10, 20, 40 dB below: S/N is that of their powers.
TEST(Measure, SignalToNoise) {
    for (const double wanted : {10.0, 20.0, 40.0}) {
        Clip clip = noise(0.1 * decibels(-wanted), 10, 22050, 1);
        const Clip speech = noise(0.1, 10, 22050, 2);
        for (std::size_t i = 0; i < clip.samples.size(); ++i)
            if (i / 11025 % 2 == 1) clip.samples[i] += speech.samples[i];
        const auto report = measure(clip);
        ASSERT_TRUE(report.snr);
        // The quietest tenth of noise lies half a decibel below its mean.
        EXPECT_NEAR(*report.snr, wanted, 1.0) << wanted;
        EXPECT_NEAR(report.silence_share, 0.5, 0.03) << wanted;
        EXPECT_NEAR(report.start_level, -wanted, 1.5) << wanted;
        EXPECT_NEAR(report.end_level, 0, 1.0) << wanted;
    }
    // An offset is no noise, digital silence no quiet room.
    Clip clip = noise(0.001, 4, 16000, 3);
    const Clip speech = noise(0.1, 2, 16000, 4);
    for (std::size_t i = 0; i < speech.samples.size(); ++i) clip.samples[i + 16000] += speech.samples[i];
    const double alone = *measure(clip).snr;
    for (float& sample : clip.samples) sample += 0.2f;
    EXPECT_NEAR(*measure(clip).snr, alone, 0.01);
    for (float& sample : clip.samples) sample -= 0.2f;
    append(clip, tone(1, 0, 2, 16000));
    EXPECT_NEAR(*measure(clip).snr, alone, 0.5);
}

TEST(Measure, WithoutPausesThereIsNoSignalToNoise) {
    auto report = measure(tone(440, 0.3, 3));
    EXPECT_FALSE(report.snr);
    EXPECT_EQ(report.silence_share, 0);
    EXPECT_NEAR(report.start_level, 0, 0.5);
    report = measure(noise(0.05, 3, 22050, 5));
    EXPECT_FALSE(report.snr);
    EXPECT_EQ(report.silence_share, 0);
}

TEST(Measure, Silence) {
    for (const Clip& clip : {tone(1, 0, 2), tone(440, 1e-4, 2)}) {
        const auto report = measure(clip);
        EXPECT_FALSE(report.loudness);
        EXPECT_FALSE(report.snr);
        EXPECT_EQ(report.silence_share, 1);
        EXPECT_EQ(report.start_level, -100);
    }
    // A gap of 50 ms belongs to a word, one of 150 ms is a pause.
    Clip clip = tone(440, 0.3, 1);
    append(clip, tone(1, 0, 0.05));
    append(clip, tone(440, 0.3, 1));
    EXPECT_EQ(measure(clip).silence_share, 0);
    append(clip, tone(1, 0, 0.15));
    append(clip, tone(440, 0.3, 1));
    EXPECT_NEAR(measure(clip).silence_share, 0.14 / 3.2, 0.01);
}

TEST(Measure, OddClips) {
    EXPECT_EQ(measure(Clip{}).seconds, 0);
    EXPECT_EQ(measure(Clip{{0.5f}, 0}).peak, 0);
    EXPECT_NEAR(measure(Clip{{0.5f}, 16000}).peak, 0.5, 1e-9);
    EXPECT_EQ(measure(Clip{{0.5f, 0.25f}, 8}).peak, 0.5);
    for (const float wrong : {std::nanf(""), std::numeric_limits<float>::infinity()})
        EXPECT_THROW(measure(Clip{{0, wrong, 0}, 16000}), Error);
}

TEST(SlowMeasure, IsFarFasterThanRealTime) {
    Clip clip = noise(0.1, 120, 22050, 6);
    const std::clock_t before = std::clock();
    double sum = 0;
    for (int i = 0; i < 5; ++i) sum += measure(clip).rms;
    const double times = 5 * clip.seconds() * CLOCKS_PER_SEC / static_cast<double>(std::clock() - before);
    std::cout << "  " << times << " x real time, by CPU seconds\n";
    EXPECT_GT(sum, 0);
    EXPECT_GT(times, 300);
}

TEST(Fade, RisesAndFalls) {
    Clip clip{std::vector<float>(1000, 1.0f), 1000};
    audio::fade_ends(clip, 0.004, audio::FadeShape::linear);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_FLOAT_EQ(clip.samples[i], (static_cast<float>(i) + 0.5f) / 4);
        EXPECT_FLOAT_EQ(clip.samples[999 - i], clip.samples[i]);
    }
    EXPECT_EQ(clip.samples[4], 1);
    EXPECT_EQ(clip.samples[995], 1);

    Clip round{std::vector<float>(1000, 1.0f), 1000};
    audio::fade_ends(round, 0.1);
    for (std::size_t i = 0; i < 100; ++i) {
        const double x = (static_cast<double>(i) + 0.5) / 100;
        EXPECT_NEAR(round.samples[i], std::pow(std::sin(std::numbers::pi * x / 2), 2), 1e-6);
        EXPECT_EQ(round.samples[999 - i], round.samples[i]);
        EXPECT_NEAR(round.samples[i] + round.samples[99 - i], 1, 1e-6);
    }
}

TEST(Fade, ShortClipsAndNone) {
    Clip clip{std::vector<float>(5, 1.0f), 1000};
    audio::fade_ends(clip, 1, audio::FadeShape::linear);
    EXPECT_EQ(clip.samples, (std::vector<float>{0.25f, 0.75f, 1, 0.75f, 0.25f}));
    Clip same{{1, 1}, 1000}, one{{1}, 1000}, none;
    audio::fade_ends(same, 0);
    audio::fade_ends(one);
    audio::fade_ends(none);
    EXPECT_EQ(same.samples, (std::vector<float>{1, 1}));
    EXPECT_EQ(one.samples, std::vector<float>{1});
    EXPECT_TRUE(none.samples.empty());
}

}  // namespace testudo::test
