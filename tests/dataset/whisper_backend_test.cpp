// Which model and backend the settings mean, and what happens when it is not there.
#include "dataset/whisper_backend.h"

#include <gtest/gtest.h>

#include <chrono>

#include "core/error.h"
#include "core/strings.h"
#include "fixtures.h"
#include "support/golden.h"
#include "tensors/sidecar.h"

namespace testudo {
namespace {

using dataset::DatasetSettings;
using test::write_text;

struct WhisperBackend : ::testing::Test {
    fs::path root() const { return folder.path(); }
    fs::path models() const { return folder / "models/whisper"; }
    fs::path find(const std::string& backend, const std::string& model, const std::string& language = "en") {
        settings.whisper_backend = backend;
        settings.whisper_model = model;
        settings.language = language;
        return dataset::find_whisper(root(), settings);
    }
    test::TemporaryFolder folder;
    DatasetSettings settings;
    Events events;
};

TEST_F(WhisperBackend, TheModelIsFoundInItsForms) {
    fs::create_directories(models() / "base");
    write_text(models() / "base" / "base.pt.part", "x");
    EXPECT_THROW(find("openai/whisper", "base"), Error);  // not fetched to the end
    write_text(models() / "base" / "model.bin", "x");
    EXPECT_EQ(find("openai/whisper", "base"), models() / "base");
    EXPECT_EQ(find("whispercpp", "base"), models() / "base");
    write_text(models() / "ggml-base.bin", "x");
    EXPECT_EQ(find("openai/whisper", "base"), models() / "base");
    EXPECT_EQ(find("whispercpp", "base"), models() / "ggml-base.bin");
    // The English-only one first, for English alone.
    write_text(models() / "base.en.pt", "x");
    EXPECT_EQ(find("openai/whisper", "base"), models() / "base.en.pt");
    EXPECT_EQ(find("openai/whisper", "base", "English"), models() / "base.en.pt");
    EXPECT_EQ(find("openai/whisper", "base", "fr"), models() / "base");
    EXPECT_EQ(find("openai/whisper", "base", ""), models() / "base");
    EXPECT_EQ(find("whispercpp", "base"), models() / "base.en.pt");
    // Without another form, a ggml file serves both.
    write_text(models() / "ggml-tiny.bin", "x");
    EXPECT_EQ(find("openai/whisper", "tiny"), models() / "ggml-tiny.bin");
    write_text(models() / "large-v3-turbo" / "large-v3-turbo.pt", "x");
    EXPECT_EQ(find("openai/whisper", "turbo"), models() / "large-v3-turbo");
    write_text(folder / "own.bin", "x");
    EXPECT_EQ(find("whispercpp", (folder / "own.bin").string()), folder / "own.bin");
    EXPECT_THROW(find("openai/whisper", "small"), Error);
    EXPECT_THROW(find("openai/whisper", ""), Error);
}

TEST_F(WhisperBackend, WhatIsMissingIsFetchedByItsPublishedName) {
    std::vector<std::string> asked;
    std::string published, unreachable;
    const dataset::FetchModel fetch = [&](const std::string& name) {
        asked.push_back(name);
        if (name == unreachable) throw environment_error("no network", "Connect.");
        if (name != published) return false;
        write_text(models() / (name.starts_with("ggml-") ? name + ".bin" : name.substr(8) + ".pt"), "x");
        return true;
    };
    const auto get = [&](const std::string& backend, const std::string& model, const std::string& language) {
        asked.clear();
        settings.whisper_backend = backend;
        settings.whisper_model = model;
        settings.language = language;
        return dataset::find_or_fetch_whisper(root(), settings, fetch);
    };
    published = "whisper-base.en";
    EXPECT_EQ(get("openai/whisper", "base", "en"), models() / "base.en.pt");
    EXPECT_EQ(asked, std::vector<std::string>{"whisper-base.en"});
    EXPECT_EQ(get("openai/whisper", "base", "en"), models() / "base.en.pt");
    EXPECT_TRUE(asked.empty());  // it is there now
    published = "whisper-large-v3";
    EXPECT_EQ(get("openai/whisper", "large", "en"), models() / "large-v3.pt");
    EXPECT_EQ(asked, (std::vector<std::string>{"whisper-large.en", "whisper-large", "whisper-large-v3"}));
    published = "ggml-small";
    EXPECT_EQ(get("whispercpp", "small", "fr"), models() / "ggml-small.bin");
    // A place that has the other form alone is enough: it is converted.
    published = "whisper-medium";
    unreachable = "ggml-medium";
    EXPECT_EQ(get("whispercpp", "medium", "fr"), models() / "medium.pt");
    unreachable = "ggml-tiny";
    try {
        get("whispercpp", "tiny", "fr");
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::environment);
        EXPECT_STREQ(error.what(), "no network");
    }
    EXPECT_THROW(get("openai/whisper", "unheard-of", "fr"), Error);
}

TEST_F(WhisperBackend, ModelsAreConvertedOnceAndAgainWhenTheyChange) {
    const fs::path source = test::source_dir() / ".deps/models/whisper/tiny.en";
    if (!fs::exists(source)) GTEST_SKIP() << "run ./dev setup first";
    int told = 0;
    events.listen([&](const Json& event) {
        told += event.value("message", "").find("for whisper.cpp") != std::string::npos;
    });
    fs::create_directories(models() / "tiny.en");
    for (const char* name : {"model.bin", "config.json", "tokenizer.json"})
        fs::create_symlink(source / name, models() / "tiny.en" / name);
    const fs::path ggml = models() / "ggml-tiny.en.bin";
    EXPECT_EQ(dataset::ggml_of(root(), models() / "tiny.en", events), ggml);
    EXPECT_EQ(told, 1);
    EXPECT_EQ(find("whispercpp", "tiny"), ggml);
    EXPECT_EQ(dataset::ggml_of(root(), ggml, events), ggml);
    EXPECT_EQ(dataset::ggml_of(root(), models() / "tiny.en" / "", events), ggml);
    EXPECT_EQ(told, 1);
    write_text(models() / "tiny.en" / "note.txt", "changed");
    EXPECT_EQ(dataset::ggml_of(root(), ggml, events), ggml);
    EXPECT_EQ(told, 2);
    // A model from outside gets a name of its own.
    const fs::path other = dataset::ggml_of(root(), source, events);
    EXPECT_NE(other, ggml);
    EXPECT_EQ(other.parent_path(), models());
    EXPECT_EQ(told, 3);
    // What is not converted from anything is never replaced.
    fs::remove(models() / "ggml-tiny.en.json");
    write_text(models() / "tiny.en" / "note.txt", "changed again");
    EXPECT_EQ(dataset::ggml_of(root(), ggml, events), ggml);
    EXPECT_EQ(told, 3);
}

TEST_F(WhisperBackend, TheOriginalsNamesAreUnderstood) {
    settings_from_json(settings, Json{{"whisper_backend", "lightmare/whispercpp"}}, "train.json");
    EXPECT_EQ(settings.whisper_backend, "whispercpp");
    settings_from_json(settings, Json{{"whisper_backend", "m-bain/whisperx"}}, "train.json");
    EXPECT_EQ(settings.whisper_backend, "whisperx");
    settings_from_json(settings, Json{{"whisper_backend", "openai/whisper"}}, "train.json");
    EXPECT_EQ(settings.whisper_backend, "openai/whisper");
    EXPECT_NO_THROW(check_settings(settings));
    settings.whisper_backend = "whisper.net";
    EXPECT_THROW(check_settings(settings), Error);
}

TEST_F(WhisperBackend, TheSettingsReachTheBackend) {
    settings.beam_size = 4;
    settings.whisper_batchsize = 3;
    settings.word_timestamps = false;
    const asr::HearOptions options = dataset::hear_options(settings, "it");
    EXPECT_EQ(options.language, "it");
    EXPECT_EQ(options.beam_size, 4);
    EXPECT_EQ(options.batch, 3);
    EXPECT_FALSE(options.word_timestamps);
}

TEST_F(WhisperBackend, SlowBothBackendsHearTheSameRecording) {
    const fs::path source = test::source_dir() / ".deps/models/whisper/tiny.en";
    if (!fs::exists(source)) GTEST_SKIP() << "run ./dev setup first";
    fs::create_directories(folder / "voices/v");
    fs::copy(test::golden_file_or_default("asr/audio/en_jfk.flac"), folder / "voices/v/jfk.flac");
    settings.whisper_model = source.string();
    for (const char* backend : {"openai/whisper", "whispercpp"}) {
        settings.whisper_backend = backend;
        dataset::transcribe_voice(root(), "v", settings,
                                  dataset::whisper_transcribers(root(), settings, events).transcribe, events);
        const auto transcripts = asr::read_transcripts(folder / "training/v/whisper.json");
        ASSERT_EQ(transcripts.size(), 1u);
        EXPECT_EQ(transcripts[0].second.language, "en") << backend;
        EXPECT_NE(transcripts[0].second.text.find("ask what you can do for your country"), std::string::npos)
            << backend << transcripts[0].second.text;
        EXPECT_TRUE(transcripts[0].second.segments.at(0).words) << backend;
    }
}

}  // namespace
}  // namespace testudo
