// Where recordings are cut: on formulas whose answer is known, and on the reference clips.
#include "dataset/cut_points.h"

#include <gtest/gtest.h>

#include "asr/models.h"
#include "core/strings.h"
#include "dataset/check.h"
#include "dataset/fixtures.h"
#include "dataset/slices.h"
#include "support/golden.h"

namespace testudo::test {
namespace {

using dataset::CutPoints;
using dataset::quiet_cut_points;

constexpr int rate = 16000;

// A tone at full level where `loud` says so, a hundredth of it elsewhere.
audio::Clip tone(double seconds, const std::vector<std::pair<double, double>>& loud) {
    audio::Clip clip;
    clip.rate = rate;
    for (const std::int16_t sample : sine(seconds, rate)) clip.samples.push_back(sample / 32768.0f);
    for (std::size_t n = 0; n < clip.samples.size(); ++n) {
        const double t = static_cast<double>(n) / rate;
        const bool on = std::any_of(loud.begin(), loud.end(),
                                    [&](const auto& span) { return t >= span.first && t < span.second; });
        if (!on) clip.samples[n] *= 0.01f;
    }
    return clip;
}

asr::Segment spoken(const std::vector<std::pair<double, double>>& words) {
    asr::Segment segment;
    segment.words.emplace();
    for (const auto& [start, end] : words) {
        asr::Word word;
        word.start = start;
        word.end = end;
        word.text = cat(" w", segment.words->size());
        segment.text += word.text;
        segment.words->push_back(word);
    }
    segment.start = words.front().first;
    segment.end = words.back().second;
    return segment;
}

asr::Segment unspoken(double start, double end) {
    asr::Segment segment;
    segment.start = start;
    segment.end = end;
    segment.text = " Some words.";
    return segment;
}

struct Case {
    std::string name;
    audio::Clip clip;
    std::vector<asr::Segment> segments;
};

// Every clip of the reference data whose words are known.
std::vector<Case> golden_words() {
    std::vector<Case> cases;
    for (const auto& one : golden_cases("asr/whisper", "transcripts"))
        for (const auto& [key, result] : one.manifest["results"].items()) {
            const auto parts = split(key, '|');
            if (parts.size() != 3 || parts[2] != "words") continue;
            Case c{parts[0] + " " + parts[1], golden_clip(parts[1]),
                   asr::transcript_from_json(result, key).segments};
            std::erase_if(c.segments, [](const auto& s) { return !s.words || s.words->empty(); });
            if (!c.segments.empty()) cases.push_back(std::move(c));
        }
    return cases;
}

bool inside(double time, const asr::Word& word) { return time > word.start + 1e-9 && time < word.end - 1e-9; }

}  // namespace

TEST(CutPoints, LieInThePauseAndKeepItsPads) {
    const auto clip = tone(6, {{1, 2}, {3, 5}});
    const auto points = quiet_cut_points(clip, {spoken({{1, 1.5}, {1.5, 2}}), spoken({{3, 4}, {4, 5}})});
    EXPECT_NEAR(points[0].start, 0.9, 0.006);
    EXPECT_NEAR(points[0].end, 2.2, 0.006);
    EXPECT_NEAR(points[1].start, 2.9, 0.006);
    EXPECT_NEAR(points[1].end, 5.2, 0.006);
}

TEST(CutPoints, AreSharedWhereThePauseIsTooShortForBothPads) {
    // Whisper's words end early and begin late: the tone goes on in the gap but for one quiet place.
    const auto clip = tone(4, {{0.5, 2.1}, {2.14, 3.5}});
    const auto points = quiet_cut_points(clip, {spoken({{0.5, 2.0}}), spoken({{2.2, 3.5}})});
    EXPECT_EQ(points[0].end, points[1].start);
    EXPECT_NEAR(points[0].end, 2.12, 0.011);
}

TEST(CutPoints, WithoutAGapTheWordsTouchAtTheCut) {
    const auto clip = tone(4, {{0, 4}});
    const auto points = quiet_cut_points(clip, {spoken({{0, 1.93}}), spoken({{1.93, 4}})});
    EXPECT_DOUBLE_EQ(points[0].end, 1.93);
    EXPECT_DOUBLE_EQ(points[1].start, 1.93);
}

TEST(CutPoints, WithoutWordsTheQuietestPlaceNearTheTimesIsTaken) {
    const auto clip = tone(6, {{0.5, 2.9}, {3.05, 5.5}});
    const auto points = quiet_cut_points(clip, {unspoken(0.6, 3.1), unspoken(3.1, 5.4)});
    EXPECT_NEAR(points[0].end, 2.975, 0.08);
    EXPECT_LE(points[0].end, points[1].start);
    EXPECT_NEAR(points[1].start, 2.975, 0.08);
    EXPECT_NEAR(points[0].start, 0.45, 0.06);
    for (const auto& point : points) {
        EXPECT_LT(point.start, point.end);
        EXPECT_GE(point.start, 0);
        EXPECT_LE(point.end, clip.seconds());
    }
}

TEST(CutPoints, EditedTimesOutrankOlderWords) {
    const auto clip = tone(6, {{1, 5}});
    asr::Segment edited = spoken({{1, 2}, {2, 3}, {3, 5}});
    edited.end = 3.02;  // the last word was taken away by hand
    edited.text = " w0 w1";
    const auto points = quiet_cut_points(clip, {edited});
    EXPECT_NEAR(points[0].end, 3.0, 0.021);
    edited.start = 0.2;  // and more in front
    EXPECT_NEAR(quiet_cut_points(clip, {edited})[0].start, 0.2, 0.2);
}

TEST(CutPoints, OverlappingReversedAndUnsortedSegmentsStayUsable) {
    const auto clip = tone(8, {{0, 8}});
    const std::vector<asr::Segment> odd = {unspoken(4, 6),   unspoken(0, 5),     unspoken(5, 5),
                                           unspoken(7, 900), spoken({{1, 4.5}}), spoken({{1, 4.5}})};
    const auto points = quiet_cut_points(clip, odd);
    ASSERT_EQ(points.size(), odd.size());
    for (std::size_t i = 0; i < odd.size(); ++i) {
        EXPECT_LE(points[i].start, points[i].end) << i;
        EXPECT_NEAR(points[i].start, odd[i].start, 1.01) << i;  // to the edge of another's word
    }
    EXPECT_TRUE(quiet_cut_points({}, odd).size() == odd.size());
    EXPECT_TRUE(quiet_cut_points(clip, {}).empty());
}

TEST(GoldenCutPoints, NeverInsideAWordAndNeverOverAnother) {
    const auto cases = golden_words();
    if (cases.empty()) GTEST_SKIP();
    int cuts = 0, moved = 0;
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto points = quiet_cut_points(c.clip, c.segments);
        for (std::size_t i = 0; i < points.size(); ++i)
            for (const double time : {points[i].start, points[i].end}) {
                ++cuts;
                moved += time != c.segments[i].start && time != c.segments[i].end;
                for (const auto& segment : c.segments)
                    for (const auto& word : *segment.words)
                        EXPECT_FALSE(inside(time, word)) << time << " in" << word.text;
            }
        for (std::size_t i = 1; i < points.size(); ++i)
            if (c.segments[i].start >= c.segments[i - 1].end) {
                EXPECT_LE(points[i - 1].end, points[i].start);
            }
    }
    EXPECT_GT(moved, cuts / 2);
}

