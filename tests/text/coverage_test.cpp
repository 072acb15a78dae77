#include "text/coverage.h"

#include <gtest/gtest.h>

#include "core/strings.h"
#include "support/golden.h"

namespace testudo::text {
namespace {

const CoverageGap* find(const std::vector<CoverageGap>& gaps, const std::string& character) {
    for (const auto& gap : gaps)
        if (gap.character == character) return &gap;
    return nullptr;
}

TEST(Coverage, CountsAndPlacesWhatTheVocabularyLacks) {
    const std::vector<PlacedText> texts = {{"train.txt:1", "plain words", 1.0},
                                           {"train.txt:2", "braces { and { more }", 2.0},
                                           {"train.txt:4", "a smile 😀 { here"},
                                           {"validation.txt:1", "it costs $,5"},
                                           {"validation.txt:2", "😀"}};
    const auto coverage = measure_coverage(Tokenizer::builtin(), texts, 200);
    EXPECT_EQ(coverage.lines, 5);
    EXPECT_EQ(coverage.lines_with_unknown, 2);
    ASSERT_EQ(coverage.unknown.size(), 2u);
    EXPECT_EQ(coverage.unknown[0].character, "{");
    EXPECT_EQ(coverage.unknown[0].count, 3);
    EXPECT_EQ(coverage.unknown[0].lines, 2);
    EXPECT_EQ(coverage.unknown[0].name, "LEFT CURLY BRACKET");
    EXPECT_EQ(coverage.unknown[0].examples.front(), "train.txt:2: braces { and { more }");
    EXPECT_EQ(coverage.unknown[1].character, "}");
    ASSERT_EQ(coverage.dropped.size(), 1u);
    EXPECT_EQ(coverage.dropped[0].count, 2);
    ASSERT_EQ(coverage.problems.size(), 2u);
    EXPECT_EQ(coverage.problems[0].where, "validation.txt:1");
    EXPECT_EQ(coverage.problems[1].where, "validation.txt:2");
    EXPECT_DOUBLE_EQ(coverage.seconds, 3);
    const Json json = to_json(coverage);
    EXPECT_GT(json["tokens_per_second"].get<double>(), 1);
    EXPECT_GT(json["characters_per_token"].get<double>(), 1);
    EXPECT_EQ(json["tokens_in_all"], 255);
    const auto said = sentences(coverage);
    EXPECT_EQ(said.size(), 5u);
    EXPECT_NE(said[0].find("train.txt:2"), std::string::npos) << said[0];
}

TEST(Coverage, SuggestsWhatTheVocabularyCanWrite) {
    const auto ipa = Tokenizer::load(test::golden_file_or_default("ar/tokenizers/ipa.json"));
    const std::vector<PlacedText> texts = {{"train.txt:9", "t͡ʃ ʁ n2 ɔ̃ 😀"}};
    const auto coverage = measure_coverage(ipa, texts, 200);
    ASSERT_TRUE(find(coverage.unknown, "\u0361"));
    EXPECT_EQ(find(coverage.unknown, "\u0361")->suggestion, "leave the tie bar out");
    EXPECT_EQ(find(coverage.unknown, "2")->suggestion, "write numbers in words");
    EXPECT_EQ(find(coverage.unknown, "\u0303")->suggestion, "write the letter without this mark");
    EXPECT_EQ(find(coverage.unknown, "😀")->suggestion, "leave it out");
    EXPECT_FALSE(find(coverage.unknown, "ʁ")->suggestion.empty());
    const auto spanish =
        Tokenizer::load(test::golden_file_or_default("ar/tokenizers/spanish_bpe_tokenizer.json"));
    const auto other = measure_coverage(spanish, std::vector<PlacedText>{{"x:1", "łódź"}}, 200);
    ASSERT_TRUE(find(other.unknown, "ł"));
    EXPECT_EQ(find(other.unknown, "ł")->suggestion, "write \"l\"");
    EXPECT_EQ(find(other.unknown, "ź")->suggestion, "write \"z\"");
}

TEST(Coverage, TellsWhatEnglishCleaningMakesOfOtherLetters) {
    const std::vector<PlacedText> texts = {{"train.txt:1", "Señor, mañana"}, {"train.txt:2", "ж"}};
    const auto coverage = measure_coverage(Tokenizer::builtin(), texts, 200);
    EXPECT_TRUE(coverage.unknown.empty());
    ASSERT_EQ(coverage.rewritten.size(), 2u);
    EXPECT_EQ(coverage.rewritten[0].character, "ñ");
    EXPECT_EQ(coverage.rewritten[0].count, 2);
    EXPECT_EQ(coverage.rewritten[0].suggestion, "is read as \"n\"");
    EXPECT_EQ(coverage.rewritten[1].suggestion, "is read as \"zh\"");
    EXPECT_EQ(sentences(coverage).size(), 1u);
    const auto spanish =
        Tokenizer::load(test::golden_file_or_default("ar/tokenizers/spanish_bpe_tokenizer.json"));
    EXPECT_TRUE(measure_coverage(spanish, texts, 200).rewritten.empty());
    const auto ipa = Tokenizer::load(test::golden_file_or_default("ar/tokenizers/ipa.json"));
    const auto plain = measure_coverage(ipa, std::vector<PlacedText>{{"train.txt:1", "Hello"}}, 200);
    EXPECT_NE(plain.unknown.at(0).suggestion.find("not in phonemes"), std::string::npos);
}

TEST(Coverage, LongListsAreCutAndHostileTextsCannotCommandATerminal) {
    std::vector<PlacedText> texts;
    for (char32_t c = 0x4e00; c < 0x4e00 + 40; ++c)
        texts.push_back({"train.txt:1", to_utf8(std::u32string(1, c)) + " \x1b[31m"});
    const auto spanish =
        Tokenizer::load(test::golden_file_or_default("ar/tokenizers/spanish_bpe_tokenizer.json"));
    const auto said = sentences(measure_coverage(spanish, texts, 200), 5);
    EXPECT_LE(said.size(), 7u);
    for (const auto& one : said) EXPECT_EQ(one.find('\x1b'), std::string::npos) << one;
    texts = {{"train.txt:1", std::string(2000, 'z')}};
    EXPECT_EQ(measure_coverage(spanish, texts, 200).problems.size(), 1u);
    EXPECT_EQ(measure_coverage(spanish, {}, 200).lines, 0);
}

}  // namespace
}  // namespace testudo::text
