#include "asr/whisperx.h"

#include "asr/alignment_model.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/json.h"
#include "core/strings.h"
#include "models.h"

namespace testudo::asr {
namespace {

namespace fs = std::filesystem;
using test::golden_clip;
using test::whisper_folder;

std::unique_ptr<Backend> open(const std::string& model, WhisperxOptions options = {}) {
    if (!fs::exists(whisper_folder(model) / "model.bin")) {
        std::cerr << "[models] " << model << " is not there: skipped\n";
        return nullptr;
    }
    options.whisper = whisper_folder(model);
    return open_whisperx(options);
}

HearOptions how(const std::string& language, int beams = 0, bool words = false) {
    HearOptions options;
    options.language = language;
    options.beam_size = beams;
    options.word_timestamps = words;
    return options;
}

void expect_in_order(const Transcript& transcript, double seconds) {
    double last = 0;
    std::string text;
    for (std::size_t i = 0; i < transcript.segments.size(); ++i) {
        const Segment& segment = transcript.segments[i];
        EXPECT_EQ(segment.id, static_cast<std::int64_t>(i));
        EXPECT_LE(last, segment.start + 0.05);
        EXPECT_LE(segment.start, segment.end);
        EXPECT_LE(segment.end, seconds + 0.1);
        last = segment.end;
        text += segment.text;
        if (segment.words)
            for (const Word& word : *segment.words) {
                EXPECT_LE(segment.start, word.start + 1e-9);
                EXPECT_LE(word.start, word.end);
                EXPECT_LE(word.end, segment.end + 1e-9);
            }
    }
    EXPECT_EQ(transcript.text, text);
}

TEST(SlowWhisperx, HearsSpeechAndTimesItsWordsWithoutAnAcousticModel) {
    const auto backend = open("tiny.en");
    if (!backend) return;
    const std::vector<audio::Clip> clips = {golden_clip("en_jfk"), golden_clip("silence"),
                                            golden_clip("en_gap")};
    double reported = 0;
    HearOptions options = how("en", 0, true);
    options.progress = [&](double done, double) { reported = done; };
    const auto transcripts = backend->hear(clips, options);
    ASSERT_EQ(transcripts.size(), 3u);
    EXPECT_NE(transcripts[0].text.find("ask not what your country can do for you"), std::string::npos)
        << transcripts[0].text;
    EXPECT_TRUE(transcripts[1].segments.empty());
    for (std::size_t i = 0; i < 3; ++i) expect_in_order(transcripts[i], clips[i].seconds());
    ASSERT_FALSE(transcripts[0].segments.empty());
    EXPECT_GT(transcripts[0].segments[0].words.value().size(), 5u);
    EXPECT_EQ(transcripts[0].language, "en");
    // Nothing is heard in the fourteen silent seconds.
    for (const Segment& segment : transcripts[2].segments)
        EXPECT_TRUE(segment.end < 11 || segment.start > 22) << segment.start << " " << segment.end;
    ASSERT_EQ(transcripts[0].warnings.size(), 1u);
    EXPECT_NE(transcripts[0].warnings[0].find("testudo models pull align-en"), std::string::npos);
    EXPECT_TRUE(transcripts[2].warnings.empty());
    EXPECT_NEAR(reported, clips[0].seconds() + clips[1].seconds() + clips[2].seconds(), 1e-6);
}

TEST(SlowWhisperx, FindsTheLanguageAndTellsOfAWrongOne) {
    const auto backend = open("base");
    if (!backend) return;
    const auto found = backend->hear({golden_clip("fr")}, how("", 1));
    EXPECT_EQ(found[0].language, "fr");
    EXPECT_GT(found[0].language_probability, 0.5);
    ASSERT_FALSE(found[0].segments.empty());
    EXPECT_FALSE(found[0].segments[0].words.has_value());
    const auto wrong = backend->hear({golden_clip("fr")}, how("ja", 1));
    ASSERT_FALSE(wrong[0].warnings.empty());
    EXPECT_NE(wrong[0].warnings[0].find("sounds like fr"), std::string::npos) << wrong[0].warnings[0];
}

// An acoustic model with random weights cannot know when a word was said, but every word gets a time inside
// its chunk, from the model.
TEST(SlowWhisperx, AlignsByTheAcousticModelOfTheLanguage) {
    const test::TemporaryFolder folder;
    fs::create_directories(folder / "en");
    fs::copy_file(test::source_dir() / "tests/asr/data/wav2vec2_transformers.safetensors",
                  folder / "en/model.safetensors");
    write_json(folder / "en/vocab.json", Json{{"<pad>", 0}, {"|", 1}, {"E", 2}, {"T", 3}, {"a", 4}});
    std::size_t asked = 0;
    WhisperxOptions options;
    options.alignment_models = folder.path();
    options.find_speech = [&](std::span<const float> samples, double longest) {
        ++asked;
        EXPECT_EQ(longest, 30);
        return std::vector<Span>{{0.25, static_cast<double>(samples.size()) / 16000}};
    };
    const auto backend = open("tiny.en", options);
    if (!backend) return;
    const audio::Clip clip = golden_clip("en_jfk");
    const auto heard = backend->hear({clip}, how("", 0, true));
    EXPECT_EQ(asked, 1u);
    EXPECT_TRUE(heard[0].warnings.empty());
    expect_in_order(heard[0], clip.seconds());
    ASSERT_FALSE(heard[0].segments.empty());
    for (const Segment& segment : heard[0].segments) {
        EXPECT_GE(segment.start, 0.25);
        EXPECT_FALSE(segment.words->empty());
    }
}

// The recordings are not to blame: they are heard, and the file is told once.
TEST(SlowWhisperx, AnAcousticModelThatCannotBeUsedIsToldOnce) {
    const test::TemporaryFolder folder;
    WhisperxOptions options;
    options.alignment_models = folder.path();
    fs::create_directories(folder / "en");
    const std::vector<audio::Clip> clips = {golden_clip("en_jfk"), golden_clip("en_jfk")};
    const auto damaged = [&] { write_file(folder / "en/model.pth", "no weights"); };
    const auto foreign = [&] {  // as many outputs as no English model has
        fs::remove(folder / "en/model.pth");
        fs::copy_file(test::source_dir() / "tests/asr/data/wav2vec2_torchaudio.safetensors",
                      folder / "en/a.safetensors");
    };
    for (const auto& [make, named] : {std::pair<std::function<void()>, std::string>{damaged, "en/model.pth"},
                                      std::pair<std::function<void()>, std::string>{foreign, "en"}}) {
        make();
        const auto backend = open("tiny.en", options);
        if (!backend) return;
        for (int time = 0; time < 2; ++time) {
            const auto heard = backend->hear(clips, how("en", 1, true));
            std::vector<std::string> warnings;
            for (const auto& transcript : heard) {
                ASSERT_FALSE(transcript.segments.empty());
                EXPECT_FALSE(transcript.segments[0].words->empty());
                warnings.insert(warnings.end(), transcript.warnings.begin(), transcript.warnings.end());
            }
            ASSERT_EQ(warnings.size(), time == 0 ? 1u : 0u) << join(warnings, "\n");
            if (time > 0) continue;
            EXPECT_NE(warnings[0].find((folder / named).string()), std::string::npos) << warnings[0];
            EXPECT_NE(warnings[0].find("cannot be used"), std::string::npos) << warnings[0];
            EXPECT_NE(warnings[0].find("testudo models pull align-en"), std::string::npos) << warnings[0];
        }
    }
}

TEST(SlowWhisperx, Refuses) {
    const auto backend = open("tiny.en");
    if (!backend) return;
    EXPECT_THROW(backend->hear({golden_clip("en_short")}, how("fr")), Error);
    EXPECT_THROW(backend->hear({{{std::nanf("")}, 16000}}, {}), Error);
    EXPECT_TRUE(backend->hear({{{}, 16000}}, {})[0].segments.empty());
    request_stop();
    EXPECT_THROW(backend->hear({golden_clip("en_jfk")}, {}), Error);
    request_stop(false);
}

TEST(AlignmentModel, OfATorchaudioFileAndOfABadFolder) {
    const test::TemporaryFolder folder;
    EXPECT_EQ(load_alignment_model(folder / "xx", "xx"), nullptr);
    fs::create_directories(folder / "en");
    EXPECT_THROW(load_alignment_model(folder / "en", "en"), Error);
    fs::copy_file(test::source_dir() / "tests/asr/data/wav2vec2_torchaudio.safetensors",
                  folder / "en/a.safetensors");
    // The labels of English number 29, those of this file 12: no text may be aligned with it.
    const auto english = load_alignment_model(folder / "en", "en");
    const std::vector<float> silence(16000);
    const SpokenSegment spoken{0, 1, " zoo", {}};
    EXPECT_THROW(align_text({&spoken, 1}, english->labels, "en", 1,
                            [&](std::int64_t, std::int64_t) { return english->emit(silence); }),
                 Error);
    EXPECT_THROW(load_alignment_model(folder / "en", "pl"), Error);  // no labels are known
    write_file(folder / "en/vocab.json", "[1]");
    EXPECT_THROW(load_alignment_model(folder / "en", "en"), Error);
    write_json(folder / "en/vocab.json", Json{{"[PAD]", 5}, {"|", 0}, {"Z", 3}});
    const auto own = load_alignment_model(folder / "en", "en");
    EXPECT_EQ(own->labels.blank, 5);
    EXPECT_EQ(own->labels.columns.at(U'z'), 3);
    EXPECT_EQ(own->emit(std::vector<float>(3)).size(0), 1);
    fs::copy_file(folder / "en/a.safetensors", folder / "en/b.pth");
    EXPECT_THROW(load_alignment_model(folder / "en", "en"), Error);
}

}  // namespace
}  // namespace testudo::asr