TEST(GoldenCutPoints, SlicesAreHeardBetterThanThoseOfPlainTimesSlow) {
    const asr::Transcriber* model = whisper("tiny.en");
    const auto cases = golden_words();
    if (!model || cases.empty()) GTEST_SKIP();
    int quiet = 0, plain = 0, characters = 0;
    for (const auto& c : cases) {
        if (!c.name.starts_with("tiny.en ")) continue;
        const auto points = quiet_cut_points(c.clip, c.segments);
        std::vector<audio::Clip> clips;
        std::vector<std::string> texts;
        for (std::size_t i = 0; i < points.size(); ++i) {
            const auto& segment = c.segments[i];
            const std::string text = trim(segment.text);
            if (text.find_first_not_of(" .") == std::string::npos) continue;
            texts.push_back(text);
            for (const auto& [start, end] :
                 {std::pair{points[i].start, points[i].end}, std::pair{segment.start, segment.end}}) {
                const auto bounds = dataset::slice_bounds(start, end, c.clip.rate,
                                                          static_cast<std::int64_t>(c.clip.samples.size()));
                audio::Clip slice;
                slice.rate = c.clip.rate;
                slice.samples.assign(c.clip.samples.begin() + bounds.first,
                                     c.clip.samples.begin() + bounds.past_last);
                clips.push_back(std::move(slice));
            }
        }
        asr::TranscribeOptions options;
        options.language = "en";
        const auto heard = model->transcribe(clips, options);
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const auto by_quiet = dataset::text_distance(texts[i], heard[2 * i].text, "en");
            const auto by_plain = dataset::text_distance(texts[i], heard[2 * i + 1].text, "en");
            quiet += by_quiet.edits;
            plain += by_plain.edits;
            characters += by_quiet.characters;
        }
    }
    std::cerr << "[cut points] of " << characters << " characters are heard otherwise: " << quiet
              << " in quiet cuts, " << plain << " in plain ones\n";
    ASSERT_GT(characters, 0);
    EXPECT_LT(quiet, plain);
}

}  // namespace testudo::test
