// Edits of one entry, as pure functions.
#include "dataset/edit.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/strings.h"
#include "dataset/segment_text.h"

namespace testudo::test {
namespace {

using asr::Segment;
using asr::Transcript;
using asr::Word;
using dataset::Edit;
using dataset::EditKind;

Segment segment(std::int64_t id, double start, double end, const std::string& text, bool timed = true) {
    Segment out;
    out.id = id;
    out.start = start;
    out.end = end;
    out.text = text;
    out.tokens = {1, 2, 3};
    if (!timed) return out;
    // Words of equal length with gaps of a tenth.
    const auto words = split(trim(text), ' ');
    const double step = (end - start) / static_cast<double>(words.size());
    out.words.emplace();
    for (std::size_t i = 0; i < words.size(); ++i) {
        Word word;
        word.start = start + step * static_cast<double>(i);
        word.end = word.start + step * 0.9;
        word.text = " " + words[i];
        word.probability = 0.5;
        out.words->push_back(word);
    }
    return out;
}

Transcript three() {
    Transcript out;
    out.segments = {segment(0, 0, 4, " One two three four."), segment(1, 4, 6, " Five six."),
                    segment(7, 6.5, 8, " Seven.")};
    for (const auto& one : out.segments) out.text += one.text;
    return out;
}

Edit edit(EditKind kind, std::int64_t id) {
    Edit out;
    out.kind = kind;
    out.recording = "a.wav";
    out.segment = id;
    return out;
}

// What it says when the edit is refused; then nothing may have changed.
std::string refusal(Transcript transcript, const Edit& one, std::optional<double> length = 8.0) {
    const Json before = to_json(transcript);
    try {
        apply(transcript, one, length);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        EXPECT_FALSE(error.hint().empty());
        EXPECT_EQ(to_json(transcript), before);
        return error.what();
    }
    ADD_FAILURE() << "not refused: " << describe(one);
    return {};
}

Transcript edited(Transcript transcript, const Edit& one, std::optional<double> length = 8.0) {
    apply(transcript, one, length);
    return transcript;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string words_of(const Segment& one) {
    std::string out;
    for (const auto& word : *one.words) out += word.text;
    return out;
}

}  // namespace

TEST(Edit, TextKeepsTheTimesOfWordsThatStay) {
    Edit one = edit(EditKind::text, 0);
    one.value = "One too many three four!";
    Transcript before = three();
    before.segments[0].extra["phonemes"] = "w";
    before.extra["phonemes"] = "w";
    const Transcript after = edited(before, one);
    const Segment& changed = after.segments[0];
    EXPECT_EQ(changed.text, " One too many three four!");
    EXPECT_EQ(words_of(changed), changed.text);
    const auto &old = *before.segments[0].words, &now = *changed.words;
    ASSERT_EQ(now.size(), 5u);
    EXPECT_EQ(now[0].end, old[0].end);
    EXPECT_EQ(now[1].start, old[1].start);
    EXPECT_EQ(now[4].end, old[3].end);
    for (std::size_t i = 1; i < now.size(); ++i) EXPECT_LE(now[i - 1].end, now[i].start);
    EXPECT_FALSE(changed.tokens);
    EXPECT_FALSE(changed.extra.contains("phonemes"));
    EXPECT_FALSE(after.extra.contains("phonemes"));
    EXPECT_EQ(changed.extra["edited"], true);
    EXPECT_EQ(after.text, " One too many three four! Five six. Seven.");
    EXPECT_EQ(to_json(after)["segments"][1], to_json(before)["segments"][1]);
}

TEST(Edit, InsertedAndRemovedWordsFindATime) {
    const auto words = *three().segments[0].words;
    const auto inserted = dataset::retimed_words(words, " One two and a three four.");
    ASSERT_EQ(inserted.size(), 6u);
    for (std::size_t i = 0; i < inserted.size(); ++i) {
        EXPECT_LT(inserted[i].start, inserted[i].end) << i;
        if (i > 0) {
            EXPECT_LE(inserted[i - 1].end, inserted[i].start) << i;
        }
    }
    EXPECT_EQ(dataset::retimed_words(words, " One four.").size(), 2u);
    EXPECT_EQ(dataset::retimed_words(words, " New words One two three four.").front().start, words[0].start);
    EXPECT_TRUE(dataset::retimed_words(words, "  ").empty());
    EXPECT_EQ(dataset::retimed_words(words, "今日は").size(), 3u);
}

TEST(Edit, TextOfARecordingWithoutIdNeedsOneSegment) {
    Edit one = edit(EditKind::text, 0);
    one.segment.reset();
    one.value = " New. ";
    EXPECT_TRUE(contains(refusal(three(), one), "3 segments"));
    Transcript whole = three();
    whole.segments.resize(1);
    whole.text = " Corrected at the top alone.";
    EXPECT_EQ(edited(whole, one).text, " New.");
    EXPECT_EQ(edited(whole, one).segments[0].text, " New.");
    whole.segments.clear();
    EXPECT_EQ(edited(whole, one).text, " New.");
}

TEST(Edit, SplitsBetweenWords) {
    Edit one = edit(EditKind::split, 0);
    one.word = 3;
    Transcript after = edited(three(), one);
    ASSERT_EQ(after.segments.size(), 4u);
    EXPECT_EQ(after.segments[0].id, 0);
    EXPECT_EQ(after.segments[1].id, 8);  // one more than the largest
    EXPECT_EQ(after.segments[0].text, " One two");
    EXPECT_EQ(after.segments[1].text, " three four.");
    EXPECT_NEAR(after.segments[0].end, 1.95, 1e-9);
    EXPECT_EQ(after.segments[1].start, after.segments[0].end);
    EXPECT_EQ(after.segments[1].end, 4);
    EXPECT_EQ(words_of(after.segments[0]), " One two");
    EXPECT_EQ(words_of(after.segments[1]), " three four.");
    EXPECT_EQ(after.text, three().text);

    one.word.reset();
    one.time = 2.4;  // within the third word: the nearer of both gaps
    EXPECT_EQ(edited(three(), one).segments[0].text, " One two");
    EXPECT_EQ(edited(three(), one).segments[0].end, 2.0);
    one.time = 2.95;
    EXPECT_EQ(edited(three(), one).segments[0].text, " One two three");
    EXPECT_EQ(edited(three(), one).segments[0].end, 2.95);
    one.time.reset();
    one.character = 7;  // within "two"
    EXPECT_EQ(edited(three(), one).segments[0].text, " One two");
    one.character.reset();
    one.word = 2;
    one.time = 1.5;  // just there, though a word lies across
    after = edited(three(), one);
    EXPECT_EQ(after.segments[0].end, 1.5);
    EXPECT_EQ(after.segments[1].words->front().start, 1.5);
}

TEST(Edit, SplitsWithoutWordTimes) {
    Transcript plain = three();
    plain.segments[0].words.reset();
    Edit one = edit(EditKind::split, 0);
    one.word = 2;
    EXPECT_EQ(edited(plain, one).segments[0].text, " One");
    EXPECT_NEAR(edited(plain, one).segments[0].end, 0.8, 1e-9);  // 4 of 20 characters
    one.word.reset();
    one.time = 2.0;
    EXPECT_EQ(edited(plain, one).segments[0].text, " One two");
    EXPECT_EQ(edited(plain, one).segments[0].end, 2.0);
    plain.segments[0].text = "今日はいい天気";
    EXPECT_EQ(edited(plain, one).segments[0].text + edited(plain, one).segments[1].text, "今日はいい天気");
    one.time.reset();
    one.character = 3;
    EXPECT_EQ(edited(plain, one).segments[0].text, "今日は");
}

TEST(Edit, SplitsThatCannotBeAreRefused) {
    Edit one = edit(EditKind::split, 0);
    EXPECT_TRUE(contains(refusal(three(), one), "no place"));
    for (const std::int64_t word : {-1, 0, 1, 5, 99}) {
        one.word = word;
        EXPECT_TRUE(contains(refusal(three(), one), "4 words")) << word;
    }
    one.character = 3;
    refusal(three(), one);
    one.word.reset();
    one.character.reset();
    for (const double time : {-1.0, 0.0, 4.0, 5.0, std::nan(""), HUGE_VAL}) {
        one.time = time;
        EXPECT_TRUE(contains(refusal(three(), one), "lasts from")) << time;
    }
    one.time = 1;
    one.segment = 5;
    EXPECT_TRUE(contains(refusal(three(), one), "no segment 5"));
    one.segment = 0;
    for (const char* text : {"", "  ", "x"}) {
        Transcript bare = three();
        bare.segments[0].text = text;
        bare.segments[0].words.reset();
        refusal(bare, one);
    }
    Transcript twice = three();
    twice.segments[1].id = 0;
    EXPECT_TRUE(contains(refusal(twice, one), "two segments have the id 0"));
}

TEST(Edit, MergesNeighboursAndRanges) {
    Edit one = edit(EditKind::merge, 0);
    Transcript after = edited(three(), one);
    ASSERT_EQ(after.segments.size(), 2u);
    EXPECT_EQ(after.segments[0].text, " One two three four. Five six.");
    EXPECT_EQ(words_of(after.segments[0]), after.segments[0].text);
    EXPECT_EQ(after.segments[0].tokens->size(), 6u);
    EXPECT_EQ(after.segments[0].end, 6);
    EXPECT_EQ(after.segments[0].id, 0);
    EXPECT_EQ(after.text, three().text);
    one.last = 7;
    EXPECT_EQ(edited(three(), one).segments.size(), 1u);
    EXPECT_EQ(edited(three(), one).segments[0].end, 8);
    one.last = 0;
    EXPECT_TRUE(contains(refusal(three(), one), "does not come after"));
    one.last = 3;
    EXPECT_TRUE(contains(refusal(three(), one), "no segment 3"));
    EXPECT_TRUE(contains(refusal(three(), edit(EditKind::merge, 7)), "last segment"));
    // Subtitles have no leading spaces; Chinese has none at all.
    EXPECT_EQ(dataset::joined("Hello.", "There."), "Hello. There.");
    EXPECT_EQ(dataset::joined("你好。", "世界"), "你好。世界");
}

TEST(Edit, BoundariesStayWithinRecordingAndNeighbours) {
    Edit one = edit(EditKind::move_boundary, 1);
    EXPECT_TRUE(contains(refusal(three(), one), "no time"));
    one.start = 3.9;
    EXPECT_TRUE(contains(refusal(three(), one), "segment 0 before it ends at 4"));
    one.start = 4.5;
    one.end = 6.4;
    const Transcript after = edited(three(), one);
    EXPECT_EQ(after.segments[1].start, 4.5);
    EXPECT_EQ(after.segments[1].end, 6.4);
    EXPECT_EQ(after.segments[1].words->front().start, 4.5);
    EXPECT_EQ(after.text, three().text);
    one.end = 6.6;
    EXPECT_TRUE(contains(refusal(three(), one), "segment 7 behind it begins at 6.5"));
    one.end = 4.5;
    EXPECT_TRUE(contains(refusal(three(), one), "before the end"));
    one = edit(EditKind::move_boundary, 7);
    one.end = 8.1;
    EXPECT_TRUE(contains(refusal(three(), one), "lasts 8 s"));
    EXPECT_EQ(edited(three(), one, {}).segments[2].end, 8.1);  // how long it is cannot be known
    for (const double time : {-0.1, std::nan(""), HUGE_VAL}) {
        one.end = time;
        refusal(three(), one, {});
    }
}

TEST(Edit, BordersMoveBoth) {
    Edit one = edit(EditKind::move_boundary, 0);
    one.border = 4.5;
    Transcript after = edited(three(), one);
    EXPECT_EQ(after.segments[0].end, 4.5);
    EXPECT_EQ(after.segments[1].start, 4.5);
    EXPECT_EQ(after.segments[1].words->front().start, 4.5);
    for (const double time : {0.0, 6.0, 7.0}) {
        one.border = time;
        EXPECT_TRUE(contains(refusal(three(), one), "between 0 s and 6 s"));
    }
    one = edit(EditKind::move_boundary, 7);
    one.border = 7;
    EXPECT_TRUE(contains(refusal(three(), one), "last segment"));
}

TEST(Edit, AnOverlapThatIsThereMayShrinkButNotGrow) {
    Transcript overlapping = three();
    overlapping.segments[1].start = 3;
    Edit one = edit(EditKind::move_boundary, 1);
    one.start = 3.5;
    EXPECT_EQ(edited(overlapping, one).segments[1].start, 3.5);
    one.start = 2.9;
    refusal(overlapping, one);
    EXPECT_TRUE(contains(dataset::oddities(overlapping, 1, 8.0)[0], "overlaps segment 0 by 1 s"));
    EXPECT_TRUE(dataset::oddities(three(), 1, 8.0).empty());
    EXPECT_TRUE(contains(dataset::oddities(three(), 2, 5.0)[0], "after the recording"));
    overlapping.segments[2].start = 1;
    overlapping.segments[2].id = 0;
    EXPECT_EQ(dataset::oddities(overlapping, 2, {}).size(), 2u);  // order, id
}

TEST(Edit, DeletesSegmentsOrAll) {
    Transcript after = edited(three(), edit(EditKind::remove, 1));
    EXPECT_EQ(after.segments.size(), 2u);
    EXPECT_EQ(after.text, " One two three four. Seven.");
    Edit all = edit(EditKind::remove, 0);
    all.segment.reset();
    after = edited(three(), all);
    EXPECT_TRUE(after.segments.empty());
    EXPECT_EQ(after.text, "");
}

TEST(Edit, AcceptingIsAMarkThatAnotherEditTakesAway) {
    Transcript after = edited(three(), edit(EditKind::accept, 1));
    EXPECT_EQ(after.segments[1].extra["accepted"], true);
    EXPECT_FALSE(after.segments[1].extra.contains("edited"));
    EXPECT_EQ(to_json(edited(after, edit(EditKind::unaccept, 1))), to_json(three()));
    Edit text = edit(EditKind::text, 1);
    text.value = "Other.";
    EXPECT_FALSE(edited(after, text).segments[1].extra.contains("accepted"));
    Edit all = edit(EditKind::accept, 0);
    all.segment.reset();
    for (const auto& one : edited(three(), all).segments) EXPECT_EQ(one.extra["accepted"], true);
}

TEST(Edit, LanguageAndSpeaker) {
    Edit one = edit(EditKind::language, 0);
    one.value = "German";
    EXPECT_TRUE(contains(refusal(three(), one), "belongs to the recording"));
    one.segment.reset();
    EXPECT_EQ(edited(three(), one).language, "de");
    one.value = "klingon";
    EXPECT_TRUE(contains(refusal(three(), one), "klingon"));
    one.kind = EditKind::speaker;
    one.value = " Ada ";
    for (const auto& part : edited(three(), one).segments) EXPECT_EQ(part.extra["speaker"], "Ada");
    one.value = "two\nlines";
    refusal(three(), one);
    one.value = "";
    EXPECT_EQ(to_json(edited(three(), one)), to_json(three()));
}

TEST(Edit, TheTextOfTheRecordingFollowsHoweverItWasJoined) {
    Transcript spaced = three();  // as WhisperX joins its sentences
    for (auto& one : spaced.segments) one.text = trim(one.text);
    spaced.text = "One two three four. Five six. Seven.";
    Edit one = edit(EditKind::text, 1);
    one.value = "FIVE.";
    EXPECT_EQ(edited(spaced, one).text, "One two three four. FIVE. Seven.");
    Transcript own = three();  // corrected at the top alone
    own.text = "Mine: Five six. And more.";
    EXPECT_EQ(edited(own, one).text, "Mine: FIVE. And more.");
    own.text = "Nothing of it.";
    EXPECT_EQ(edited(own, one).text, " One two three four. FIVE. Seven.");
    own.text = "Nothing of it.";
    EXPECT_EQ(edited(own, edit(EditKind::accept, 1)).text, "Nothing of it.");
}

TEST(Edit, GoesThroughJson) {
    Edit one = edit(EditKind::split, 3);
    one.recording = "a \"b\"\n|ü:1.wav";
    one.word = 2;
    one.time = 0.1;
    one.seen = "0123";
    EXPECT_EQ(to_json(dataset::edit_from_json(parse_json(to_json(one).dump(), "x"))), to_json(one));
    for (const char* text :
         {"3", "{}", R"({"edit":"sing","recording":"a"})", R"({"edit":"split"})",
          R"({"edit":"split","recording":3})", R"({"edit":"split","recording":"a","segment":1.5})",
          R"({"edit":"split","recording":"a","segment":1e300})",
          R"({"edit":"split","recording":"a","colour":1})"})
        EXPECT_THROW(dataset::edit_from_json(parse_json(text, "x")), Error) << text;
}

TEST(Edit, AddressesArePartedAtTheLastColon) {
    EXPECT_EQ(dataset::segment_name("a:b.wav:12")->recording, "a:b.wav");
    EXPECT_EQ(dataset::segment_name("a:b.wav:12")->id, 12);
    for (const char* address :
         {"a.wav", "a.wav:", ":3", "a.wav:-1", "a.wav:1x", "a.wav:99999999999999999999"})
        EXPECT_FALSE(dataset::segment_name(address)) << address;
}

}  // namespace testudo::test
