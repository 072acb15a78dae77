#include "asr/sentences.h"

#include <gtest/gtest.h>

#include "core/strings.h"

namespace testudo::asr {
namespace {

std::vector<std::string> sentences(const std::string& text) {
    const std::u32string points = code_points(text);
    std::vector<std::string> out;
    for (const auto& [first, last] : sentence_spans(points))
        out.push_back(to_utf8(std::u32string_view(points).substr(first, last - first)));
    return out;
}

using List = std::vector<std::string>;

// What NLTK 3.10's PunktSentenceTokenizer() gives, to the character.
TEST(Sentences, AsPunktWithoutTraining) {
    EXPECT_EQ(sentences(" Hello there. How are you today?"), (List{" Hello there.", "How are you today?"}));
    EXPECT_EQ(sentences("Very bad acting!!! I promise."), (List{"Very bad acting!!!", "I promise."}));
    EXPECT_EQ(sentences("  \"Wait,\" he said - \"it's late.\"  "),
              (List{"  \"Wait,\" he said - \"it's late.\""}));
    EXPECT_EQ(sentences("\"Stop.\" He left."), (List{"\"Stop.\"", "He left."}));
    EXPECT_EQ(sentences("(Sent1.) Sent2."), (List{"(Sent1.)", "Sent2."}));
    EXPECT_EQ(sentences("It costs 3.50 dollars. Yes."), (List{"It costs 3.50 dollars.", "Yes."}));
}

TEST(Sentences, InitialsAndNumbersGoOn) {
    EXPECT_EQ(sentences("J. Bach wrote it. Good."), (List{"J. Bach wrote it.", "Good."}));
    EXPECT_EQ(sentences("On the 5. day it rained. On the 6. Nothing."),
              (List{"On the 5. day it rained.", "On the 6.", "Nothing."}));
    EXPECT_EQ(sentences("Well... maybe. no."), (List{"Well... maybe.", "no."}));
}

TEST(Sentences, NothingToSplit) {
    EXPECT_EQ(sentences(""), List{});
    EXPECT_EQ(sentences("   "), List{});
    EXPECT_EQ(sentences("no end"), List{"no end"});
    EXPECT_EQ(sentences("...?!"), (List{"...?", "!"}));
}

}  // namespace
}  // namespace testudo::asr
