// Lines in phonemes, and what is said about the vocabulary they are for.
#include "dataset/phonemize.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/error.h"
#include "core/strings.h"
#include "dataset/fixtures.h"
#include "dataset/vocabulary.h"
#include "support/golden.h"

namespace testudo::test {
namespace {

struct Voice {
    Voice() {
        settings.tokenizer_json = "models/tokenizers/ipa.json";
        settings.validation_text_length = settings.validation_audio_length = 0;
        fs::create_directories(root / "models/tokenizers");
        fs::copy_file(golden_file_or_default("ar/tokenizers/ipa.json"), root / settings.tokenizer_json);
        events.listen([this](const Json& event) {
            if (event.value("level", "") == "warning") warnings.push_back(event["message"]);
        });
    }
    void say(const std::string& name, const std::string& text, const std::string& language,
             const std::string& phonemes = "") {
        write_wav(training / "audio" / name, sine(2, 22050), 22050);
        whisper[name] = {{"text", text}, {"segments", Json::array()}, {"language", language}};
        if (!phonemes.empty()) whisper[name]["phonemes"] = phonemes;
        write_json(training / "whisper.json", whisper);
    }
    dataset::Report list(const text::PhonemeOptions& options = {}) {
        return dataset::list_voice(root, "v", settings, events,
                                   dataset::phonemizer(root, "v", settings, options));
    }
    bool warned(const std::string& part) const {
        return std::any_of(warnings.begin(), warnings.end(),
                           [&](const std::string& one) { return one.find(part) != std::string::npos; });
    }
    std::string train_txt() const { return read_file(training / "train.txt"); }

