#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "support/golden.h"

namespace testudo::text {
namespace {

using Strings = std::vector<std::string>;

Json small_vocabulary() {
    return parse_json(R"({"added_tokens":[{"id":0,"content":"[STOP]"},{"id":1,"content":"[UNK]"},
        {"id":2,"content":"[SPACE]"}],"pre_tokenizer":null,"model":{"type":"BPE","unk_token":"[UNK]",
        "vocab":{"[STOP]":0,"[UNK]":1,"[SPACE]":2,"a":3,"b":4,"c":5,"ab":6,"abc":7,"bc":8},
        "merges":["b c","a b","ab c"]}})",
                      "small");
}

TEST(Tokenizer, BuiltinIsTheVocabularyOfTheReleasedModels) {
    const Tokenizer& tokenizer = Tokenizer::builtin();
    EXPECT_EQ(tokenizer.size(), 255);
    EXPECT_EQ(tokenizer.token(Tokenizer::stop), "[STOP]");
    EXPECT_EQ(tokenizer.token(Tokenizer::space), "[SPACE]");
    EXPECT_EQ(tokenizer.id("the"), 42);
    EXPECT_EQ(tokenizer.id("no such token"), -1);
    EXPECT_EQ(tokenizer.token(-1), "");
    EXPECT_EQ(tokenizer.token(100000), "");
}

TEST(Tokenizer, MergesByRankThenFromTheLeft) {
    const Tokenizer tokenizer = Tokenizer::parse(small_vocabulary().dump(), "small");
    EXPECT_EQ(tokenizer.encode_cleaned("abc").ids, (std::vector<int>{3, 8}));  // "b c" has the lower rank
    EXPECT_EQ(tokenizer.encode_cleaned("abab c").ids, (std::vector<int>{6, 6, 2, 5}));
    EXPECT_EQ(tokenizer.encode_cleaned("").ids, std::vector<int>{});
    EXPECT_EQ(tokenizer.encode_cleaned("[STOP]a").ids, (std::vector<int>{0, 3}));
}

TEST(Tokenizer, NamesWhatItDoesNotKnowOnceAndInOrder) {
    const Encoded encoded = Tokenizer::builtin().encode("a { b } { 😀 ok");
    EXPECT_EQ(encoded.unknown, (Strings{"{", "}"}));
    EXPECT_EQ(encoded.dropped, (Strings{"😀"}));
    EXPECT_EQ(std::count(encoded.ids.begin(), encoded.ids.end(), Tokenizer::unk), 3);
    EXPECT_TRUE(Tokenizer::builtin().encode("plain words, and “quotes”").unknown.empty());
    EXPECT_EQ(Tokenizer::builtin().encode("日", Pipeline::tortoise_basic).unknown, Strings{"日"});
}

TEST(Tokenizer, DecodesWhatItEncodes) {
    const auto ids = Tokenizer::builtin().encode("The quick brown fox, isn't it?").ids;
    EXPECT_EQ(Tokenizer::builtin().decode(ids), "the quick brown fox, isn't it?");
    EXPECT_EQ(Tokenizer::builtin().decode(std::vector<int>{9999, -5, 0, 1, 2}), " ");
}

