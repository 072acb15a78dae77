// The reference lines of tests/golden/ar/text*.json through every pipeline and vocabulary.
#include <gtest/gtest.h>

#include <map>

#include "core/error.h"
#include "support/golden.h"
#include "text/cleaners.h"
#include "text/tokenizer.h"
#include "text/unidecode.h"

namespace testudo::text {
namespace {

bool raises(const Json& value) { return value.is_object() && value.contains("raises"); }

// What the reference says `produce` gives: a value, or an error.
template <class Produce>
void expect_same(const Json& expected, Produce&& produce, const std::string& what) {
    if (raises(expected)) {
        EXPECT_THROW(produce(), Error) << what;
        return;
    }
    try {
        EXPECT_EQ(Json(produce()), expected) << what;
    } catch (const Error& error) {
        ADD_FAILURE() << what << ": " << error.what();
    }
}

TEST(GoldenText, CleanersAndTokensAgree) {
    const auto cases = test::golden_cases("ar", "text");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& one : cases) {
        std::map<std::string, Tokenizer> tokenizers;
        for (const auto& [name, file] : one.manifest["tokenizer_files"].items())
            tokenizers.emplace(
                name, Tokenizer::load(test::golden_file_or_default("ar/" + file.get<std::string>())));
        int checked = 0;
        const auto check = [&](const Tokenizer& tokenizer, Pipeline pipeline, const Json& expected,
                               const std::string& text, const std::string& what) {
            expect_same(
                expected["cleaned"], [&] { return tokenizer.clean(text, pipeline); }, what + " cleaned");
            expect_same(
                expected["ids"], [&] { return tokenizer.encode(text, pipeline).ids; }, what + " ids");
            if (expected.contains("decoded") && !raises(expected["decoded"]) && !raises(expected["ids"])) {
                const auto ids = expected["ids"].get<std::vector<int>>();
                EXPECT_EQ(tokenizer.decode(ids), expected["decoded"].get<std::string>()) << what;
                // The trainer's rule for refusing a line is ours for naming its unknown characters.
                const auto encoded = tokenizer.encode(text, pipeline);
                const bool has_unknown = std::find(ids.begin(), ids.end(), Tokenizer::unk) != ids.end();
                EXPECT_EQ(!encoded.unknown.empty(), has_unknown) << what;
            }
            ++checked;
        };
        for (const auto& line : one.manifest["lines"]) {
            const std::string text = line["text"], what = one.name + ": " + text;
            expect_same(
                line["unidecode"], [&] { return unidecode(text); }, what + " unidecode");
            expect_same(
                line["english_cleaners"], [&] { return english_cleaners(text); }, what + " english");
            expect_same(
                line["basic_cleaners"], [&] { return basic_cleaners(text); }, what + " basic");
            for (const auto& [name, expected] : line["dlas"].items())
                check(tokenizers.at(name), Pipeline::dlas, expected, text, what + " dlas " + name);
            for (const auto& [name, expected] : line["webui"].items())
                check(tokenizers.at(name), Pipeline::webui, expected, text, what + " webui " + name);
            check(Tokenizer::builtin(), Pipeline::tortoise, line["tortoise"], text, what + " tortoise");
            check(Tokenizer::builtin(), Pipeline::tortoise_basic, line["tortoise_basic"], text,
                  what + " basic");
        }
        EXPECT_GT(checked, 0) << one.name;
    }
}

}  // namespace
}  // namespace testudo::text
