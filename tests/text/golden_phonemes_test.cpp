// The reference lines of tests/golden/asr/phonemes*.json, all languages.
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/subprocess.h"
#include "support/golden.h"
#include "text/phonemes.h"

namespace testudo::text {
namespace {

// "eSpeak NG text-to-speech: 1.51  Data at: …"
bool same_version(const std::string& expected) {
    const std::string here = run_program("espeak-ng", {"--version"}, {}, "Run ./dev setup.").out;
    return here.starts_with(expected);
}

TEST(GoldenPhonemes, LinesOfAllLanguagesAgree) {
    const auto cases = test::golden_cases("asr", "phonemes");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& one : cases) {
        const std::string version = one.manifest["versions"]["espeak-ng"];
        if (!same_version(version)) {
            std::cerr << "[golden] " << one.name << " was made with " << version << ": skipped\n";
            continue;
        }
        for (const auto& [language, lines] : one.manifest["lines"].items()) {
            std::vector<std::string> texts;
            for (const Json& line : lines) texts.push_back(line["text"]);
            const auto with = phonemize(texts, language);
            PhonemeOptions options;
            options.punctuation = false;
            const auto without = phonemize(texts, language, options);
            ASSERT_EQ(with.size(), texts.size());
            ASSERT_EQ(without.size(), texts.size());
            for (std::size_t i = 0; i < texts.size(); ++i) {
                if (!lines[i]["phonemes"].is_null()) {
                    EXPECT_EQ(Json(with[i]), lines[i]["phonemes"]) << language << ": " << texts[i];
                }
                EXPECT_EQ(Json(without[i]), lines[i]["without_punctuation"]) << language << ": " << texts[i];
            }
        }
    }
}

TEST(GoldenPhonemes, LanguagesOfWhisperHaveAVoice) {
    const auto cases = test::golden_cases("asr", "phonemes");
    if (cases.empty()) GTEST_SKIP();
    const auto voices = espeak_voices();
    for (const auto& one : cases) {
        for (const auto& [language, is_voice] : one.manifest["whisper_language_is_a_voice"].items()) {
            EXPECT_TRUE(std::binary_search(voices.begin(), voices.end(), espeak_voice(language))) << language;
            if (is_voice.get<bool>()) {
                EXPECT_EQ(espeak_voice(language), language);
            }
        }
        for (const auto& [language, voice] : one.manifest["studio_maps"].items())
            EXPECT_EQ(Json(espeak_voice(language)), voice);
    }
}

}  // namespace
}  // namespace testudo::text