    TemporaryFolder folder;
    fs::path root = folder.path(), training = root / "training/v";
    dataset::DatasetSettings settings;
    Events events;
    Json whisper = Json::object();
    std::vector<std::string> warnings;
};

TEST(Phonemizing, LinesAreWrittenInPhonemes) {
    Voice v;
    v.say("1.wav", " Hello there, my friend.", "en");
    v.say("2.wav", " Bonjour tout le monde.", "fr");
    v.say("3.wav", " Given by hand.", "en", "t͡ʃˈɪt");
    v.say("4.wav", " In klingon.", "tlh");
    v.say("5.wav", " Wait... what?!", "en");
    const auto report = v.list();
    EXPECT_EQ(v.train_txt(),
              "audio/1.wav|həlˈoʊ ðˈɛɹ, maɪ fɹˈɛnd.\n"
              "audio/2.wav|bɔ̃ʒˈuʁ tulmˈɔ̃d.\n"
              "audio/3.wav|t͡ʃˈɪt\n"
              "audio/5.wav|wˈeɪt... wˌʌt?!");
    const auto* rejected = find_rejected(report, "4.wav");
    ASSERT_TRUE(rejected);
    EXPECT_NE(rejected->reason.find("tlh"), std::string::npos) << rejected->reason;
    // The tie bar and the French sounds are not in ipa.json: named with their lines.
    EXPECT_TRUE(v.warned("COMBINING DOUBLE INVERTED BREVE"));
    EXPECT_TRUE(v.warned("train.txt:3"));
    EXPECT_TRUE(v.warned("ʁ"));
    EXPECT_TRUE(v.warned("2 of 4 lines"));
}

TEST(Phonemizing, OneRunOfTheProgramForManyLines) {
    Voice v;
    for (int i = 0; i < 20; ++i) v.say(cat(i, ".wav"), cat(" This is line number ", i, "."), "en");
    const fs::path program = v.root / "espeak", count = v.root / "count";
    write_text(program, cat("#!/bin/sh\necho run >> ", count, "\nexec espeak-ng \"$@\"\n"));
    ::chmod(program.c_str(), 0755);
    text::PhonemeOptions options;
    options.espeak = program.string();
    EXPECT_EQ(v.list(options).train_lines, 20);
    EXPECT_EQ(split_lines(read_file(count)).size(), 2u);  // its languages, and all lines
}

TEST(Phonemizing, MissingProgramEndsTheStepAndKeepsTheOldLists) {
    Voice v;
    v.say("1.wav", " Hello.", "en");
    write_text(v.training / "train.txt", "old");
    text::PhonemeOptions options;
    options.espeak = "/nonexistent/espeak-ng";
    try {
        v.list(options);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::environment);
    }
    EXPECT_EQ(v.train_txt(), "old");
}

TEST(Phonemizing, OtherVocabulariesNeedNoPhonemes) {
    Voice v;
    EXPECT_TRUE(dataset::phonemizer(v.root, "v", v.settings));
    v.settings.tokenizer_json = "models/tokenizers/spanish.json";
    EXPECT_FALSE(dataset::phonemizer(v.root, "v", v.settings));
    v.settings.tokenizer_json = "";
    EXPECT_FALSE(dataset::phonemizer(v.root, "v", v.settings));
}

TEST(Vocabulary, ListsAreComparedWithTheTokenizerThatWasNamed) {
    Voice v;
    v.settings.tokenizer_json = "models/tokenizers/bpe_lowercase_asr_256.json";  // built in
    v.say("1.wav", " Curly {braces}.", "en");
    v.say("2.wav", " A face 😀 and e\u0301 \u200b\u202e.", "en");
    v.list();
    EXPECT_TRUE(v.warned("LEFT CURLY BRACKET")) << join(v.warnings, "\n");
    EXPECT_TRUE(v.warned("😀"));
    EXPECT_TRUE(v.warned("train.txt:2"));
    v.warnings.clear();
    v.settings.tokenizer_json = "models/tokenizers/bad.json";
    write_text(v.root / v.settings.tokenizer_json, "{\"model\": 3}");
    EXPECT_THROW(v.list(), Error);
    EXPECT_EQ(split_lines(v.train_txt()).size(), 2u);
}

TEST(Vocabulary, AMissingOneIsAnErrorBeforeAnythingIsWritten) {
    Voice v;
    v.say("1.wav", " Hello there, my friend.", "en");
    for (const char* missing : {"models/tokenizers/none.json", "none.json", "nosuch/sp.json"}) {
        v.settings.tokenizer_json = missing;
        try {
            v.list();
            FAIL() << missing;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            EXPECT_NE(std::string(error.what()).find(fs::path(missing).filename().string()),
                      std::string::npos);
        }
        EXPECT_FALSE(fs::exists(v.training / "train.txt"));
        EXPECT_FALSE(fs::exists(v.training / "events.jsonl"));
    }
    // A bare name is one in models/tokenizers, too.
    fs::copy_file(v.root / "models/tokenizers/ipa.json", v.root / "models/tokenizers/sp.json");
    v.settings.tokenizer_json = "sp.json";
    EXPECT_EQ(v.list().train_lines, 1);
    // An ipa.json may be made from the lines afterwards.
    v.warnings.clear();
    v.settings.tokenizer_json = "nosuch/ipa.json";
    EXPECT_EQ(v.list().train_lines, 1);
    EXPECT_TRUE(v.warned("tokenizer train v --to ipa.json")) << join(v.warnings, "\n");
    EXPECT_EQ(v.train_txt(), "audio/1.wav|həlˈoʊ ðˈɛɹ, maɪ fɹˈɛnd.");
    v.warnings.clear();
    v.settings.tokenizer_json = "ipa.json";
    v.list();
    EXPECT_FALSE(v.warned("there is no tokenizer"));
}

TEST(Vocabulary, KnowsWordsFromPhonemes) {
    Voice v;
    v.say("1.wav", " Hello there.", "en");
    const auto phonemes = [&](const std::string& text) {
        return dataset::are_phonemes(v.training, {{"train.txt:1", text}});
    };
    EXPECT_FALSE(phonemes("Hello there."));
    EXPECT_TRUE(phonemes("həlˈoʊ ðˈɛɹ."));
    EXPECT_TRUE(phonemes("h@loU"));  // written by hand in another alphabet
    EXPECT_FALSE(dataset::are_phonemes(v.training, dataset::texts_of(v.training, false)));
}

TEST(Vocabulary, TextsOfAVoice) {
    Voice v;
    EXPECT_THROW(dataset::texts_of(v.training, false), Error);
    EXPECT_EQ(dataset::language_of(v.training), "");
    v.say("1.wav", " Uno.", "es");
    v.say("2.wav", " Due.", "it");
    v.say("3.wav", " Dos.", "es");
    EXPECT_EQ(dataset::language_of(v.training), "es");
    const auto heard = dataset::texts_of(v.training, false);
    ASSERT_EQ(heard.size(), 3u);
    EXPECT_EQ(heard[0].where, "whisper.json, 1.wav");
    write_text(v.training / "train.txt", "audio/1.wav|Uno.\n\naudio/3.wav| Dos.");
    write_text(v.training / "validation.txt", "");
    const auto listed = dataset::texts_of(v.training, true);
    ASSERT_EQ(listed.size(), 2u);
    EXPECT_EQ(listed[1].where, "train.txt:3");
    EXPECT_NEAR(listed[1].seconds, 2, 0.01);
}

}  // namespace
}  // namespace testudo::test
