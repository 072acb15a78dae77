#include "dataset/trim.h"

#include <gtest/gtest.h>

#include "audio/decode.h"
#include "audio/resample.h"
#include "core/strings.h"
#include "support/golden.h"

namespace testudo::test {
namespace {

dataset::TrimOptions options_from(const Json& given) {
    dataset::TrimOptions options;
    options.trigger_level = given.value("trigger_level", options.trigger_level);
    options.trigger_time = given.value("trigger_time", options.trigger_time);
    options.search_time = given.value("search_time", options.search_time);
    options.allowed_gap = given.value("allowed_gap", options.allowed_gap);
    options.pre_trigger_time = given.value("pre_trigger_time", options.pre_trigger_time);
    options.boot_time = given.value("boot_time", options.boot_time);
    return options;
}

void expect_start(const audio::Clip& clip, const Json& wanted, const dataset::TrimOptions& options) {
    const auto start = dataset::speech_start(clip.samples, clip.rate, options);
    const auto kept = start ? clip.samples.size() - *start : 0;
    EXPECT_NEAR(static_cast<double>(kept), wanted["kept"].get<double>(), 0.02 * clip.rate);
}

}  // namespace

TEST(GoldenTrim, SpeechStartsWhereSoxFindsIt) {
    const auto cases = golden_cases("asr", "vad");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& one : cases)
        for (const auto& [name, about] : one.manifest["clips"].items()) {
            SCOPED_TRACE(name);
            const auto clip = audio::load(golden_file_or_default(cat("asr/audio/", name, ".flac")));
            ASSERT_EQ(clip.samples.size(), about["samples"].get<std::size_t>());
            expect_start(clip, about["torchaudio_vad"], {});
            expect_start(clip, about["sox_vad"], {});
            for (const auto& with : about.value("torchaudio_vad_options", Json::array()))
                expect_start(clip, with, options_from(with["options"]));
        }
}

// At the rate of training, resampled as the trainer's own library does.
TEST(GoldenTrim, SpeechStartsWhereItIsFoundAt22050) {
    const auto cases = golden_cases("asr", "vad");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& one : cases)
        for (const auto& [name, about] : one.manifest["clips"].items()) {
            if (!about.contains("torchaudio_vad_at_22050")) continue;
            SCOPED_TRACE(name);
            const auto clip = audio::load(golden_file_or_default(cat("asr/audio/", name, ".flac")));
            const at::Tensor wave = audio::resample_sinc(at::tensor(clip.samples), clip.rate, 22050);
            const auto& wanted = about["torchaudio_vad_at_22050"];
            ASSERT_EQ(wave.numel(), wanted["samples"].get<std::int64_t>());
            audio::Clip resampled{{}, 22050};
            resampled.samples.assign(wave.const_data_ptr<float>(),
                                     wave.const_data_ptr<float>() + wave.numel());
            expect_start(resampled, wanted, {});
        }
}

TEST(Trim, NothingIsFoundInSilenceOrInAFewSamples) {
    const std::vector<float> zeros(44100), few(100, 0.1f);
    EXPECT_FALSE(dataset::speech_start(zeros, 22050));
    EXPECT_FALSE(dataset::speech_start(few, 22050));
    EXPECT_FALSE(dataset::speech_start({}, 22050));
    EXPECT_FALSE(dataset::speech_start(zeros, 8));  // no pitch fits under such a rate
}

}  // namespace testudo::test
