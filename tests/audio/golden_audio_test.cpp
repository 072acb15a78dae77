// Mels, readings and resamplings of the Python programs.
#include <gtest/gtest.h>

#include "audio/decode.h"
#include "audio/mel.h"
#include "audio/resample.h"
#include "audio/training_wave.h"
#include "audio/whisper_mel.h"
#include "core/error.h"
#include "support/golden.h"
#include "tensors/safetensors.h"

namespace testudo::audio {
namespace {

using tensors::NamedTensors;

NamedTensors tensors_of(const test::GoldenCase& one) {
    return tensors::read_safetensors(one.folder / (one.name + ".safetensors"));
}

void expect_close(const at::Tensor& got, const at::Tensor& expected, double tolerance,
                  const std::string& what) {
    ASSERT_EQ(got.sizes(), expected.sizes()) << what;
    const double worst = expected.numel() ? (got - expected).abs().max().item<double>() : 0;
    EXPECT_LE(worst, tolerance) << what;
}

TEST(GoldenMel, SpectrogramsAgree) {
    const auto cases = test::golden_cases("ar", "mel");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& one : cases) {
        const NamedTensors all = tensors_of(one);
        const Json& notes = one.manifest["tensors"];
        const double worst = one.manifest["tolerance"]["fp32_rounding_max_abs_over_all_cases"];
        expect_close(mel_norms(), all.at("mel_norms"), 0, "norms");
        expect_close(tortoise_mel_filters().t(), all.at("mel_filterbank"), 2e-7, "filters");
        expect_close(tortoise_window(), all.at("window"), 2e-7, "window");
        int checked = 0;
        for (const auto& [name, wave] : all) {
            const bool clip = name.ends_with(".wav"), conditioning = name.ends_with(".conditioning");
            if (!clip && !conditioning) continue;
            const std::string stem = name.substr(0, name.rfind('.')), mel = stem + ".mel";
            const Json& note = notes.contains(mel) ? notes.at(mel) : Json::object();
            const double rounding =
                note.contains("fp32_vs_fp64") ? note["fp32_vs_fp64"]["max_abs"].get<double>() : worst;
            const at::Tensor got = tortoise_mel(conditioning ? wave.squeeze(2) : wave);
            expect_close(got, all.at(mel), std::max(10 * rounding, worst), one.name + " " + stem);
            if (const at::Tensor* plain = all.find(stem + ".mel_without_norms"))
                expect_close(got * mel_norms().unsqueeze(1), *plain, 100 * rounding, stem + " without norms");
            ++checked;
        }
        EXPECT_GT(checked, 0);
    }
}

TEST(GoldenMel, ConditioningMelsAgree) {
    const auto cases = test::golden_cases("gen", "conditioning");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& one : cases) {
        const NamedTensors all = tensors_of(one);
        const Json& notes = one.manifest["tensors"];
        constexpr std::int64_t clip = 132300;
        expect_close(tortoise_mel_filters(), all.at("filterbank_ar"),
                     notes["filterbank_ar"]["tolerance"]["abs"], "filters");
        expect_close(mel_filters(24000, 1024, 100, 0, 12000, MelScale::slaney), all.at("filterbank_diff"),
                     notes["filterbank_diff"]["tolerance"]["abs"], "diffusion filters");
        const at::Tensor starts = all.at("ar_crop_start");
        for (std::int64_t i = 0; i < starts.numel(); ++i) {
            const at::Tensor wave = all.at("voice_" + std::to_string(i));
            const std::int64_t start = starts[i].item<std::int64_t>();
            const at::Tensor cut =
                start < 0 ? at::constant_pad_nd(wave, {0, std::max<std::int64_t>(0, clip - wave.numel())})
                          : wave.narrow(0, start, clip);
            const std::string name = "ar_mel_" + std::to_string(i);
            expect_close(tortoise_mel(cut), all.at(name), notes[name]["tolerance"]["abs"], name);
        }
    }
}

TEST(GoldenResample, BothWindowsAgree) {
    const auto cases = test::golden_cases("gen", "resample");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& one : cases) {
        const NamedTensors all = tensors_of(one);
        int checked = 0;
        for (const auto& [name, expected] : all) {
            int from = 0, to = 0;
            char window[16] = {};
            if (std::sscanf(name.c_str(), "%15[a-z]_%d_%d", window, &from, &to) != 3) continue;
            const Sinc sinc = std::string(window) == "kaiser" ? kaiser_fast : Sinc{};
            expect_close(resample_sinc(all.at("x"), from, to, sinc), expected,
                         one.manifest["tensors"][name]["tolerance"]["abs"], name);
            ++checked;
        }
        EXPECT_GT(checked, 0);
    }
}

TEST(GoldenLoadAudio, TrainingReadsAsTheOriginals) {
    int checked = 0;
    for (const char* folder : {"ar", "gen"})
        for (const auto& one : test::golden_cases(folder, "load_audio")) {
            const NamedTensors all = tensors_of(one);
            for (const auto& [name, expected] : all) {
                const auto file = one.folder / "wav" / (name + ".wav");
                if (!std::filesystem::exists(file)) continue;
                const Json& note = one.manifest["tensors"][name];
                const double tolerance =
                    note.contains("tolerance") ? note["tolerance"]["abs"].get<double>() : 6e-5;
                const at::Tensor wave = load_training_wave(file);
                if (name.find("few_frames") !=
                    std::string::npos)  // a defect of the original; ours is the first channel
                    EXPECT_EQ(wave[0].item<float>(), expected[0][0].item<float>());
                else
                    expect_close(wave.unsqueeze(0), expected, tolerance, name);
                ++checked;
            }
        }
    if (checked == 0) GTEST_SKIP();
}

TEST(GoldenWhisperMel, AgreesWithOpenAi) {
    const auto cases = test::golden_cases("asr/whisper", "tensors");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& one : cases)
        for (const auto& [file, clips] : one.manifest["tensors"].items()) {
            const NamedTensors all = tensors::read_safetensors(one.folder / file);
            const std::string prefix = file.find("tiny") != std::string::npos ? "tiny/" : "base/";
            for (const auto& [name, note] : clips.items()) {
                const Clip clip =
                    load(test::golden_file_or_default("asr/audio/" + name + ".flac"), whisper_rate);
                const at::Tensor wave = at::tensor(clip.samples);
                const auto strided = [](const at::Tensor& mel, std::int64_t stride) {
                    return mel.slice(1, 0, mel.size(1), stride);
                };
                const at::Tensor plain = whisper_mel(wave);
                EXPECT_EQ(plain.size(1), note["frames_plain"].get<std::int64_t>());
                expect_close(strided(plain, note["mel_plain_stride"]), all.at(prefix + name + "/mel_plain"),
                             2e-4, name + " plain");
                const at::Tensor padded = whisper_mel(wave, 80, 480000);
                EXPECT_EQ(padded.size(1), note["frames_padded30"].get<std::int64_t>());
                expect_close(strided(padded.narrow(1, 0, std::min<std::int64_t>(3200, padded.size(1))),
                                     note["mel_padded30_stride"]),
                             all.at(prefix + name + "/mel_padded30"), 2e-4, name + " padded");
                EXPECT_NEAR(padded.narrow(1, 0, 3000).to(at::kDouble).sum().item<double>(),
                            note["sum_detect_window"].get<double>(), 1.0)
                    << name;
            }
        }
}

}  // namespace
}  // namespace testudo::audio
