#include "asr/assign_speakers.h"

#include <gtest/gtest.h>

namespace testudo::asr {
namespace {

const std::vector<SpeakerSpan> two = {{0, 2, "SPEAKER_00"}, {2, 4, "SPEAKER_01"}};

Transcript transcript(const std::string& text, const std::vector<Word>& words) {
    Segment segment;
    segment.start = words.front().start;
    segment.end = words.back().end;
    segment.text = text;
    segment.words = words;
    segment.tokens = {1, 2, 3};
    segment.extra = {{"phonemes", "x"}, {"note", "mine"}};
    Transcript out;
    out.segments = {segment, segment};
    out.segments[1].id = 1;
    out.segments[1].start = 3;
    out.segments[1].end = 3.9;
    out.segments[1].words = {{{3, 3.9, " end", {}, Json::object()}}};
    out.segments[1].text = " end";
    return out;
}

Word word(double start, double end, const std::string& text) {
    return {start, end, text, {}, Json::object()};
}

TEST(AssignSpeakers, TagsSegmentsAndWords) {
    Transcript t = transcript(" one two", {word(0, 0.9, " one"), word(1, 1.9, " two")});
    EXPECT_EQ(assign_speakers(t, two), 0);
    ASSERT_EQ(t.segments.size(), 2u);
    EXPECT_EQ(speaker_of(t.segments[0]), "SPEAKER_00");
    EXPECT_EQ(speaker_of((*t.segments[0].words)[1]), "SPEAKER_00");
    EXPECT_EQ(speaker_of(t.segments[1]), "SPEAKER_01");
    EXPECT_TRUE(t.segments[0].tokens.has_value());
    EXPECT_EQ(t.segments[0].extra["note"], "mine");
    EXPECT_EQ(to_json(t)["segments"][0]["speaker"], "SPEAKER_00");
}

TEST(AssignSpeakers, CutsBetweenWordsWhereTheSpeakerChanges) {
    Transcript t = transcript(" Are you there? Yes, I am.",
                              {word(0.5, 0.8, " Are"), word(0.8, 1, " you"), word(1, 1.6, " there?"),
                               word(2.1, 2.4, " Yes,"), word(2.5, 2.6, " I"), word(2.6, 2.9, " am.")});
    EXPECT_EQ(assign_speakers(t, two), 1);
    ASSERT_EQ(t.segments.size(), 3u);
    EXPECT_EQ(t.segments[0].text, " Are you there?");
    EXPECT_EQ(t.segments[1].text, " Yes, I am.");
    EXPECT_EQ(t.segments[0].end, 1.6);
    EXPECT_EQ(t.segments[1].start, 2.1);
    EXPECT_EQ(t.segments[1].end, 2.9);
    EXPECT_EQ(speaker_of(t.segments[0]), "SPEAKER_00");
    EXPECT_EQ(speaker_of(t.segments[1]), "SPEAKER_01");
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(t.segments[i].id, static_cast<std::int64_t>(i));
    // What belongs to the whole segment is gone, the user's own keys are not.
    EXPECT_FALSE(t.segments[0].tokens.has_value());
    EXPECT_FALSE(t.segments[1].extra.contains("phonemes"));
    EXPECT_EQ(t.segments[1].extra["note"], "mine");
}

TEST(AssignSpeakers, AVeryShortWordIsNoTurn) {
    const std::vector<SpeakerSpan> spans = {
        {0, 1, "SPEAKER_00"}, {1, 1.1, "SPEAKER_01"}, {1.1, 3, "SPEAKER_00"}};
    Transcript t =
        transcript(" one a two", {word(0, 0.9, " one"), word(1, 1.1, " a"), word(1.2, 1.9, " two")});
    EXPECT_EQ(assign_speakers(t, spans), 0);
    EXPECT_EQ(t.segments.size(), 2u);
}

TEST(AssignSpeakers, ATextThatDoesNotHoldItsWordsStaysWhole) {
    Transcript t = transcript(" written by hand", {word(0.5, 1.5, " one"), word(2.2, 2.9, " two")});
    EXPECT_EQ(assign_speakers(t, two), 0);
    EXPECT_EQ(t.segments[0].text, " written by hand");
    EXPECT_EQ(speaker_of(t.segments[0]), "SPEAKER_00");
}

TEST(AssignSpeakers, Options) {
    Transcript t = transcript(" one two", {word(0.5, 1.5, " one"), word(2.2, 3.9, " two")});
    t.segments[0].extra["speaker"] = "ada";
    Transcript kept = t, whole = t, none = t;
    assign_speakers(kept, two, {.keep = {true}});
    EXPECT_EQ(speaker_of(kept.segments[0]), "ada");
    EXPECT_EQ(speaker_of(kept.segments[1]), "SPEAKER_01");
    EXPECT_EQ(assign_speakers(whole, two, {.split = false}), 0);
    EXPECT_EQ(speaker_of(whole.segments[0]), "SPEAKER_01");
    // A tag that nobody stands behind any more goes; with `nearest` somebody is always found.
    const std::vector<SpeakerSpan> far = {{50, 60, "SPEAKER_00"}};
    assign_speakers(none, far);
    EXPECT_EQ(speaker_of(none.segments[0]), "");
    assign_speakers(none, far, {.nearest = true});
    EXPECT_EQ(speaker_of(none.segments[0]), "SPEAKER_00");
}

TEST(AssignSpeakers, TextsWithoutSpaces) {
    Transcript t = transcript(
        "あいうえ", {word(0, 0.9, "あ"), word(1, 1.9, "い"), word(2.1, 2.5, "う"), word(2.5, 2.9, "え")});
    EXPECT_EQ(assign_speakers(t, two), 1);
    EXPECT_EQ(t.segments[0].text, "あい");
    EXPECT_EQ(t.segments[1].text, "うえ");
}

}  // namespace
}  // namespace testudo::asr
