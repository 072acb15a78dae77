// Verdicts on lines, and what is heard when clips are transcribed again.
#include "dataset/check.h"

#include <gtest/gtest.h>

#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/fixtures.h"
#include "support/golden.h"

namespace testudo::test {
namespace {

using dataset::CheckedLine;
using dataset::Verdict;

CheckedLine good_line(int number) {
    CheckedLine line;
    line.audio = cat("audio/", number, ".wav");
    line.list = "train";
    line.text = cat(" This is sentence number ", number, " of a good voice.");
    line.language = "en";
    line.signal.seconds = 3;
    line.signal.peak = 0.5;
    line.signal.loudness = -23;
    line.signal.snr = 40;
    line.signal.silence_share = 0.1;
    line.signal.start_level = line.signal.end_level = -40;
    return line;
}

std::vector<CheckedLine> good_lines(int count) {
    std::vector<CheckedLine> lines;
    for (int i = 0; i < count; ++i) lines.push_back(good_line(100 + i));
    return lines;
}

// The reasons of the last of twelve lines, after `change`.
std::string reasons_after(const std::function<void(CheckedLine&)>& change) {
    auto lines = good_lines(12);
    change(lines.back());
    const std::string audio = lines.back().audio;
    dataset::judge(lines);
    for (const auto& line : lines)
        if (line.audio == audio) return join(line.reasons, "; ");
    return "lost";
}

struct Voice {
    void transcribed(const std::map<std::string, std::string>& texts) {
        int n = 0;
        for (const auto& [name, text] : texts)
            write_wav(root / "voices/v" / name, sine(3, 22050, 200 + 20 * n++), 22050);
        dataset::transcribe_voice(
            root, "v", settings,
            [&](const std::vector<dataset::Recording>& recordings, const std::string&) {
                std::vector<asr::Transcript> out;
                for (const auto& one : recordings) out.push_back(transcript(texts.at(one.name), 3));
                return out;
            },
            events);
    }
    // Hears `answer` in every clip and counts.
    dataset::Transcribe hearing(const std::string& answer) {
        return [this, answer](const std::vector<dataset::Recording>& recordings, const std::string&) {
            std::vector<asr::Transcript> out;
            for (const auto& one : recordings) {
                ++heard;
                EXPECT_EQ(one.clip.rate, 16000);
                out.push_back(transcript(answer, one.clip.seconds()));
            }
            return out;
        };
    }
    dataset::Report list(const dataset::Transcribe& transcribe) {
        return dataset::list_voice(root, "v", settings, events, {}, transcribe);
    }

