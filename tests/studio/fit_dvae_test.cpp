#include "studio/fit_dvae.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "audio/decode.h"
#include "audio/mel.h"
#include "audio/wav.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "nets/dvae.h"
#include "studio/vector_quantiser.h"
#include "support/golden.h"
#include "synthesis/preview.h"

namespace testudo::studio {
namespace {

namespace fs = std::filesystem;

nets::Dvae small_dvae() {
    nets::DvaeConfig config;
    config.hidden_dim = 24, config.codebook_dim = 16, config.num_tokens = 64, config.num_resnet_blocks = 1;
    nets::Dvae dvae(config);
    dvae.initialise(2);
    return dvae;
}

std::vector<at::Tensor> moving_bands() {
    std::vector<at::Tensor> mels;
    for (int clip = 0; clip < 4; ++clip) {
        const at::Tensor time = at::arange(90, at::kFloat), band = at::arange(80, at::kFloat).unsqueeze(1);
        const at::Tensor centre = 40 + 30 * at::sin(time * (0.05 + 0.01 * clip));
        mels.push_back(3 * at::exp(-((band - centre) / 8).square()) - 2);
    }
    return mels;
}

// What the best spectrogram that knows nothing of the clip misses: the median of each band.
double error_of_medians(const std::vector<at::Tensor>& mels) {
    const at::Tensor all = at::cat(mels, 1);
    return (all - std::get<0>(all.median(1, /*keepdim=*/true))).abs().mean().item<double>();
}

struct Through {
    double error = 0, used = 0, perplexity = 0;
};
Through through_codes(const nets::Dvae& dvae, const std::vector<at::Tensor>& mels) {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> codes, errors;
    for (const at::Tensor& mel : mels) {
        codes.push_back(dvae.codes(mel.unsqueeze(0)).flatten());
        const at::Tensor decoded = dvae.decode(codes.back().unsqueeze(0)).squeeze(0);
        errors.push_back((decoded.narrow(1, 0, mel.size(1)) - mel).abs().mean(0));
    }
    const at::Tensor all = at::cat(codes);
    const at::Tensor counts = std::get<2>(at::_unique2(all, true, false, true));
    const at::Tensor share = counts.to(at::kDouble) / static_cast<double>(all.numel());
    return {at::cat(errors).mean().item<double>(), static_cast<double>(counts.numel()),
            std::exp(-(share * share.log()).sum().item<double>())};
}

// The numbers are those of the DVAE; its codes say more of the clips than none could, and more of them are in
// use than of codes that were never fitted.
void expect_fitted(const FitDvaeResult& result, const nets::Dvae& dvae, const Through& before,
                   const std::vector<at::Tensor>& mels) {
    const Through after = through_codes(dvae, mels);
    EXPECT_NEAR(result.error_before, before.error, 1e-4 * before.error);
    EXPECT_NEAR(result.error_after, after.error, 1e-4 * after.error);
    EXPECT_EQ(result.used_codes, after.used);
    EXPECT_NEAR(result.perplexity, after.perplexity, 1e-6 * after.perplexity);
    const double ignorant = error_of_medians(mels);
    std::cout << "  error " << before.error << " before, " << ignorant << " of medians, " << after.error
              << " after; perplexity " << before.perplexity << " before, " << after.perplexity << " after\n";
    EXPECT_LT(after.error, ignorant);
    EXPECT_GT(after.perplexity, before.perplexity);
}

FitDvaeOptions small_fit() {
    FitDvaeOptions options;
    options.seconds = 0;
    options.batch = 4;
    options.frames = 64;
    options.learning_rate = 3e-3;
    return options;
}

TEST(FitDvae, CodesTellWhatTheClipIs) {
    FitDvaeOptions options = small_fit();
    options.steps = 400;  // with fewer the encodings are not apart yet when the codes are placed
    const auto mels = moving_bands();
    nets::Dvae dvae = small_dvae();
    const Through before = through_codes(dvae, mels);
    Events events;
    expect_fitted(fit_dvae(dvae, mels, options, events), dvae, before, mels);
}

TEST(FitDvae, IsRepeatableAndTellsItsProgress) {
    FitDvaeOptions options = small_fit();
    options.steps = 40;
    Events events;
    int metrics = 0;
    events.listen([&](const Json& event) { metrics += event.value("type", "") == "metric"; });
    const auto mels = moving_bands();
    nets::Dvae one = small_dvae(), two = small_dvae();
    const auto result = fit_dvae(one, mels, options, events);
    EXPECT_EQ(result.steps, 40);
    EXPECT_GT(metrics, 0);
    EXPECT_EQ(fit_dvae(two, mels, options, events).error_after, result.error_after);
    EXPECT_EQ(to_json(result).at("steps"), 40);
}

TEST(FitDvae, RefusesAndStops) {
    Events events;
    nets::Dvae dvae = small_dvae();
    EXPECT_THROW(fit_dvae(dvae, {}, {}, events), Error);
    std::vector<at::Tensor> mels{at::zeros({80, 3})};
    EXPECT_THROW(fit_dvae(dvae, mels, {}, events), Error);
    mels[0] = at::full({80, 30}, std::nan(""));
    EXPECT_THROW(fit_dvae(dvae, mels, {}, events), Error);
    mels[0] = at::zeros({80, 30});
    EXPECT_THROW(fit_dvae(dvae, mels, {.frames = 30}, events), Error);
    request_stop();
    EXPECT_THROW(fit_dvae(dvae, mels, {}, events), Error);
    request_stop(false);
    // One short constant clip and hardly a step: still a codebook, still finite.
    const auto result = fit_dvae(dvae, mels, {.seconds = 0, .steps = 2, .batch = 1, .frames = 8}, events);
    EXPECT_TRUE(std::isfinite(result.error_after));
}

TEST(VectorQuantiser, FindsClustersAndRevivesIdleCodes) {
    at::manual_seed(4);
    const at::Tensor centres = at::randn({6, 5}) * 10;
    const at::Tensor own = centres.repeat({30, 1});
    const auto rows = [&] { return own + at::randn({180, 5}) * 0.1; };
    VectorQuantiser quantiser(6, 5, 0.9, 1);
    EXPECT_FALSE(quantiser.placed());
    quantiser.place(rows());
    at::Tensor chosen;
    for (int i = 0; i < 100; ++i) chosen = quantiser.step(rows());
    // Every row has the code of its own centre: that is nearer than half the way to any other centre.
    EXPECT_LT((chosen - own).norm(2, 1).max().item<double>(), 0.5 * at::pdist(centres).min().item<double>());
    // Everything moves far away: the codes follow, though not each to its own centre again. As each is the
    // mean of its rows, together they are no worse than one code at the mean of all.
    for (int i = 0; i < 200; ++i) chosen = quantiser.step(rows() + 100);
    const double spread = (own - own.mean(0)).square().sum(1).mean().item<double>();
    ASSERT_LT(spread, 100 * 100);  // or staying behind would be no worse
    EXPECT_LT((chosen - (own + 100)).square().sum(1).mean().item<double>(), spread);
    VectorQuantiser more(20, 5, 0.9, 1);  // more codes than rows
    more.place(centres);
    EXPECT_TRUE(at::isfinite(more.codebook()).all().item<bool>());
}

// Set TESTUDO_LISTEN to a folder to hear what a short fit gives: original, mel inversion alone, through the
// codes.
TEST(FitDvaeSlow, RealSpeechSurvivesTheCodes) {
    const fs::path folder = test::source_dir() / ".deps/data/asterisk-en";
    if (!fs::is_directory(folder)) GTEST_SKIP() << folder << " is not there";
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (audio::is_audio_file(entry.path()) && entry.file_size() > 30000 && entry.file_size() < 90000)
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    ASSERT_GT(files.size(), 10u);
    files.resize(std::min<std::size_t>(files.size(), 36));
    std::vector<at::Tensor> mels;
    for (const auto& file : files) {
        const auto clip = audio::load(file, audio::tortoise_rate);
        mels.push_back(audio::tortoise_mel(at::tensor(at::ArrayRef<float>(clip.samples))));
    }
    nets::DvaeConfig config;
    config.hidden_dim = 96, config.codebook_dim = 64, config.num_tokens = 1024;
    nets::Dvae dvae(config);
    dvae.initialise(1);
    Events events;
    const Through before = through_codes(dvae, mels);
    const char* seconds = std::getenv("TESTUDO_FIT_SECONDS");
    const auto result =
        fit_dvae(dvae, mels, {.seconds = seconds ? std::atof(seconds) : 0, .steps = 400}, events);
    expect_fitted(result, dvae, before, mels);
    if (const char* out = std::getenv("TESTUDO_LISTEN")) {
        const auto clip = audio::load(files[3], audio::tortoise_rate);
        audio::write_wav16(fs::path(out) / "original.wav", clip);
        audio::write_wav16(fs::path(out) / "inverted.wav", synthesis::mel_to_wave(mels[3]));
        audio::write_wav16(fs::path(out) / "codes.wav", synthesis::resynthesise(dvae, clip).clip);
    }
}

}  // namespace
}  // namespace testudo::studio
