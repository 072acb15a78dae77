// What Testudo itself cleans by: the vocabulary decides.
#include "text/own_cleaning.h"

#include <gtest/gtest.h>

#include "core/json.h"
#include "core/strings.h"
#include "support/golden.h"
#include "text/cleaners.h"
#include "text/tokenizer.h"

namespace testudo::text {
namespace {

Tokenizer vocabulary(const std::string& characters, const std::string& language, bool words = true) {
    Json vocab = {{"[STOP]", 0}, {"[UNK]", 1}, {"[SPACE]", 2}}, added = Json::array();
    for (const auto& [token, id] : vocab.items()) added.push_back({{"id", id}, {"content", token}});
    int next = 3;
    std::u32string points;
    for (const char32_t c : code_points(characters)) {
        points = c;
        vocab[to_utf8(std::u32string_view(points))] = next++;
    }
    Json json = {{"added_tokens", added},
                 {"pre_tokenizer", words ? Json{{"type", "Whitespace"}} : Json()},
                 {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", Json::array()}}}};
    if (!language.empty()) json["model"]["language"] = language;
    return Tokenizer::parse(json.dump(), "test");
}

TEST(OwnCleaning, FollowsTheVocabulary) {
    EXPECT_EQ(Tokenizer::builtin().cleaning(), Cleaning::english);
    EXPECT_EQ(vocabulary("abc", "").cleaning(), Cleaning::english);
    EXPECT_EQ(vocabulary("abcñ", "").cleaning(), Cleaning::basic);
    EXPECT_EQ(vocabulary("abcñ", "en").cleaning(), Cleaning::english);
    EXPECT_EQ(vocabulary("abc", "es").cleaning(), Cleaning::basic);
    EXPECT_EQ(vocabulary("abc", "", false).cleaning(), Cleaning::none);
    const auto spanish =
        Tokenizer::load(test::golden_file_or_default("ar/tokenizers/spanish_bpe_tokenizer.json"));
    EXPECT_TRUE(spanish.encode("El Niño comió una piña.").unknown.empty());
    const auto ipa = Tokenizer::load(test::golden_file_or_default("ar/tokenizers/ipa.json"));
    EXPECT_EQ(ipa.clean("həlˈoʊ ðˈɛɹ, maɪ fɹˈɛnd."), "həlˈoʊ ðˈɛɹ, maɪ fɹˈɛnd.");
    EXPECT_TRUE(ipa.encode("həlˈoʊ ðˈɛɹ, maɪ fɹˈɛnd.").unknown.empty());
    EXPECT_EQ(ipa.encode("t͡ʃ").unknown, std::vector<std::string>{"\u0361"});
}

TEST(OwnCleaning, EnglishIsThatOfTheReleasedModels) {
    for (const char* text : {"Dr. Smith, 42 — “no”", "Café\u200b 日本 £5", "  two  spaces "})
        EXPECT_EQ(Tokenizer::builtin().clean(text), english_cleaners(text));
}

TEST(OwnCleaning, ComposesAndLeavesTheInvisibleOut) {
    EXPECT_EQ(clean("  E\u0301TE\u0301 \u200bno\u00ad\u200fno\ufeff\u202e\t x ", Cleaning::basic),
              "été nono x");
    EXPECT_EQ(clean("Ёлка  и\nеж", Cleaning::basic), "ёлка и еж");
    EXPECT_EQ(clean("می\u200cخواهم", Cleaning::basic), "می\u200cخواهم");  // a joiner that parts letters
    EXPECT_EQ(clean("ɔ\u0303\u200b  A", Cleaning::none), "ɔ\u0303 A");
    EXPECT_EQ(clean("\x01\x7f\xff", Cleaning::basic), "\ufffd");
    EXPECT_EQ(clean("", Cleaning::basic), "");
    EXPECT_EQ(clean("👩\u200d👧\ufe0f", Cleaning::basic), "👩\u200d👧");
}

TEST(OwnCleaning, FitsPunctuationToWhatTheVocabularyHas) {
    const auto known = [](char32_t c) {
        return std::u32string_view(U"abc-,.!?'()").find(c) != std::u32string_view::npos;
    };
    EXPECT_EQ(fit_punctuation("“a” — «b»… ¿c? [a]", known), "a - b... c? [a]");
    EXPECT_EQ(fit_punctuation("a’b a–c", known), "a'b a-c");
    EXPECT_EQ(fit_punctuation("ñ 日 😀 5", known), "ñ 日 😀 5");               // letters are not guessed
    EXPECT_EQ(vocabulary("abcñ\"—", "es").clean("\"A\" — ñ"), "\"a\" — ñ");  // what it has, it keeps
}

TEST(OwnCleaning, LongTextsAreQuick) {
    const std::string text(1 << 20, 'a');
    EXPECT_EQ(clean(text, Cleaning::basic), text);
}

}  // namespace
}  // namespace testudo::text
