#include "synthesis/griffin_lim.h"

#include <gtest/gtest.h>

#include <cmath>

#include "audio/mel.h"
#include "audio/wav.h"
#include "core/error.h"
#include "support/golden.h"

namespace testudo::synthesis {
namespace {

// A vowel-like tone: harmonics of a gliding pitch under two formants, with pauses.
at::Tensor vowel(double seconds) {
    const auto samples = static_cast<std::int64_t>(seconds * audio::tortoise_rate);
    at::Tensor wave = at::zeros({samples});
    double phase = 0;
    auto* out = wave.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < samples; ++i) {
        const double t = static_cast<double>(i) / audio::tortoise_rate;
        const double pitch = 120 + 30 * std::sin(2 * M_PI * 0.7 * t);
        phase += 2 * M_PI * pitch / audio::tortoise_rate;
        double sum = 0;
        for (int h = 1; h * pitch < 7000; ++h) {
            const double f = h * pitch;
            const double gain = std::exp(-std::pow((f - 600) / 300, 2)) +
                                0.4 * std::exp(-std::pow((f - 1800) / 500, 2)) + 0.02;
            sum += gain * std::sin(h * phase);
        }
        out[i] = static_cast<float>(0.15 * sum * (std::fmod(t, 0.5) < 0.4 ? 1 : 0));
    }
    return wave;
}

TEST(GriffinLim, InvertsTheMelOfSpeechLikeSound) {
    const at::Tensor mel = audio::tortoise_mel(vowel(2.0));
    const at::Tensor power = invert_mel(mel);
    EXPECT_EQ(power.sizes(), (std::vector<std::int64_t>{513, mel.size(1)}));
    EXPECT_GE(power.min().item<double>(), 0);
    const at::Tensor back =
        audio::tortoise_mel_filters().matmul(power).clamp_min(1e-5).log() / audio::mel_norms().unsqueeze(1);
    EXPECT_LT((back - mel).abs().mean().item<double>(), 0.02);  // of values about 4 wide
    const audio::Clip clip = mel_to_wave(mel);
    EXPECT_EQ(clip.rate, 22050);
    ASSERT_EQ(clip.samples.size(), static_cast<std::size_t>((mel.size(1) - 1) * 256));
    const at::Tensor again = audio::tortoise_mel(at::tensor(at::ArrayRef<float>(clip.samples)));
    const double error = (again - mel).abs().mean().item<double>();
    const double untrained = (mel - mel.mean()).abs().mean().item<double>();
    EXPECT_LT(error, 0.25 * untrained);
}

TEST(GriffinLim, SameSeedSameWave) {
    const at::Tensor mel = audio::tortoise_mel(vowel(0.5));
    GriffinLimOptions few;
    few.iterations = 5;
    const auto one = mel_to_wave(mel, few), two = mel_to_wave(mel.unsqueeze(0), few);
    EXPECT_EQ(one.samples, two.samples);
    few.seed = 2;
    EXPECT_NE(mel_to_wave(mel, few).samples, one.samples);
}

TEST(GriffinLim, MoreIterationsFitBetter) {
    const at::Tensor magnitude = invert_mel(audio::tortoise_mel(vowel(0.7))).sqrt();
    const auto misfit = [&](int iterations) {
        GriffinLimOptions options;
        options.iterations = iterations;
        const at::Tensor wave = griffin_lim(magnitude, 1024, 256, options);
        const at::Tensor spectrum = at::stft(wave.unsqueeze(0), 1024, 256, 1024, at::hann_window(1024), true,
                                             "reflect", false, true, true);
        return (spectrum.squeeze(0).abs() - magnitude).norm().item<double>() /
               magnitude.norm().item<double>();
    };
    EXPECT_LT(misfit(40), 0.7 * misfit(0));
}

TEST(GriffinLim, TinyAndHostileMels) {
    GriffinLimOptions few;
    few.iterations = 2;
    for (const std::int64_t frames : {1, 2, 3, 4, 5})
        EXPECT_EQ(mel_to_wave(at::zeros({80, frames}), few).samples.size(),
                  static_cast<std::size_t>((frames - 1) * 256));
    EXPECT_THROW(mel_to_wave(at::zeros({80, 0}), few), Error);
    EXPECT_THROW(mel_to_wave(at::zeros({79, 9}), few), Error);
    EXPECT_THROW(mel_to_wave(at::zeros({2, 80, 9}), few), Error);
    at::Tensor bad = at::zeros({80, 9});
    bad[3][4] = std::nan("");
    EXPECT_THROW(mel_to_wave(bad, few), Error);
    const auto loud = mel_to_wave(at::full({80, 30}, 50.0), few);  // beyond any real sound
    for (const float sample : loud.samples) ASSERT_LE(std::abs(sample), 1.0f);
    few.momentum = 1;
    EXPECT_THROW(mel_to_wave(at::zeros({80, 9}), few), Error);
}

}  // namespace
}  // namespace testudo::synthesis
