// Whisper with its real weights against what openai-whisper makes of the same clips.
#include "asr/transcriber.h"

#include <cmath>
#include <limits>

#include "asr/bench.h"
#include "asr/openai_backend.h"
#include "asr/parts.h"
#include "audio/whisper_mel.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "models.h"
#include "tensors/pickle.h"
#include "tensors/safetensors.h"

namespace testudo::asr {
namespace {

using test::golden_clip;
using test::whisper;

at::Tensor mel_of(const audio::Clip& clip) {
    const auto samples = static_cast<std::int64_t>(clip.samples.size());
    const at::Tensor wave =
        at::from_blob(const_cast<float*>(clip.samples.data()), {samples}, at::TensorOptions(at::kFloat));
    const at::Tensor mel = audio::whisper_mel(wave, 80, 480000);
    const std::int64_t frames = std::min<std::int64_t>(3000, samples / 160);
    return at::constant_pad_nd(mel.narrow(1, 0, frames), {0, 3000 - frames}).unsqueeze(0);
}

TEST(GoldenSlowWhisperTensors, EncoderAndTeacherForcedLogits) {
    std::size_t compared = 0;
    for (const auto& c : test::golden_cases("asr/whisper", "tensors"))
        for (const auto& [file, clips] : c.manifest["tensors"].items()) {
            const std::string prefix = file.find("tiny") != std::string::npos ? "tiny" : "base";
            const Transcriber* model = whisper(prefix == "tiny" ? "tiny.en" : "base");
            if (!model) continue;
            const auto tensors = tensors::read_safetensors(c.folder / file);
            for (const auto& [clip, facts] : clips.items()) {
                SCOPED_TRACE(cat(file, " ", clip));
                const std::string at = cat(prefix, "/", clip, "/");
                const nets::Whisper& net = model->parts().model;
                const at::Tensor features = net.encode(mel_of(golden_clip(clip)));
                const at::Tensor expected = tensors.at(at + "encoder");
                const at::Tensor rows = features[0].slice(0, 0, c10::nullopt, 1500 / expected.size(0));
                EXPECT_LT((rows - expected).abs().max().item<double>(), 2e-3);

                const auto ids = facts["tokens"].get<Tokens>();
                const auto count = static_cast<std::int64_t>(ids.size());
                nets::Whisper::Cache cache = net.new_cache(1, count);
                const at::Tensor logits = net.logits(
                    net.decode(at::tensor(ids, at::kLong).view({1, -1}), net.attend_to(features), cache))[0];
                EXPECT_LT(
                    (logits.logsumexp(1) - tensors.at(at + "step_logsumexp")).abs().max().item<double>(),
                    5e-3);
                const at::Tensor top = tensors.at(at + "step_top8_ids").to(at::kLong);
                EXPECT_LT(
                    (logits.gather(1, top) - tensors.at(at + "step_top8_logits")).abs().max().item<double>(),
                    5e-3);
                for (const std::int64_t step : {std::int64_t{0}, count - 2})
                    if (const at::Tensor* whole = tensors.find(cat(at, "logits_at_", step))) {
                        EXPECT_LT((logits[step] - *whole).abs().max().item<double>(), 5e-3) << step;
                    }
                ++compared;
            }
        }
    if (compared == 0) GTEST_SKIP();
}

TEST(GoldenSlowWhisperLanguage, Probabilities) {
    const auto cases = test::golden_cases("asr/whisper", "language");
    const Transcriber* model = whisper("base");
    if (cases.empty() || !model) GTEST_SKIP();
    for (const auto& c : cases)
        for (const auto& [clip, expected] : c.manifest["clips"].items()) {
            const auto heard = model->detect_language(golden_clip(clip));
            EXPECT_EQ(heard.front().first, expected.begin().key()) << clip;
            for (const auto& [code, probability] : expected.items())
                for (const auto& [own, value] : heard)
                    if (own == code) {
                        EXPECT_NEAR(value, probability.get<double>(), 1e-3) << clip << " " << code;
                    }
        }
}

struct Tolerances {
    double segment, word, probability, logprob, no_speech, ratio;
};

void compare(const Transcript& own, const Json& expected, const Tolerances& tolerance, bool words) {
    bool drawn = false;
    for (const auto& segment : expected["segments"]) drawn = drawn || segment.value("sampled", false);
    EXPECT_EQ(own.language, expected["language"].get<std::string>());
    if (drawn) {  // Only that temperature 0 failed can be compared: its text must not have been accepted.
        for (const Segment& segment : own.segments) {
            if (segment.seek == 0) {
                EXPECT_GT(segment.temperature.value(), 0);
            }
        }
        return;
    }
    EXPECT_EQ(own.text, expected["text"].get<std::string>());
    ASSERT_EQ(own.segments.size(), expected["segments"].size());
    for (std::size_t i = 0; i < own.segments.size(); ++i) {
        SCOPED_TRACE(cat("segment ", i));
        const Segment& segment = own.segments[i];
        const Json& e = expected["segments"][i];
        EXPECT_EQ(segment.text, e["text"].get<std::string>());
        EXPECT_EQ(*segment.tokens, e["tokens"].get<Tokens>());
        EXPECT_EQ(segment.id, e["id"].get<std::int64_t>());
        EXPECT_NEAR(static_cast<double>(*segment.seek), e["seek"].get<double>(), 100 * tolerance.segment);
        EXPECT_NEAR(segment.start, e["start"].get<double>(), words ? tolerance.word : tolerance.segment);
        EXPECT_NEAR(segment.end, e["end"].get<double>(), words ? tolerance.word : tolerance.segment);
        EXPECT_NEAR(*segment.temperature, e["temperature"].get<double>(), 1e-9);
        EXPECT_NEAR(*segment.avg_logprob, e["avg_logprob"].get<double>(), tolerance.logprob);
        EXPECT_NEAR(*segment.no_speech_prob, e["no_speech_prob"].get<double>(), tolerance.no_speech);
        EXPECT_NEAR(*segment.compression_ratio, e["compression_ratio"].get<double>(), tolerance.ratio);
        EXPECT_EQ(segment.words.has_value(), words);
        if (!words || !e.contains("words")) continue;
        ASSERT_EQ(segment.words->size(), e["words"].size());
        for (std::size_t w = 0; w < segment.words->size(); ++w) {
            const Word& word = (*segment.words)[w];
            EXPECT_EQ(word.text, e["words"][w]["word"].get<std::string>());
            EXPECT_NEAR(word.start, e["words"][w]["start"].get<double>(), tolerance.word) << word.text;
            EXPECT_NEAR(word.end, e["words"][w]["end"].get<double>(), tolerance.word) << word.text;
            EXPECT_NEAR(*word.probability, e["words"][w]["probability"].get<double>(), tolerance.probability);
        }
    }
}

// False for options that the reference does not spell out.
bool options_of(const std::string& name, bool multilingual, const std::string& language,
                TranscribeOptions& options) {
    options = {};
    options.language = name == "auto" ? "" : multilingual ? language : "en";
    if (name == "words")
        options.word_timestamps = true;
    else if (name == "t0")
        options.temperatures = {0};
    else if (name == "beam5") {
        options.temperatures = {0};
        options.beam_size = 5;
    } else if (name == "wrong_language_en")
        options.language = "en";
    else if (name == "translate")
        options.translate = true;
    else if (name == "no_context")
        options.condition_on_previous_text = false;
    else if (name != "default" && name != "auto") {
        std::cerr << "[golden] the options \"" << name << "\" are not spelled out: skipped\n";
        return false;
    }
    return true;
}

// Clips that share model and options are transcribed together: the batch must not change what is heard.
TEST(GoldenSlowWhisperTranscripts, AgreeWithOpenai) {
    const auto cases = test::golden_cases("asr/whisper", "transcripts");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& c : cases) {
        const Json& t = c.manifest["tolerances"];
        const Tolerances tolerance{t["segment start/end"], t["word start/end"], t["word probability"],
                                   t["avg_logprob"],       t["no_speech_prob"], t["compression_ratio"]};
        std::map<std::string, std::vector<std::pair<std::string, const Json*>>> groups;
        for (const auto& [key, result] : c.manifest["results"].items()) {
            const auto parts = split(key, '|');
            ASSERT_EQ(parts.size(), 3u) << key;
            const auto language = result["language"].get<std::string>();
            groups[cat(parts[0], "|", parts[2], "|", language)].emplace_back(parts[1], &result);
        }
        for (const auto& [group, members] : groups) {
            const auto parts = split(group, '|');
            const Transcriber* model = whisper(parts[0]);
            TranscribeOptions options;
            if (!model || !options_of(parts[1], model->multilingual(), parts[2], options)) continue;
            std::vector<audio::Clip> clips;
            for (const auto& [clip, result] : members) clips.push_back(golden_clip(clip));
            const auto own = model->transcribe(clips, options);
            for (std::size_t i = 0; i < members.size(); ++i) {
                SCOPED_TRACE(cat(group, " ", members[i].first));
                compare(own[i], *members[i].second, tolerance, options.word_timestamps);
            }
        }
    }
}

TEST(SlowTranscriber, OneByOneEqualsTogether) {
    const Transcriber* model = whisper("tiny.en");
    if (!model) GTEST_SKIP();
    std::vector<audio::Clip> clips;
    for (const char* name : {"en_short", "en_gap", "silence", "en_jfk"}) clips.push_back(golden_clip(name));
    TranscribeOptions options;
    double last = 0, total = 0;
    options.progress = [&](double done, double all) {
        EXPECT_GE(done, last);
        last = done;
        total = all;
    };
    std::size_t finished = 0;
    options.finished = [&](std::size_t, const Transcript&) { ++finished; };
    const auto together = model->transcribe(clips, options);
    EXPECT_EQ(finished, clips.size());
    EXPECT_NEAR(last, total, 0.05);
    for (std::size_t i = 0; i < clips.size(); ++i)
        EXPECT_EQ(model->transcribe(clips[i]).text, together[i].text);
}

TEST(Transcriber, SilenceEmptyAndBrokenClips) {
    const Transcriber* model = whisper("tiny.en");
    if (!model) GTEST_SKIP();
    EXPECT_TRUE(model->transcribe(audio::Clip{{}, 16000}).segments.empty());
    EXPECT_TRUE(model->transcribe(audio::Clip{}).segments.empty());
    EXPECT_TRUE(model->transcribe(audio::Clip{std::vector<float>(100, 0.1f), 16000}).segments.empty());
    EXPECT_TRUE(model->transcribe(audio::Clip{std::vector<float>(22050, 0.0f), 22050}).segments.empty());
    EXPECT_TRUE(model->transcribe(std::vector<audio::Clip>{}).empty());
    audio::Clip broken{std::vector<float>(16000, 0.1f), 16000};
    broken.samples[7] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THROW(model->transcribe(broken), Error);
    broken.samples[7] = std::numeric_limits<float>::infinity();
    EXPECT_THROW(model->transcribe(broken), Error);
}

TEST(Transcriber, WrongOptionsAreRefused) {
    const Transcriber* model = whisper("tiny.en");
    if (!model) GTEST_SKIP();
    const audio::Clip clip{std::vector<float>(16000, 0.0f), 16000};
    const auto refused = [&](auto&& change) {
        TranscribeOptions options;
        change(options);
        try {
            model->transcribe(clip, options);
            return false;
        } catch (const Error& error) {
            return error.kind() == ErrorKind::usage && !error.hint().empty();
        }
    };
    EXPECT_TRUE(refused([](auto& o) { o.language = "de"; }));
    EXPECT_TRUE(refused([](auto& o) { o.language = "klingon"; }));
    EXPECT_TRUE(refused([](auto& o) { o.translate = true; }));
    EXPECT_TRUE(refused([](auto& o) { o.temperatures = {}; }));
    EXPECT_TRUE(refused([](auto& o) { o.temperatures = {-1}; }));
    EXPECT_TRUE(refused([](auto& o) { o.best_of = 0; }));
    EXPECT_FALSE(refused([](auto& o) { o.language = "English"; }));
}

TEST(Transcriber, StopsBetweenWindows) {
    const Transcriber* model = whisper("tiny.en");
    if (!model) GTEST_SKIP();
    request_stop();
    try {
        model->transcribe(audio::Clip{std::vector<float>(16000, 0.0f), 16000});
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    }
    request_stop(false);
}

TEST(SlowTranscriber, AWrongLanguageIsNoticed) {
    const Transcriber* model = whisper("base");
    if (!model) GTEST_SKIP();
    TranscribeOptions options;
    options.language = "en";
    const Transcript wrong = model->transcribe(golden_clip("fr"), options);
    ASSERT_EQ(wrong.warnings.size(), 1u);
    EXPECT_NE(wrong.warnings[0].find("sounds like fr"), std::string::npos) << wrong.warnings[0];
    EXPECT_TRUE(model->transcribe(golden_clip("en_jfk"), options).warnings.empty());
}

TEST(Transcriber, WhatIsNoModelIsRefused) {
    const test::TemporaryFolder folder;
    EXPECT_THROW(Transcriber::load(folder / "none"), Error);
    EXPECT_THROW(Transcriber::load(folder.path()), Error);
    write_file(folder / "model.bin", "not a model");
    EXPECT_THROW(Transcriber::load(folder.path()), Error);
    if (!whisper("tiny.en")) GTEST_SKIP();
    // Weights without a vocabulary take the one that comes with the program; a wrong one is refused.
    fs::remove(folder / "model.bin");
    fs::create_symlink(test::whisper_folder("tiny.en") / "model.bin", folder / "model.bin");
    EXPECT_EQ(Transcriber::load(folder.path()).tokenizer().encode(" a word"),
              whisper("tiny.en")->tokenizer().encode(" a word"));
    write_file(folder / "vocabulary.txt", "a\nb\n");
    try {
        Transcriber::load(folder.path());
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_NE(error.hint().find("tokenizer.json"), std::string::npos) << error.hint();
    }
    EXPECT_THROW(Transcriber::load(test::whisper_folder("tiny.en"), "toaster"), Error);
}

// openai's form: {"dims": …, "model_state_dict": …} with halves, without a vocabulary.
TEST(Transcriber, ReadsOpenaisFiles) {
    if (!whisper("tiny.en")) GTEST_SKIP();
    nets::WhisperConfig config;
    config.audio_dim = config.text_dim = 64;
    config.audio_heads = config.text_heads = 1;
    config.audio_layers = config.text_layers = 1;
    at::manual_seed(3);
    tensors::NamedTensors weights;
    for (const auto& [name, shape] : nets::whisper_shapes(config))
        weights.set(name, (at::randn(shape) * 0.1).to(at::kHalf));
    const test::TemporaryFolder folder;
    tensors::Dict file;
    file.set("model_state_dict", tensors::to_value(weights));
    tensors::write_pickle(folder / "own.pt", tensors::Value(file));
    const Transcriber model = Transcriber::load(folder.path());
    EXPECT_EQ(model.config(), config);
    EXPECT_FALSE(model.multilingual());
    TranscribeOptions options;
    options.temperatures = {0};
    options.no_speech_threshold = {};
    options.word_timestamps = true;
    EXPECT_FALSE(model.transcribe(golden_clip("en_short"), options).segments.empty());
}

TEST(WhisperAlignment, HeadsOfEveryPublishedModelExist) {
    for (const auto& [name, config] : nets::published_whispers()) {
        const AlignmentHeads heads = alignment_heads(config, "/models/" + name + ".pt");
        EXPECT_GE(heads.size(), 5u) << name;
        for (const auto& [layer, head] : heads) {
            EXPECT_LT(layer, config.text_layers) << name;
            EXPECT_LT(head, config.text_heads) << name;
        }
    }
    nets::WhisperConfig own;
    own.text_layers = 3;
    own.text_heads = 2;
    EXPECT_EQ(alignment_heads(own, "own.pt"), (AlignmentHeads{{1, 0}, {1, 1}, {2, 0}, {2, 1}}));
}

TEST(SlowTranscriberBench, CountsWhatItMeasures) {
    if (!whisper("tiny.en")) GTEST_SKIP();
    const auto backend = openai_backend(Transcriber::load(test::whisper_folder("tiny.en")));
    Events events;
    const Json result = bench_transcription(
        *backend, {golden_clip("en_jfk")},
        {.repeats = 1,
         .language = "en",
         .references = {"and so my fellow AMERICANS ask not what your country can do for you ask "
                        "what we can do for your country"}},
        events);
    EXPECT_NEAR(result["audio_seconds"].get<double>(), 11, 0.01);
    EXPECT_EQ(result["words"].get<int>(), 22);
    EXPECT_GT(result["rtf"].get<double>(), 0);
    EXPECT_GT(result["cpu_rtf"].get<double>(), 0);
    EXPECT_NEAR(result["word_error_rate"].get<double>(), 1.0 / 22, 1e-6);
}

TEST(WordErrors, CountWhatIsWrongMissingAndTooMany) {
    const auto errors = [](const char* reference, const char* heard) {
        return word_errors(reference, heard).errors;
    };
    EXPECT_EQ(errors("Don't go, there.", " don't GO there"), 0);
    EXPECT_EQ(errors("one two three", "one too three four"), 2);
    EXPECT_EQ(errors("one two three", ""), 3);
    EXPECT_EQ(errors("", "one"), 1);
    EXPECT_EQ(word_errors("Привет, мир", "Привет мир").words, 2);
}

double error_rate(const Transcriber& model, const TranscribeOptions& options,
                  const std::map<std::string, std::string>& texts) {
    WordErrors all;
    for (const auto& [clip, text] : texts) {
        const WordErrors own = word_errors(text, model.transcribe(golden_clip(clip), options).text);
        all.errors += own.errors;
        all.words += own.words;
    }
    return static_cast<double>(all.errors) / static_cast<double>(all.words);
}

// The rounding to int8 may change a word where the model is in doubt, not what it hears.
TEST(GoldenSlowWhisperInt8, HearsWhatFloat32Hears) {
    if (!nets::avx512::supported() || !whisper("tiny.en")) GTEST_SKIP();
    const Transcriber model = Transcriber::load(test::whisper_folder("tiny.en"), "cpu", "int8");
    EXPECT_EQ(model.parts().model.compute(), nets::WhisperCompute::int8);
    for (const auto& c : test::golden_cases("asr/whisper", "transcripts")) {
        std::map<std::string, std::string> texts;
        for (const auto& [key, result] : c.manifest["results"].items()) {
            const auto parts = split(key, '|');
            const auto text = result["text"].get<std::string>();
            if (parts[0] == "tiny.en" && parts[2] == "t0" && parts[1].starts_with("en_") && !text.empty())
                texts[parts[1]] = text;
        }
        if (texts.empty()) continue;
        TranscribeOptions options;
        options.language = "en";
        options.temperatures = {0};
        EXPECT_LE(error_rate(model, options, texts), 0.01);
        options.beam_size = 5;
        EXPECT_LE(error_rate(model, options, texts), 0.04);
    }
}

}  // namespace
}  // namespace testudo::asr
