#include "text/tokenizer_train.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/strings.h"
#include "support/golden.h"
#include "text/tokenizer.h"
#include "text/tokenizer_file.h"

namespace testudo::text {
namespace {

std::vector<PlacedText> placed(const std::vector<std::string>& lines) {
    std::vector<PlacedText> texts;
    for (const auto& line : lines) texts.push_back({cat("train.txt:", texts.size() + 1), line});
    return texts;
}

const std::vector<std::string> spanish = {
    "El perro de San Roque no tiene rabo", "El perro y el gato, la niña y el niño",
    "¿Qué tiene el gato? No tiene perro.", "aaa aaaa aaaaa banana anna", "Señor, señora: niña, niño; ¡aquí!"};

Error error_of(const std::vector<std::string>& lines, const TokenizerTraining& training) {
    try {
        train_tokenizer(placed(lines), training);
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "no error";
    return usage_error("", "");
}

// The lists are what tokenizers 0.23.3 (Python) makes of the same lines with BpeTrainer.
TEST(TrainTokenizer, MergesAreThoseOfTokenizers) {
    TokenizerTraining training;
    training.size = 60;
    training.language = "es";
    training.whole_alphabet = false;
    const auto trained = train_tokenizer(placed(spanish), training);
    std::vector<std::string> tokens;
    for (const auto& [token, id] : trained.document["model"]["vocab"].items()) {
        EXPECT_EQ(id, static_cast<int>(tokens.size()));
        tokens.push_back(token);
    }
    EXPECT_EQ(
        join(tokens, " "),
        "[STOP] [UNK] [SPACE] ! , . : ; ? a b d e g i l n o p q r s t u y ¡ ¿ é í ñ aa el an iñ niñ ro en "
        "er ien per qu tien perro tiene at eñ gat no or señ aaa niña niño gato señor ab aqu ban de la");
    std::vector<std::string> merges;
    for (const Json& merge : trained.document["model"]["merges"]) merges.push_back(merge);
    EXPECT_EQ(join(merges, "|"),
              "a a|e l|a n|i ñ|n iñ|r o|e n|e r|i en|p er|q u|t ien|per ro|tien e|a t|e ñ|g at|n o|o r|s "
              "eñ|aa a|niñ a|niñ o|gat o|señ or|a b|a qu|b an|d e|l a");
    EXPECT_EQ(trained.characters, 27);
    EXPECT_EQ(trained.merges, 30);
}

TEST(TrainTokenizer, WritesTheFormOfTheOriginal) {
    TokenizerTraining training;
    training.language = "es";
    const auto trained = train_tokenizer(placed(spanish), training);
    const Json theirs = read_json(test::golden_file_or_default("ar/tokenizers/spanish_bpe_tokenizer.json"));
    for (const auto& [key, value] : theirs.items()) {
        ASSERT_TRUE(trained.document.contains(key)) << key;
        if (key != "model" && key != "added_tokens") {
            EXPECT_EQ(trained.document[key], value) << key;
        }
    }
    EXPECT_EQ(trained.document["model"]["language"], "es");
    const auto tokenizer = Tokenizer::parse(trained.document.dump(), "trained");
    EXPECT_EQ(tokenizer.id("[STOP]"), 0);
    EXPECT_EQ(tokenizer.id("[UNK]"), 1);
    EXPECT_EQ(tokenizer.id("[SPACE]"), 2);
    for (const auto& line : spanish) {
        const auto encoded = tokenizer.encode(line);
        EXPECT_TRUE(encoded.unknown.empty()) << line;
        EXPECT_EQ(tokenizer.decode(encoded.ids), tokenizer.clean(line));
    }
    // Letters that no line holds can be spoken all the same.
    EXPECT_TRUE(tokenizer.encode("Wikipedia: ¡vamos! (kilómetro), x-z").unknown.empty());
}

TEST(TrainTokenizer, TheSameTextsGiveTheSameFile) {
    TokenizerTraining training;
    training.language = "es";
    EXPECT_EQ(train_tokenizer(placed(spanish), training).document.dump(),
              train_tokenizer(placed(spanish), training).document.dump());
}

TEST(TrainTokenizer, EnglishIsCleanedAsEnglish) {
    TokenizerTraining training;
    training.language = "en";
    const auto tokenizer = Tokenizer::parse(
        train_tokenizer(placed({"Dr. Who has 42 cafés."}), training).document.dump(), "trained");
    EXPECT_EQ(tokenizer.clean("Dr. Who"), "doctor who");
    EXPECT_EQ(tokenizer.id("é"), -1);
    EXPECT_EQ(tokenizer.id("4"), -1);
}

TEST(TrainTokenizer, PhonemesAreTakenAsTheyAre) {
    TokenizerTraining training;
    training.phonemes = true;
    training.size = 40;
    const auto trained = train_tokenizer(placed({"bɔ̃ʒˈuʁ tulmˈɔ̃d.", "(en)wˈiːkˈɛnd(fr)"}), training);
    EXPECT_TRUE(trained.document["pre_tokenizer"].is_null());
    EXPECT_FALSE(trained.document["model"].contains("language"));
    const auto tokenizer = Tokenizer::parse(trained.document.dump(), "trained");
    EXPECT_EQ(tokenizer.cleaning(), Cleaning::none);
    EXPECT_EQ(tokenizer.decode(tokenizer.encode("tulmˈɔ̃d bɔ̃ʒˈuʁ").ids), "tulmˈɔ̃d bɔ̃ʒˈuʁ");
}

TEST(TrainTokenizer, ManyCharactersAreRefusedWithTheRarest) {
    std::vector<std::string> lines = {"日日日 本本"};
    std::u32string all;
    for (char32_t c = 0x4e00; c < 0x4e00 + 300; ++c) all.push_back(c);
    lines.push_back(to_utf8(std::u32string_view(all)));
    TokenizerTraining training;
    training.language = "zh";
    const Error error = error_of(lines, training);
    EXPECT_EQ(error.kind(), ErrorKind::input);
    const std::string what = error.what();
    EXPECT_NE(what.find("room for 252"), std::string::npos) << what;
    EXPECT_NE(what.find("一 (1×, train.txt:2)"), std::string::npos) << what;
    EXPECT_EQ(what.find("日"), std::string::npos) << what;
    training.size = 400;
    EXPECT_EQ(train_tokenizer(placed(lines), training).characters, 302 + 11);  // and the punctuation
}

TEST(TrainTokenizer, WhatCannotBe) {
    TokenizerTraining training;
    training.language = "es";
    EXPECT_EQ(error_of({}, training).kind(), ErrorKind::input);
    EXPECT_EQ(error_of({"", "  ", "\u200b"}, training).kind(), ErrorKind::input);
    for (const int size : {-1, 0, 3, 1 << 30}) {
        training.size = size;
        EXPECT_EQ(error_of(spanish, training).kind(), ErrorKind::usage) << size;
    }
    training.size = 255;
    training.language = "en";
    const Error error = error_of({"fine", "it costs $,5"}, training);
    EXPECT_NE(std::string(error.what()).find("train.txt:2"), std::string::npos) << error.what();
}

TEST(TrainTokenizer, HostileTextsAndLanguages) {
    TokenizerTraining training;
    for (const char* language : {"", "xx", "../../x", "en_US@@@@", "tlh"}) {
        training.language = language;
        const auto trained = train_tokenizer(
            placed({"[STOP] [SPACE] [UNK]", std::string(20000, 'a'), "\xff\xc3", "a\u0301\u0301\u0301 😀"}),
            training);
        const auto tokenizer = Tokenizer::parse(trained.document.dump(), "trained");
        EXPECT_TRUE(tokenizer.encode("aa 😀").unknown.empty()) << language;
    }
}

TEST(TrainTokenizer, TenThousandLinesTakeSeconds) {
    std::vector<std::string> lines;
    unsigned state = 1;
    for (int i = 0; i < 10000; ++i) {
        std::string line;
        for (int word = 0; word < 10; ++word) {
            for (int n = 0; n < 6; ++n)
                line += static_cast<char>('a' + (state = state * 1103515245 + 12345) / 65536 % 26);
            line += ' ';
        }
        lines.push_back(line);
    }
    TokenizerTraining training;
    training.language = "es";
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_GT(train_tokenizer(placed(lines), training).merges, 100);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

}  // namespace
}  // namespace testudo::text