    TemporaryFolder folder;
    fs::path root = folder.path(), training = root / "training/v";
    dataset::DatasetSettings settings;
    Events events;
    int heard = 0;
};

}  // namespace

TEST(Check, GoodLinesHaveNoReasons) {
    auto lines = good_lines(12);
    dataset::judge(lines);
    for (const auto& line : lines) {
        EXPECT_EQ(line.verdict, Verdict::good) << line.reasons[0];
        EXPECT_NEAR(*line.characters_per_second, 43.0 / 3, 1);
    }
}

TEST(Check, EveryFaultHasItsReason) {
    const std::vector<std::pair<std::string, std::function<void(CheckedLine&)>>> faults = {
        {"heard again", [](auto& line) { line.heard = " This is sentence number."; }},
        {"middle of a sound", [](auto& line) { line.signal.start_level = -3; }},
        {"ends in the middle", [](auto& line) { line.signal.end_level = 0; }},
        {"too loud", [](auto& line) { line.signal.clipped_share = 0.01; }},
        {"offset", [](auto& line) { line.signal.dc_offset = -0.05; }},
        {"noisy", [](auto& line) { line.signal.snr = 6; }},
        {"silence", [](auto& line) { line.signal.silence_share = 0.8; }},
        {"very quiet", [](auto& line) { line.signal.loudness = -60; }},
        {"quieter than the others", [](auto& line) { line.signal.loudness = -36; }},
        {"louder than the others", [](auto& line) { line.signal.loudness = -12; }},
        {"short for the clip", [](auto& line) { line.text = " Oh."; }},
        {"faster than the others", [](auto& line) { line.signal.seconds = 1.7; }},
        {"same text as", [](auto& line) { line.text = " This is sentence number 100, of a good voice!"; }},
        {"sounds like fr", [](auto& line) { line.heard_warning = "sounds like fr"; }}};
    for (const auto& [wanted, change] : faults)
        EXPECT_NE(reasons_after(change).find(wanted), std::string::npos)
            << wanted << ": " << reasons_after(change);
    // What tells nothing: a slip or two, a missing measure.
    EXPECT_EQ(reasons_after([](auto& line) { line.heard = "this is sentence number 111 of a gut voice"; }),
              "");
    EXPECT_EQ(reasons_after([](auto& line) { line.signal.snr = line.signal.loudness = std::nullopt; }), "");
}

TEST(Check, DoubtfulOnesComeFirstAndAcceptedOnesAreNever) {
    auto lines = good_lines(6);
    lines[2].signal.snr = lines[4].signal.snr = lines[5].signal.snr = 3;
    lines[5].accepted = true;
    dataset::judge(lines);
    EXPECT_EQ(lines[0].audio, "audio/102.wav");
    EXPECT_EQ(lines[1].audio, "audio/104.wav");
    EXPECT_EQ(lines[2].audio, "audio/100.wav");
    EXPECT_EQ(lines[5].verdict, Verdict::good);
}

TEST(Check, LimitsAreExplained) {
    for (const auto table : {dataset::limits(), dataset::outlier_limits()})
        for (const auto& limit : table) {
            EXPECT_LT(limit.least, limit.most) << limit.score;
            EXPECT_GT(std::string(limit.why).size(), 20u) << limit.score;
            EXPECT_TRUE(limit.below || limit.above) << limit.score;
        }
}

TEST(TextDistance, CountsWhatIsSaidDifferently) {
    const auto edits = [](const char* a, const char* b, const char* language = "en") {
        return dataset::text_distance(a, b, language).edits;
    };
    EXPECT_EQ(edits(" Dr. Smith, 25 years old!", "doctor smith twenty-five years old"), 0);
    EXPECT_EQ(edits("kitten", "sitting"), 3);
    EXPECT_EQ(edits("", "abc"), 3);
    EXPECT_EQ(edits("Größe, süß.", "größe SÜSS", "de"), 2);
    EXPECT_EQ(edits("東京へ。", "東京へ", "ja"), 0);
    EXPECT_EQ(edits("costs $,5", "costs $,5"), 0);  // cannot be read out
    EXPECT_DOUBLE_EQ(dataset::text_distance("abcd", "abcx", "en").rate(), 0.25);
    EXPECT_DOUBLE_EQ(dataset::text_distance("abcd", "", "en").rate(), 1);
    EXPECT_GE(edits("\xff\xfe", "x"), 0);
}

TEST(HearAgain, SlicesAreHeardOnceAndComparedWithTheirText) {
    Voice v;
    v.settings.slice = true;
    v.settings.cut_points = "segment";
    v.transcribed({{"a.wav", " Quite another sentence."}, {"b.wav", " A sentence that is long enough."}});
    dataset::slice_voice(v.root, "v", v.settings, v.events);
    const auto report = v.list(v.hearing(" A sentence that is long enough."));
    EXPECT_EQ(v.heard, 2);
    ASSERT_EQ(report.lines.size(), 2u);
    EXPECT_EQ(report.lines[0].audio, "audio/a_00000.wav");
    EXPECT_NE(join(report.lines[0].reasons, "; ").find("heard again"), std::string::npos);
    for (const auto& reason : report.lines[1].reasons)
        EXPECT_EQ(reason.find("heard again"), std::string::npos);

    v.list(v.hearing(" Never asked."));
    EXPECT_EQ(v.heard, 2);
    write_text(v.training / ".checks.json", "{ damaged");
    v.list(v.hearing(" Never asked."));
    EXPECT_EQ(v.heard, 4);
    v.settings.whisper_model = "small";  // hears otherwise
    v.list(v.hearing(" Asked again."));
    EXPECT_EQ(v.heard, 6);
    v.settings.check_slices = false;
    v.settings.whisper_model = "base";
    EXPECT_FALSE(v.list(v.hearing("")).lines[0].heard);
    EXPECT_EQ(v.heard, 6);
}

TEST(HearAgain, WholeRecordingsAreHeardAgainOnlyWhenTheirTextIsNotWhatWasHeard) {
    Voice v;
    v.transcribed({{"a.wav", " A sentence that is long enough."}, {"b.wav", " Some other long sentence."}});
    v.list(v.hearing(" A sentence that is long enough."));
    EXPECT_EQ(v.heard, 0);
    Json edited = read_json(v.training / "whisper.json");
    edited["b.wav"]["text"] = " Some other text by hand.";
    write_json(v.training / "whisper.json", edited);
    const auto report = v.list(v.hearing(" Some other long sentence."));
    EXPECT_EQ(v.heard, 1);
    for (const auto& line : report.lines) EXPECT_EQ(line.heard.has_value(), line.recording == "b.wav");
    edited["b.wav"]["accepted"] = true;
    write_json(v.training / "whisper.json", edited);
    for (const auto& line : v.list(v.hearing("")).lines)
        if (line.recording == "b.wav") {
            EXPECT_EQ(line.verdict, Verdict::good);
        }
}

TEST(HearAgain, WithoutAModelTheListsAreWrittenAllTheSame) {
    Voice v;
    v.settings.slice = true;
    v.transcribed({{"a.wav", " A sentence that is long enough."}});
    dataset::slice_voice(v.root, "v", v.settings, v.events);
    const auto missing = [](const auto&, const std::string&) -> std::vector<asr::Transcript> {
        throw input_error("no model", "Fetch one.");
    };
    const auto report = v.list(missing);
    EXPECT_EQ(report.train_lines, 1);
    ASSERT_FALSE(report.notes.empty());
    EXPECT_NE(report.notes.back().find("no model"), std::string::npos);
}

TEST(HearAgain, CtrlCKeepsTheOldListsAndWhatWasHeard) {
    Voice v;
    v.settings.slice = true;
    v.transcribed({{"a.wav", " A sentence that is long enough."}});
    dataset::slice_voice(v.root, "v", v.settings, v.events);
    v.list({});
    const std::string before = read_file(v.training / "train.txt");
    write_text(v.training / "train.txt", "old");
    const auto stopping = [&](const std::vector<dataset::Recording>& recordings, const std::string&) {
        if (!recordings.empty()) throw Error(ErrorKind::interrupted, "stopped", "Go on.");
        return std::vector<asr::Transcript>{};
    };
    EXPECT_TRUE(v.list(stopping).stopped);
    EXPECT_EQ(read_file(v.training / "train.txt"), "old");
    EXPECT_FALSE(v.list(v.hearing(" x")).stopped);
    EXPECT_EQ(read_file(v.training / "train.txt"), before);
}

TEST(Check, VerdictsAreInTheReportAndDoubtfulLinesCanBeLeftOut) {
    Voice v;
    v.settings.slice = true;
    v.transcribed({{"a.wav", " Quite another sentence."},
                   {"b.wav", " A sentence that is long enough."},
                   {"c.wav", ""}});
    dataset::slice_voice(v.root, "v", v.settings, v.events);
    const auto hearing = v.hearing(" A sentence that is long enough.");
    Json accepted = read_json(v.training / "whisper.json");
    accepted["b.wav"]["segments"][0]["accepted"] = true;  // a tone is no speech
    write_json(v.training / "whisper.json", accepted);
    v.list(hearing);
    const Json report = read_json(v.training / "report.json");
    ASSERT_EQ(report["lines"].size(), 3u);
    EXPECT_EQ(report["lines"][0]["verdict"], "doubtful");
    EXPECT_EQ(report["lines"][0]["audio"], "audio/a_00000.wav");
    EXPECT_EQ(report["lines"][0]["list"], "train");
    EXPECT_EQ(report["lines"][0]["recording"], "a.wav");
    EXPECT_EQ(report["lines"][0]["segment"], 0);
    EXPECT_GT(report["lines"][0]["scores"]["character_error_rate"], 0.3);
    EXPECT_EQ(report["lines"][1]["verdict"], "good");
    EXPECT_EQ(report["lines"][2]["verdict"], "rejected");
    EXPECT_FALSE(report["lines"][2]["reasons"].empty());

    v.settings.leave_out_doubtful = true;
    const auto left = v.list(hearing);
    EXPECT_EQ(left.train_lines, 1);
    EXPECT_EQ(read_file(v.training / "train.txt"), "audio/b_00000.wav| A sentence that is long enough.");
    const auto* rejected = find_rejected(left, "a.wav");
    ASSERT_TRUE(rejected);
    EXPECT_EQ(rejected->kind, "doubtful");
    EXPECT_NEAR(rejected->seconds, 3, 0.1);
}

}  // namespace testudo::test
