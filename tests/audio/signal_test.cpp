// Writing, resampling and spectrograms beyond what the reference data checks.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "audio/decode.h"
#include "audio/encode.h"
#include "audio/mel.h"
#include "audio/resample.h"
#include "audio/training_wave.h"
#include "audio/wav.h"
#include "audio/whisper_mel.h"
#include "core/error.h"
#include "core/files.h"
#include "support/golden.h"

namespace testudo::audio {
namespace {

using test::tone;

TEST(Wav, WritesWhatItReads) {
    const test::TemporaryFolder folder;
    Clip clip{{}, 22050};
    for (int v = -32768; v < 32768; v += 7) clip.samples.push_back(static_cast<float>(v) / 32768.0f);
    write_wav16(folder / "sub" / "a.wav", clip);
    const Clip back = load(folder / "sub" / "a.wav");
    EXPECT_EQ(back.rate, 22050);
    EXPECT_EQ(back.samples, clip.samples);
    EXPECT_EQ(fs::file_size(folder / "sub" / "a.wav"), 44 + 2 * clip.samples.size());
}

TEST(Wav, ClampsAndRefuses) {
    const test::TemporaryFolder folder;
    const float infinite = std::numeric_limits<float>::infinity();
    write_wav16(folder / "a.wav", std::vector<float>{2, -2, 1, -1, infinite, -infinite}, 8000);
    const float top = 32767 / 32768.0f;
    EXPECT_EQ(load(folder / "a.wav").samples, (std::vector<float>{top, -1, top, -1, top, -1}));
    EXPECT_THROW(write_wav16(folder / "b.wav", std::vector<float>{std::nanf("")}, 8000), Error);
    EXPECT_THROW(write_wav16(folder / "b.wav", std::vector<float>{0}, 0), Error);
    EXPECT_FALSE(fs::exists(folder / "b.wav"));
    EXPECT_THROW(write_wav16("/proc/nothing/b.wav", std::vector<float>{0}, 8000), Error);
}

TEST(Resample, LengthsAndToneSurvive) {
    for (const auto& [from, to] : std::vector<std::pair<int, int>>{
             {44100, 22050}, {48000, 22050}, {16000, 22050}, {22050, 24000}, {8000, 16000}, {11025, 22050}}) {
        const Clip out = resample({tone(440, from, 1), from}, to);
        EXPECT_EQ(out.rate, to);
        EXPECT_NEAR(static_cast<double>(out.samples.size()), to, 1) << from << " " << to;
        const auto expected = tone(440, to, 1);
        double worst = 0;
        for (std::size_t i = 500; i + 500 < expected.size(); ++i)
            worst = std::max(worst, std::abs(static_cast<double>(out.samples[i]) - expected[i]));
        EXPECT_LT(worst, 1e-3) << from << " " << to;
    }
}

TEST(Resample, RemovesWhatTheLowerRateCannotHold) {
    const Clip out = resample({tone(14000, 44100, 1), 44100}, 22050);
    double sum = 0;
    for (std::size_t i = 2000; i < 20000; ++i) sum += static_cast<double>(out.samples[i]) * out.samples[i];
    EXPECT_LT(std::sqrt(sum / 18000), 1e-5);
}

TEST(Resample, BlocksMakeNoDifference) {
    const auto samples = tone(700, 44100, 0.5);
    Resampler resampler(44100, 16000);
    std::vector<float> pieces;
    const auto add = [&](std::span<const float> more) {
        pieces.insert(pieces.end(), more.begin(), more.end());
    };
    for (std::size_t at = 0; at < samples.size(); at += 333)
        add(resampler.feed(std::span(samples).subspan(at, std::min<std::size_t>(333, samples.size() - at))));
    add(resampler.finish());
    EXPECT_EQ(pieces, resample({samples, 44100}, 16000).samples);
}

TEST(Resample, SameRateAndNothing) {
    const Clip clip{{1, 2, 3}, 8000};
    EXPECT_EQ(resample(clip, 8000).samples, clip.samples);
    EXPECT_TRUE(resample({{}, 8000}, 16000).samples.empty());
    EXPECT_THROW(resample({{1}, 0}, 16000), Error);
    EXPECT_THROW(resample({{1}, 8000}, -1), Error);
}

TEST(ResampleSinc, OddRatiosAndBatches) {
    // 44099 and 22050 share no divisor: the table has a row for each of 22050 phases, and stays small.
    const at::Tensor wave = at::tensor(tone(1000, 44099, 1)).repeat({2, 1});
    const at::Tensor out = resample_sinc(wave, 44099, 22050);
    EXPECT_EQ(out.sizes(), (std::vector<std::int64_t>{2, 22050}));
    const at::Tensor expected = at::tensor(tone(1000, 22050, 1));
    EXPECT_LT((out - expected).narrow(1, 100, 21000).abs().max().item<double>(), 2e-3);
    EXPECT_EQ(resample_sinc(wave.narrow(1, 0, 0), 44099, 22050).size(1), 0);
    EXPECT_TRUE(resample_sinc(wave, 44099, 44099).equal(wave));
    EXPECT_THROW(resample_sinc(wave, 0, 1), Error);
}

TEST(Mel, ShapesAndShortClips) {
    EXPECT_EQ(tortoise_mel(at::zeros({3, 2560})).sizes(), (std::vector<std::int64_t>{3, 80, 11}));
    EXPECT_EQ(tortoise_mel(at::zeros({513})).sizes(), (std::vector<std::int64_t>{80, 3}));
    EXPECT_THROW(tortoise_mel(at::zeros({1, 512})), Error);
    EXPECT_EQ(tortoise_mel_filters().sizes(), (std::vector<std::int64_t>{80, 513}));
}

TEST(Mel, BatchEqualsSingles) {
    const at::Tensor waves = at::randn({4, 6000}) * 0.1;
    const at::Tensor all = tortoise_mel(waves);
    for (int i = 0; i < 4; ++i) EXPECT_LT((all[i] - tortoise_mel(waves[i])).abs().max().item<double>(), 1e-5);
}

TEST(WhisperMel, PiecesAndBands) {
    // Longer than one piece: a frame at the seam is the same as in a shorter recording around it.
    const at::Tensor wave = at::sin(at::arange(16000 * 130) * 0.05) * 0.3;
    const at::Tensor long_mel = whisper_mel(wave);
    EXPECT_EQ(long_mel.sizes(), (std::vector<std::int64_t>{80, 13000}));
    const at::Tensor part = whisper_mel(wave.narrow(0, 160 * 5900, 160 * 200));
    EXPECT_LT((long_mel.narrow(1, 5910, 180) - part.narrow(1, 10, 180)).abs().max().item<double>(), 1e-3);
    EXPECT_EQ(whisper_mel(wave, 128).size(0), 128);
    EXPECT_EQ(whisper_mel(at::zeros({1}), 80, 480000).size(1), 3000);
    EXPECT_THROW(whisper_mel(at::zeros({200})), Error);
    EXPECT_NEAR(whisper_mel(at::zeros({16000})).max().item<double>(), -1.5, 1e-6);
}

TEST(WhisperMel, FiltersCoverTheBand) {
    for (const int bands : {80, 128}) {
        const at::Tensor filters = whisper_mel_filters(bands);
        EXPECT_EQ(filters.sizes(), (std::vector<std::int64_t>{bands, 201}));
        EXPECT_TRUE((filters.sum(1) > 0).all().item<bool>()) << bands;
        EXPECT_GE(filters.min().item<double>(), 0);
    }
}

TEST(TrainingWave, EightBitAndTinyStereoAreRead) {
    const test::TemporaryFolder folder;
    write_file(folder / "u8.wav", test::wav_bytes(1, 1, 22050, 8, std::string("\x80\x00\xff", 3)));
    EXPECT_TRUE(load_training_wave(folder / "u8.wav").equal(at::tensor({0.0f, -1.0f, 127 / 128.0f})));
    write_file(folder / "stereo.wav",
               test::wav_bytes(1, 2, 22050, 16, std::string("\0\x40\0\0\0\xc0\0\0", 8)));
    EXPECT_TRUE(load_training_wave(folder / "stereo.wav").equal(at::tensor({0.5f, -0.5f})));
}

}  // namespace
}  // namespace testudo::audio