TEST(Tokenizer, LongTextTakesLinearTime) {
    const std::string text(200000, 'a');  // one word
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(Tokenizer::builtin().encode_cleaned(text).ids.empty());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(Tokenizer, RefusesDamagedVocabulariesByFileAndKey) {
    struct Damage {
        const char* key;
        std::function<void(Json&)> make;
    };
    const std::vector<Damage> damages = {
        {"model is missing", [](Json& j) { j.erase("model"); }},
        {"model.vocab is missing", [](Json& j) { j["model"].erase("vocab"); }},
        {"model.merges is missing", [](Json& j) { j["model"].erase("merges"); }},
        {"model is not", [](Json& j) { j["model"] = 3; }},
        {"model.vocab is not",
         [](Json& j) {
             j["model"]["vocab"] = Json::array({1, 2});
         }},
        {"model.type", [](Json& j) { j["model"]["type"] = "WordPiece"; }},
        {"model.vocab[\"a\"]", [](Json& j) { j["model"]["vocab"]["a"] = -1; }},
        {"model.vocab[\"a\"]", [](Json& j) { j["model"]["vocab"]["a"] = 4000000000LL; }},
        {"model.vocab[\"a\"]", [](Json& j) { j["model"]["vocab"]["a"] = 18446744073709551615ULL; }},
        {"model.vocab[\"a\"]", [](Json& j) { j["model"]["vocab"]["a"] = "three"; }},
        {"model.vocab[\"b\"]", [](Json& j) { j["model"]["vocab"]["b"] = 3; }},
        {"model.vocab[\"[SPACE]\"]",
         [](Json& j) {
             j["model"]["vocab"]["[SPACE]"] = 77;
             j["added_tokens"][2]["id"] = 77;
         }},
        {"added_tokens[2]", [](Json& j) { j["added_tokens"][2]["id"] = 9; }},
        {"added_tokens[0].content", [](Json& j) { j["added_tokens"][0].erase("content"); }},
        {"added_tokens[0].id", [](Json& j) { j["added_tokens"][0]["id"] = 1.5; }},
        {"added_tokens", [](Json& j) { j["added_tokens"] = "none"; }},
        {"added_tokens lacks [SPACE]", [](Json& j) { j["added_tokens"].erase(2); }},
        {"model.merges is not", [](Json& j) { j["model"]["merges"] = 1; }},
        {"model.merges[1]", [](Json& j) { j["model"]["merges"][1] = "a"; }},
        {"model.merges[0] uses \"xa\"", [](Json& j) { j["model"]["merges"][0] = "x a"; }},
        {"model.merges[0] uses \"ca\"", [](Json& j) { j["model"]["merges"][0] = "c a"; }},
        {"model.language", [](Json& j) { j["model"]["language"] = 4; }},
        {"pre_tokenizer",
         [](Json& j) {
             j["pre_tokenizer"] = {{"type", "ByteLevel"}};
         }},
        {"normalizer",
         [](Json& j) {
             j["normalizer"] = {{"type", "NFKC"}};
         }},
    };
    for (const auto& [key, make] : damages) {
        Json damaged = small_vocabulary();
        make(damaged);
        try {
            Tokenizer::parse(damaged.dump(), "folder/odd.json");
            ADD_FAILURE() << key << " was taken: " << damaged.dump();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input) << key;
            EXPECT_NE(std::string(error.what()).find("folder/odd.json"), std::string::npos) << error.what();
            EXPECT_NE(std::string(error.what()).find(key), std::string::npos)
                << error.what() << " for " << key;
        }
    }
    EXPECT_THROW(Tokenizer::parse("[1,2]", "x"), Error);
    EXPECT_THROW(Tokenizer::parse("not json", "x"), Error);
    EXPECT_THROW(Tokenizer::load("/nonexistent/tokenizer.json"), Error);
}

TEST(Tokenizer, ReadsMergesAsPairsToo) {
    Json json = small_vocabulary();
    json["model"]["merges"] = Json::array({{"a", "b"}, {"ab", "c"}});
    EXPECT_EQ(Tokenizer::parse(json.dump(), "x").encode_cleaned("abc").ids, std::vector<int>{7});
}

TEST(Tokenizer, JapaneseOfTheWebUiIsRefusedNotGuessed) {
    Json json = small_vocabulary();
    json["pre_tokenizer"] = {{"type", "Whitespace"}};
    json["model"]["language"] = "ja";
    EXPECT_THROW(Tokenizer::parse(json.dump(), "x").encode("あ", Pipeline::webui), Error);
}

}  // namespace
}  // namespace testudo::text
