// Tokenizer, logit rules, warping and the other parts of Whisper's decoding that need no network.
#include "asr/rules.h"

#include <gtest/gtest.h>

#include <cmath>

#include "asr/timing.h"
#include "asr/utf8.h"
#include "core/error.h"
#include "core/files.h"
#include "models.h"
#include "tensors/safetensors.h"

namespace testudo::asr {
namespace {

using test::whisper_folder;

// The vocabularies lie with the models.
bool has(const std::string& model) {
    if (fs::exists(whisper_folder(model) / "tokenizer.json")) return true;
    std::cerr << "[models] " << whisper_folder(model).string() << " is not there: skipped\n";
    return false;
}

const WhisperTokenizer& tokenizer(const std::string& kind) {
    static const WhisperTokenizer english = WhisperTokenizer::load(whisper_folder("tiny.en"), 51864);
    static const WhisperTokenizer multilingual = WhisperTokenizer::load(whisper_folder("base"), 51865);
    return kind == "gpt2" ? english : multilingual;
}

struct GoldenWhisperRules : ::testing::Test {
    std::vector<test::GoldenCase> cases = test::golden_cases("asr/whisper", "rules");
    void SetUp() override {
        if (cases.empty() || !has("tiny.en") || !has("base")) GTEST_SKIP();
    }
};

TEST_F(GoldenWhisperRules, Tokenizer) {
    for (const auto& c : cases)
        for (const char* kind : {"gpt2", "multilingual"}) {
            if (!c.manifest.contains(kind)) continue;
            const Json& part = c.manifest[kind];
            const Json& special = part["special"];
            const WhisperTokenizer& t = tokenizer(kind);
            EXPECT_EQ(t.eot, special["eot"]);
            EXPECT_EQ(t.sot, special["sot"]);
            EXPECT_EQ(t.translate, special["translate"]);
            EXPECT_EQ(t.transcribe, special["transcribe"]);
            EXPECT_EQ(t.sot_lm, special["sot_lm"]);
            EXPECT_EQ(t.sot_prev, special["sot_prev"]);
            EXPECT_EQ(t.no_speech, special["no_speech"]);
            EXPECT_EQ(t.no_timestamps, special["no_timestamps"]);
            EXPECT_EQ(t.timestamp_begin, special["timestamp_begin"]);
            EXPECT_EQ(t.first_language, special["first_language"]);
            EXPECT_EQ(t.languages(), special["languages"].get<std::vector<std::string>>());
            EXPECT_EQ(t.sot_sequence("en", false), special["sot_sequence"].get<Tokens>());
            EXPECT_EQ(t.non_speech_tokens(), special["non_speech_tokens"].get<Tokens>());
            EXPECT_EQ(t.suppressed_tokens().size(), special["non_speech_tokens"].size() + 6);
            EXPECT_EQ(t.blank_tokens(), special["blank"].get<Tokens>());
            if (special.contains("sot_sequences"))
                for (const auto& [name, ids] : special["sot_sequences"].items()) {
                    const auto slash = name.find('/');
                    EXPECT_EQ(t.sot_sequence(t.language_code(name.substr(0, slash)),
                                             name.substr(slash + 1) == "translate"),
                              ids.get<Tokens>());
                }
            if (special.contains("split_ja"))
                for (const auto& one : special["split_ja"]) {
                    Tokens tokens = t.encode(one["text"].get<std::string>());
                    tokens.push_back(t.eot);
                    EXPECT_EQ(t.split_words(tokens, "ja").words,
                              one["words"].get<std::vector<std::string>>());
                }
            for (const auto& one : part["cases"]) {
                const auto text = one["text"].get<std::string>();
                Tokens tokens = t.encode(text);
                EXPECT_EQ(tokens, one["ids"].get<Tokens>()) << text;
                EXPECT_EQ(t.decode(tokens), text);
                tokens.push_back(t.eot);
                const auto split = t.split_words(tokens, "en");
                EXPECT_EQ(split.words, one["words"].get<std::vector<std::string>>()) << text;
                EXPECT_EQ(split.tokens, one["word_ids"].get<std::vector<Tokens>>()) << text;
            }
        }
}

TEST_F(GoldenWhisperRules, LogitFilters) {
    for (const auto& c : cases) {
        if (!c.manifest.contains("filters")) continue;
        const auto tensors = tensors::read_safetensors(c.folder / (c.name + ".safetensors"));
        for (const auto& one : c.manifest["filters"]["cases"]) {
            const auto name = one["logits"].get<std::string>();
            at::Tensor logits = tensors.at(name).to(at::kFloat).clone();
            apply_rules(logit_rules(tokenizer(one["tokenizer"].get<std::string>())),
                        one["sampled"].get<Tokens>(), logits);
            const at::Tensor allowed = logits.isfinite();
            EXPECT_EQ(allowed.sum().item<std::int64_t>(), one["allowed_count"].get<std::int64_t>()) << name;
            const at::Tensor bits = tensors.at(name + "_allowed").contiguous();
            const auto* bit = bits.const_data_ptr<std::uint8_t>();
            const at::Tensor flags = allowed.contiguous();
            std::int64_t wrong = 0;
            for (std::int64_t i = 0; i < logits.numel(); ++i)
                wrong += ((bit[i / 8] >> (7 - i % 8)) & 1) != (flags.const_data_ptr<bool>()[i] ? 1 : 0);
            EXPECT_EQ(wrong, 0) << name;
            const std::int64_t best = logits.argmax().item<std::int64_t>();
            EXPECT_EQ(best, one["argmax"].get<std::int64_t>()) << name;
            EXPECT_NEAR((logits[best] - logits.logsumexp(0)).item<double>(),
                        one["logprob_of_argmax"].get<double>(), 1e-4)
                << name;
        }
    }
}

TEST_F(GoldenWhisperRules, WarpingAndMedianFilter) {
    for (const auto& c : cases) {
        if (!c.manifest.contains("dtw")) continue;
        const auto tensors = tensors::read_safetensors(c.folder / (c.name + ".safetensors"));
        for (const auto& one : c.manifest["dtw"]["cases"]) {
            const WarpingPath path = warp(tensors.at(one["cost"].get<std::string>()));
            EXPECT_EQ(path.text, one["text_indices"].get<std::vector<std::int64_t>>()) << one["cost"];
            EXPECT_EQ(path.time, one["time_indices"].get<std::vector<std::int64_t>>()) << one["cost"];
        }
        if (!c.manifest["dtw"].contains("median_filter")) continue;
        for (const auto& one : c.manifest["dtw"]["median_filter"]) {
            const at::Tensor filtered =
                median_filter(tensors.at(one["in"].get<std::string>()), one["width"].get<int>());
            EXPECT_TRUE(at::equal(filtered, tensors.at(one["out"].get<std::string>()))) << one["in"];
        }
    }
}

TEST_F(GoldenWhisperRules, CompressionRatio) {
    for (const auto& c : cases)
        for (const auto& one :
             c.manifest.value("compression_ratio", Json::object()).value("cases", Json::array()))
            EXPECT_NEAR(compression_ratio(one["text"].get<std::string>()), one["ratio"].get<double>(), 1e-3)
                << one["text"];
}

TEST_F(GoldenWhisperRules, Fallback) {
    for (const auto& c : cases)
        for (const auto& one : c.manifest.value("fallback", Json::object()).value("cases", Json::array())) {
            const Quality quality{one[0].get<double>(), one[1].get<double>(), one[2].get<double>()};
            EXPECT_EQ(needs_fallback(quality, {}), one[3].get<bool>()) << one;
            EXPECT_EQ(is_silence(quality, {}), one[4].get<bool>()) << one;
        }
}

TEST_F(GoldenWhisperRules, PunctuationMerging) {
    for (const auto& c : cases)
        for (const auto& one :
             c.manifest.value("merge_punctuations", Json::object()).value("cases", Json::array())) {
            std::vector<WordTiming> words;
            for (const auto& word : one["words"]) {
                const auto i = static_cast<std::int64_t>(words.size());
                words.push_back({word.get<std::string>(),
                                 {i},
                                 0.5 * static_cast<double>(i),
                                 0.5 * static_cast<double>(i) + 0.5,
                                 1});
            }
            merge_punctuation(words);
            Json merged = Json::array();
            for (const WordTiming& word : words)
                merged.push_back(Json::array({word.word, word.tokens, word.start, word.end}));
            EXPECT_EQ(merged, one["merged"]);
        }
}

TEST(WhisperTokenizer, LanguagesByCodeAndNameAndErrorsThatListThem) {
    if (!has("base")) GTEST_SKIP();
    const WhisperTokenizer& t = tokenizer("multilingual");
    EXPECT_EQ(t.language_code("EN"), "en");
    EXPECT_EQ(t.language_code(" German "), "de");
    EXPECT_EQ(t.language_code("flemish"), "nl");
    try {
        t.language_code("klingon");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        EXPECT_NE(error.hint().find("en zh de es"), std::string::npos);
    }
}

TEST(WhisperTokenizer, WrongOrBrokenVocabulariesAreRefused) {
    if (!has("tiny.en") || !has("base")) GTEST_SKIP();
    EXPECT_THROW(WhisperTokenizer::load(whisper_folder("tiny.en"), 51865), Error);
    EXPECT_THROW(WhisperTokenizer::load(whisper_folder("base"), 51864), Error);
    EXPECT_THROW(WhisperTokenizer::load(whisper_folder("base"), 60000), Error);
    const test::TemporaryFolder folder;
    for (const char* text : {"{}", "[1, 2]", "{\"model\": {\"vocab\": {\"a\": \"b\"}}}",
                             "{\"model\": {\"vocab\": "
                             "{\"a\": 1, \"b\": 1}}}"}) {
        write_file(folder / "tokenizer.json", text);
        EXPECT_THROW(WhisperTokenizer::load(folder.path(), 51864), Error) << text;
    }
}

TEST(WhisperTokenizer, TheProgramsOwnVocabulariesAreThoseOfTheModels) {
    if (!has("tiny.en") || !has("base")) GTEST_SKIP();
    const test::TemporaryFolder folder;
    for (const auto& [model, count] : {std::pair("tiny.en", 51864), std::pair("base", 51865)}) {
        const auto own = WhisperTokenizer::load(folder.path(), count);
        const auto given = WhisperTokenizer::load(whisper_folder(model), count);
        EXPECT_TRUE(
            std::equal(own.bytes().begin(), own.bytes().end(), given.bytes().begin(), given.bytes().end()));
        const auto again = WhisperTokenizer::from_bytes(given.bytes(), count, "here");
        EXPECT_EQ(again.encode(" Déjà vu, 12"), given.encode(" Déjà vu, 12"));
        EXPECT_THROW(WhisperTokenizer::from_bytes(given.bytes().first(50000), count, "here"), Error);
    }
}

TEST(WhisperTokenizer, VocabularyFilesOfEitherKindGiveTheSameTokens) {
    if (!has("tiny.en") || !has("base")) GTEST_SKIP();
    const test::TemporaryFolder folder;
    const std::string text = " Déjà vu, 12 o'clock — привет 世界\n  ok";
    if (fs::exists(whisper_folder("tiny.en") / "vocabulary.txt")) {
        fs::copy(whisper_folder("tiny.en") / "vocabulary.txt", folder / "vocabulary.txt");
        EXPECT_EQ(WhisperTokenizer::load(folder.path(), 51864).encode(text), tokenizer("gpt2").encode(text));
    }
    if (fs::exists(whisper_folder("base") / "vocabulary.json")) {
        fs::copy(whisper_folder("base") / "vocabulary.json", folder / "vocabulary.json");
        EXPECT_EQ(WhisperTokenizer::load(folder.path(), 51865).encode(text),
                  tokenizer("multilingual").encode(text));
    }
}

TEST(WhisperText, BrokenUtf8AndWhiteSpaceAsPython) {
    EXPECT_EQ(decode_utf8_as_python("a\xe3\x81"), "a\xef\xbf\xbd");
    EXPECT_EQ(decode_utf8_as_python("\xf0\x9f\x91\x8d\xff\xc3"), "\xf0\x9f\x91\x8d\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(decode_utf8_as_python("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // a surrogate
    EXPECT_EQ(strip(" \t\xe3\x80\x80 a b \xc2\xa0\n"), "a b");
    EXPECT_EQ(strip(" \n "), "");
    EXPECT_EQ(strip("é"), "é");
}

TEST(WhisperTiming, WordsNeverLeaveTheirSegmentsEmptyHanded) {
    std::vector<Segment> segments(2);
    segments[0].tokens = Tokens{50363, 1, 2, 50413};
    segments[0].end = 1;
    segments[1].tokens = Tokens{50413, 3, 50463};
    segments[1].start = 1;
    segments[1].end = 2;
    add_words(segments, {{" a", {1}, 0.1, 0.3, 0.5}, {" b", {2}, 0.3, 0.6, 0.5}, {" c", {3}, 1.1, 1.4, 0.5}},
              50256, 10, 10);
    ASSERT_EQ(segments[0].words->size(), 2u);
    ASSERT_EQ(segments[1].words->size(), 1u);
    EXPECT_DOUBLE_EQ(segments[1].words->front().start, 11.1);
    EXPECT_DOUBLE_EQ(segments[1].end, 11.4);
    std::vector<Segment> none(1);
    none[0].tokens = Tokens{50363, 50413};
    add_words(none, {}, 50256, 0, 0);
    EXPECT_TRUE(none[0].words->empty());
}

}  // namespace
}  // namespace testudo::asr
