// Preparation meets what people really have in their folders.
#include "dataset/prepare.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "audio/decode.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/fixtures.h"
#include "dataset/heard.h"
#include "dataset/voice_files.h"
#include "dataset/voice_name.h"
#include "dataset/whisper_backend.h"
#include "support/golden.h"

namespace testudo::test {
namespace {

using dataset::DatasetSettings;

struct Voice {
    fs::path recording(const std::string& name, double seconds = 3) const {
        write_wav(root / "voices/v" / name, sine(seconds, 22050), 22050);
        return root / "voices/v" / name;
    }
    std::vector<std::string> lines(const char* list) const { return split_lines(read_file(training / list)); }

    TemporaryFolder folder;
    fs::path root = folder.path(), training = root / "training/v";
    DatasetSettings settings;
    Events events;
};

std::string error_of(const std::function<void()>& act, ErrorKind kind) {
    try {
        act();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        EXPECT_FALSE(error.hint().empty());
        return error.what();
    }
    ADD_FAILURE() << "no error";
    return {};
}

// a.wav and b.wav as prepared, but for this key of the segment of a.wav; whisper.json.
Json two_recordings_with(const Voice& v, const char* key, const char* value) {
    v.recording("a.wav"), v.recording("b.wav");
    Events events;
    dataset::prepare_voice(v.root, "v", v.settings, whole_recordings(), events);
    Json json = read_json(v.training / "whisper.json");
    json["a.wav"]["segments"][0][key] = value;
    write_json(v.training / "whisper.json", json);
    return json;
}

}  // namespace

TEST(Prepare, OnlyPlainNamesAreVoices) {
    Voice v;
    for (const std::string& name :
         {std::string(), std::string(".."), std::string("a/b"), std::string("a\\b"), std::string("a\nb"),
          std::string("\x7f"), std::string("\xff"), std::string("a\0b", 3), std::string(201, 'x')}) {
        EXPECT_FALSE(dataset::can_be_voice(name));
        error_of([&] { dataset::prepare_voice(v.root, name, v.settings, whole_recordings(), v.events); },
                 ErrorKind::usage);
    }
    for (const std::string& name :
         {std::string("ü ñ"), std::string("-dash"), std::string("it's"), std::string(200, 'x')})
        EXPECT_TRUE(dataset::can_be_voice(name));
    EXPECT_FALSE(fs::exists(v.root / "training"));
}

// What is read and written lies in the workspace, which may itself be a link.
TEST(Prepare, FoldersThatLeadOutOfTheWorkspaceAreRefused) {
    for (const char* linked : {"voices/v", "training/v", "training/v/audio"}) {
        Voice v;
        v.root = v.folder / "workspace";
        const fs::path outside = v.folder / "outside";
        if (std::string(linked) == "voices/v")
            write_wav(outside / linked / "a.wav", sine(3, 22050), 22050);
        else
            v.recording("a.wav");
        fs::create_directories(outside / linked);
        fs::create_directories((v.root / linked).parent_path());
        fs::create_directory_symlink(outside / linked, v.root / linked);
        const std::string what =
            error_of([&] { dataset::prepare_voice(v.root, "v", v.settings, whole_recordings(), v.events); },
                     ErrorKind::input);
        EXPECT_NE(what.find((v.root / linked).string()), std::string::npos) << what;
        EXPECT_NE(what.find("link"), std::string::npos) << what;
        EXPECT_TRUE(linked == std::string("voices/v") || fs::is_empty(outside / linked));
    }
    Voice v;
    v.root = v.folder / "workspace";
    v.recording("a.wav");
    fs::create_directory_symlink(v.root, v.folder / "link");
    EXPECT_EQ(
        dataset::prepare_voice(v.folder / "link", "v", v.settings, whole_recordings(), v.events).train_lines,
        1);
}

TEST(Prepare, OddNamesAndBadFilesDoNotStopTheOthers) {
    Voice v;
    for (const char* name :
         {"with space.wav", "-dash.wav", "quote'\".wav", "line\nbreak.wav", "bar|.wav", "ünï.wav"})
        v.recording(name);
    write_text(v.root / "voices/v/empty.wav", "");
    write_text(v.root / "voices/v/noise.mp3", std::string(5000, 'x'));
    write_text(v.root / "voices/v/.hidden.wav", "x");
    write_text(v.root / "voices/v/notes.txt", "x");
    fs::create_symlink("/dev/null", v.root / "voices/v/out.wav");
    fs::create_symlink("nowhere", v.root / "voices/v/dangling.wav");
    fs::create_directories(v.root / "voices/v/folder.wav");

    const auto report = dataset::prepare_voice(v.root, "v", v.settings, whole_recordings(), v.events);
    EXPECT_EQ(report.transcribed, 6);
    EXPECT_EQ(report.train_lines, 6);
    for (const char* name : {"empty.wav", "noise.mp3", "out.wav", "dangling.wav"}) {
        const auto* rejected = find_rejected(report, name);
        ASSERT_TRUE(rejected) << name;
        EXPECT_FALSE(rejected->reason.empty());
    }
    EXPECT_EQ(report.rejected.size(), 4u);
    EXPECT_EQ(v.lines("train.txt").size(), 6u);
    for (const auto& line : v.lines("train.txt")) {
        EXPECT_EQ(std::count(line.begin(), line.end(), '|'), 1) << line;
        EXPECT_TRUE(fs::exists(v.training / line.substr(0, line.find('|')))) << line;
    }
    const Json told = read_json(v.training / "report.json");
    EXPECT_EQ(told["transcribe"]["rejected"].size(), 4u);
    EXPECT_NEAR(told["list"]["seconds_kept"].get<double>(), 18, 0.01);
}

TEST(Prepare, TheSameNameWithAnotherExtensionStaysApart) {
    Voice v;
    v.recording("x.wav", 2);
    fs::copy_file(v.recording("y.wav", 4), v.root / "voices/v/x.mp3");  // told by its content
    v.recording("x.mp3.wav", 5);
    const auto report = dataset::transcribe_voice(v.root, "v", v.settings, whole_recordings(), v.events);
    EXPECT_NEAR(audio::load(v.training / "audio/x.wav").seconds(), 2, 1e-3);
    EXPECT_NEAR(audio::load(v.training / "audio/x.mp3.wav").seconds(), 4, 1e-3);
    EXPECT_TRUE(find_rejected(report, "x.mp3.wav"));  // would overwrite the clip of x.mp3
}

TEST(Prepare, MissingEmptyAndMisnamedVoicesAreNamed) {
    Voice v;
    const auto run = [&](const std::string& voice) {
        return [&v, voice] {
            dataset::transcribe_voice(v.root, voice, v.settings, whole_recordings(), v.events);
        };
    };
    EXPECT_NE(error_of(run("v"), ErrorKind::input).find("voices/v"), std::string::npos);
    fs::create_directories(v.root / "voices/v");
    error_of(run("v"), ErrorKind::input);
    for (const char* name : {"", ".", "..", "../v", "a/b"}) error_of(run(name), ErrorKind::usage);
    write_text(v.root / "voices/v/a.wav", "no sound");
    EXPECT_NE(error_of(run("v"), ErrorKind::input).find("a.wav"), std::string::npos);
    EXPECT_FALSE(fs::exists(v.training / "whisper.json"));
    v.settings.validation_text_length = -1;
    error_of(run("v"), ErrorKind::usage);
}

TEST(Prepare, AnErrorThatIsNoRecordingsFaultEndsTheJob) {
    Voice v;
    v.recording("a.wav");
    const auto wrong = [](const auto&, const std::string&) -> std::vector<asr::Transcript> {
        throw usage_error("no language xx", "Give another.");
    };
    error_of([&] { dataset::transcribe_voice(v.root, "v", v.settings, wrong, v.events); }, ErrorKind::usage);
}

TEST(Prepare, ARecordingThatFailsDoesNotTakeItsGroupAlong) {
    Voice v;
    for (const char* name : {"a.wav", "b.wav", "c.wav"}) v.recording(name);
    const auto picky = [](const std::vector<dataset::Recording>& recordings, const std::string& language) {
        for (const auto& one : recordings)
            if (one.name == "b.wav") throw std::runtime_error("not this one");
        return whole_recordings()(recordings, language);
    };
    const auto report = dataset::transcribe_voice(v.root, "v", v.settings, picky, v.events);
    EXPECT_EQ(report.transcribed, 2);
    ASSERT_TRUE(find_rejected(report, "b.wav"));
    EXPECT_NE(find_rejected(report, "b.wav")->reason.find("not this one"), std::string::npos);
}

TEST(Prepare, CtrlCLeavesAValidTranscriptAndSkipExistingGoesOn) {
    Voice v;
    for (int i = 0; i < 12; ++i) v.recording(cat("r", 10 + i, ".wav"), 1.5);
    const auto stopping = [](const std::vector<dataset::Recording>& recordings, const std::string& language) {
        if (!recordings.empty()) request_stop();
        return whole_recordings()(recordings, language);
    };
    const auto first = dataset::transcribe_voice(v.root, "v", v.settings, stopping, v.events);
    request_stop(false);
    EXPECT_TRUE(first.stopped);
    EXPECT_GT(first.transcribed, 0);
    EXPECT_LT(first.transcribed, 12);
    EXPECT_EQ(asr::read_transcripts(v.training / "whisper.json").size(),
              static_cast<std::size_t>(first.transcribed));
    v.settings.skip_existing = true;
    const auto second = dataset::transcribe_voice(v.root, "v", v.settings, whole_recordings(), v.events);
    EXPECT_EQ(first.transcribed + second.transcribed, 12);
}

TEST(Prepare, CorrectionsByHandOutliveAnotherTranscription) {
    Voice v;
    for (const char* name : {"a.wav", "b.wav"}) v.recording(name);
    const fs::path file = v.training / "whisper.json";
    const auto hear = [&] {
        return dataset::transcribe_voice(v.root, "v", v.settings, whole_recordings(), v.events);
    };
    const auto text_of = [&](const char* name) { return read_json(file)[name]["text"].get<std::string>(); };
    hear();
    Json edited = read_json(file);
    edited["a.wav"]["text"] = " Corrected by hand.";
    // Two pieces, one of them shorter than what is joined in a transcript as heard.
    Json& segments = edited["a.wav"]["segments"];
    segments.push_back(segments[0]);
    segments[0]["end"] = segments[1]["start"] = 2.8;
    write_json(file, edited);

    const auto again = hear();
    EXPECT_EQ(again.transcribed, 1);
    EXPECT_EQ(text_of("a.wav"), " Corrected by hand.");
    EXPECT_EQ(read_json(file)["a.wav"], edited["a.wav"]);
    ASSERT_EQ(again.notes.size(), 1u);
    EXPECT_NE(again.notes[0].find("a.wav"), std::string::npos);
    EXPECT_FALSE(fs::exists(v.training / "whisper.previous.json"));

    v.settings.overwrite_corrections = true;
    EXPECT_EQ(hear().transcribed, 2);
    EXPECT_EQ(text_of("a.wav"), " A sentence that is long enough.");
    EXPECT_EQ(read_json(v.training / "whisper.previous.json")["a.wav"], edited["a.wav"]);
    v.settings.overwrite_corrections = false;
    EXPECT_EQ(hear().transcribed, 2);  // nothing is taken for corrected now
}

TEST(Heard, ACorrectionShowsAndACrashBetweenTheFilesIsNone) {
    const TemporaryFolder folder;
    const fs::path file = folder.path() / ".heard.json";
    asr::Transcript first = transcript(" Grüße.", 2.34), second = transcript(" Grüße!", 2.34), edited = first;
    edited.segments[0].end = 2.5;
    const auto origin = [&](const asr::Transcript& one) {
        return dataset::Heard(file).origin_of("ä.wav", one);
    };
    EXPECT_EQ(origin(first), dataset::Origin::unknown);
    dataset::Heard heard(file);
    heard.add("ä.wav", first);
    heard.write();
    EXPECT_EQ(origin(first), dataset::Origin::heard);
    EXPECT_EQ(origin(asr::transcript_from_json(to_json(first), "ä.wav")), dataset::Origin::heard);
    EXPECT_EQ(origin(edited), dataset::Origin::corrected);
    heard.add("ä.wav", second);
    heard.write();
    EXPECT_EQ(origin(first), dataset::Origin::heard);  // died before whisper.json was written
    EXPECT_EQ(origin(second), dataset::Origin::heard);
    for (const char* damage : {"{", "[3]", R"({"ä.wav": 3})"}) {
        write_text(file, damage);
        EXPECT_EQ(origin(second), dataset::Origin::unknown);
    }
}

TEST(Prepare, ATranscriptOfAnotherProgramIsKeptBesideItsReplacement) {
    Voice v;
    v.recording("a.wav");
    const std::string foreign = R"({"a.wav": {"text": " Mine.", "segments": [], "language": "en"}})";
    write_text(v.training / "whisper.json", foreign);
    write_text(v.training / "whisper.previous.json", "an earlier one");
    dataset::transcribe_voice(v.root, "v", v.settings, whole_recordings(), v.events);
    EXPECT_NE(read_file(v.training / "whisper.json"), foreign);
    EXPECT_EQ(read_file(v.training / "whisper.previous-2.json"), foreign);
    EXPECT_EQ(read_file(v.training / "whisper.previous.json"), "an earlier one");
}

TEST(Prepare, TheModelIsNeededOnlyWhereSomethingIsHeard) {
    Voice v;
    v.recording("a.wav");
    v.settings.whisper_model = "missing";
    const auto prepare = [&] {
        return dataset::prepare_voice(v.root, "v", v.settings,
                                      dataset::whisper_transcribers(v.root, v.settings, v.events).transcribe,
                                      v.events);
    };
    EXPECT_NE(error_of([&] { prepare(); }, ErrorKind::input).find("missing"), std::string::npos);
    write_text(v.training / "whisper.json",
               R"({"a.wav": {"text": " Long enough text.", "segments": [], "language": "en"}})");
    v.settings.skip_existing = true;
    EXPECT_EQ(prepare().train_lines, 1);
}

TEST(Prepare, NonsenseInWhisperJsonIsNamed) {
    Voice v;
    const auto list = [&] { dataset::list_voice(v.root, "v", v.settings, v.events); };
    for (const char* text :
         {"{", "[]", R"({"a.wav": 3})", R"({"a.wav": {"text": 1, "segments": []}})",
          R"({"a.wav": {"text": "x", "segments": [{"start": "soon", "end": 1, "text": "x"}]}})"}) {
        write_text(v.training / "whisper.json", text);
        EXPECT_NE(error_of(list, ErrorKind::input).find("whisper.json"), std::string::npos);
    }
    write_text(v.training / "whisper.json",
               R"({"../../../secret.wav": {"text": " Long enough text.", "segments": []}})");
    error_of(list, ErrorKind::input);  // nothing is left
    error_of(
        [&] {
            dataset::slice_voice(v.root, "v", v.settings, v.events);
            list();
        },
        ErrorKind::input);
}

TEST(Prepare, AMistakeInOneEntryDoesNotTouchTheOthers) {
    Voice v;
    auto json = two_recordings_with(v, "start", "soon");
    for (const bool slice : {false, true}) {
        const auto report = slice ? dataset::slice_voice(v.root, "v", v.settings, v.events)
                                  : dataset::list_voice(v.root, "v", v.settings, v.events);
        ASSERT_EQ(report.rejected.size(), 1u);
        EXPECT_EQ(report.rejected[0].file, "a.wav");
        EXPECT_NE(report.rejected[0].reason.find("\"start\" must be a number"), std::string::npos);
        EXPECT_NE(report.rejected[0].reason.find("(line "), std::string::npos) << report.rejected[0].reason;
    }
    EXPECT_EQ(v.lines("train.txt").size(), 1u);
    json["b.wav"] = 7;
    write_json(v.training / "whisper.json", json);
    EXPECT_NE(error_of([&] { dataset::list_voice(v.root, "v", v.settings, v.events); }, ErrorKind::input)
                  .find("a.wav"),
              std::string::npos);
    EXPECT_EQ(v.lines("train.txt").size(), 1u);
    write_text(v.training / "whisper.json", R"({"b.wav": {"segments": []}, "b.wav": {"segments": []}})");
    EXPECT_NE(error_of([&] { dataset::slice_voice(v.root, "v", v.settings, v.events); }, ErrorKind::input)
                  .find("a second entry"),
              std::string::npos);
}

TEST(Prepare, ATextThatTheSegmentsDoNotSayIsDoubtful) {
    Voice v;
    two_recordings_with(v, "text", " Something else.");
    const auto report = dataset::list_voice(v.root, "v", v.settings, v.events);
    const auto about_text = [](const dataset::CheckedLine& line) {
        return join(line.reasons, "; ").find("another text in its segments") != std::string::npos;
    };
    ASSERT_EQ(report.lines.size(), 2u);
    for (const auto& line : report.lines) EXPECT_EQ(about_text(line), line.recording == "a.wav");
}

TEST(Prepare, EveryLineLeftOutIsReportedAndCounted) {
    Voice v;
    v.recording("good.wav", 4);
    v.recording("short.wav", 0.4);
    write_wav(v.root / "voices/v/silent.wav", Samples(66150), 22050);
    const auto report = dataset::prepare_voice(v.root, "v", v.settings, whole_recordings(), v.events);
    EXPECT_EQ(report.train_lines, 1);
    EXPECT_TRUE(find_rejected(report, "short.wav"));
    EXPECT_TRUE(find_rejected(report, "silent.wav"));
    EXPECT_NEAR(report.seconds_kept, 4, 1e-3);
    EXPECT_NEAR(report.seconds_lost(), 3.4, 1e-3);
}

TEST(Prepare, NothingToTrainOnIsAnErrorAndOnlyValidationAWarning) {
    Voice v;
    v.recording("a.wav", 3);
    std::vector<std::string> warnings;
    v.events.listen([&](const Json& event) {
        if (event.value("level", "") == "warning") warnings.push_back(event["message"]);
    });
    v.settings.validation_text_length = 1000;
    const auto report = dataset::prepare_voice(v.root, "v", v.settings, whole_recordings(), v.events);
    EXPECT_EQ(report.validation_lines, 1);
    ASSERT_EQ(warnings.size(), 2u);
    EXPECT_NE(warnings[0].find("validation_text_length"), std::string::npos);
    EXPECT_NE(warnings[1].find("1 line is doubtful"), std::string::npos);

    const std::string before = read_file(v.training / "validation.txt");
    write_text(v.training / "whisper.json", R"({"a.wav": {"text": "", "segments": [], "language": "en"}})");
    const auto what =
        error_of([&] { dataset::list_voice(v.root, "v", v.settings, v.events); }, ErrorKind::input);
    EXPECT_NE(what.find("has no text"), std::string::npos);
    EXPECT_EQ(read_file(v.training / "validation.txt"), before);  // the old lists stay
}

TEST(Prepare, EditedTimesAreCutAgainAndOldSlicesGo) {
    Voice v;
    v.recording("a.wav", 8);
    v.settings.slice = true;
    const auto write = [&](std::vector<std::pair<double, double>> times) {
        asr::Transcripts all(1);
        all[0].first = "a.wav";
        all[0].second.text = " Whatever.";
        for (const auto& [start, end] : times) {
            asr::Segment segment = transcript(" A sentence that is long enough.", end, start).segments[0];
            segment.id = static_cast<std::int64_t>(all[0].second.segments.size());
            all[0].second.segments.push_back(segment);
        }
        asr::write_transcripts(v.training / "whisper.json", all);
    };
    write({{0, 2}, {2, 4}, {4, 6}});
    dataset::slice_voice(v.root, "v", v.settings, v.events);
    write_text(v.training / "audio/a_00007.wav", "made by someone else");
    write({{0, 2.5}, {2.5, 6}});
    const auto stale =
        error_of([&] { dataset::list_voice(v.root, "v", v.settings, v.events); }, ErrorKind::input);
    EXPECT_NE(stale.find("slice again"), std::string::npos);
    dataset::slice_voice(v.root, "v", v.settings, v.events);
    EXPECT_FALSE(fs::exists(v.training / "audio/a_00002.wav"));
    EXPECT_TRUE(fs::exists(v.training / "audio/a_00007.wav"));
    const auto report = dataset::list_voice(v.root, "v", v.settings, v.events);
    EXPECT_EQ(report.train_lines, 2);
    EXPECT_NEAR(report.seconds_kept, 6, 0.01);
}

TEST(Prepare, WhenNothingCanBeCutTheOldSlicesStay) {
    Voice v;
    v.recording("a.wav", 8);
    v.settings.slice = true;
    const auto prepare = [&] {
        return dataset::prepare_voice(v.root, "v", v.settings, whole_recordings(), v.events);
    };
    EXPECT_EQ(prepare().train_lines, 1);
    const std::string before = read_file(v.training / "train.txt");
    v.settings.slice_start_offset = 60;
    const std::string what = error_of([&] { prepare(); }, ErrorKind::input);
    EXPECT_NE(what.find("past the end"), std::string::npos) << what;
    EXPECT_EQ(read_file(v.training / "train.txt"), before);
    EXPECT_TRUE(fs::exists(v.training / before.substr(0, before.find('|'))));
}

TEST(Prepare, ASegmentIsLeftOutOnce) {
    Voice v;
    v.recording("a.wav", 14);
    asr::Transcripts all(1);
    all[0] = {"a.wav", transcript(" A sentence that is long enough.", 5)};
    all[0].second.segments.push_back(transcript(" Where nothing is recorded.", 5005, 5000).segments[0]);
    all[0].second.segments[1].id = 1;
    fs::create_directories(v.training);
    asr::write_transcripts(v.training / "whisper.json", all);
    const auto report = dataset::list_voice(v.root, "v", v.settings, v.events);
    EXPECT_EQ(report.train_lines, 1);
    EXPECT_EQ(report.rejected.size(), 1u);
    EXPECT_NEAR(report.seconds_lost(), 5, 1e-9);
}

TEST(Prepare, OneJobAtATimeWorksOnAVoice) {
    Voice v;
    v.recording("a.wav");
    std::string inner;
    const auto nested = [&](const std::vector<dataset::Recording>& recordings, const std::string& language) {
        inner =
            error_of([&] { dataset::list_voice(v.root, "v", v.settings, v.events); }, ErrorKind::environment);
        return whole_recordings()(recordings, language);
    };
    dataset::transcribe_voice(v.root, "v", v.settings, nested, v.events);
    EXPECT_NE(inner.find("training/v"), std::string::npos);
}

TEST(Prepare, NamesTooLongForAClipAreShortened) {
    Voice v;
    std::string longest;
    while (longest.size() < 248) longest += "ü";
    v.recording("a.wav");
    for (const char* ending : {".flac", ".mp3"})
        fs::copy_file(v.root / "voices/v/a.wav", v.root / "voices/v" / (longest + ending));
    v.settings.slice = true;
    const auto report = dataset::prepare_voice(v.root, "v", v.settings, whole_recordings(), v.events);
    EXPECT_EQ(report.train_lines, 3);
    EXPECT_TRUE(report.rejected.empty());
    EXPECT_NE(dataset::clip_name(longest + ".flac"), dataset::clip_name(longest + "2.flac"));
}

TEST(Prepare, TextsBecomeOneCleanLine) {
    Voice v;
    v.recording("a.wav");
    write_text(v.training / "whisper.json",
               R"({"a.wav": {"text": " One | two\nthree four. \n", "segments": [], "language": "en"}})");
    v.settings.skip_existing = true;
    dataset::prepare_voice(v.root, "v", v.settings, whole_recordings(), v.events);
    EXPECT_EQ(v.lines("train.txt"), std::vector<std::string>{"audio/a.wav| One   two three four."});
}

TEST(Prepare, AFolderThatCannotBeWrittenEndsTheJob) {
    Voice v;
    v.recording("a.wav");
    write_text(v.root / "training", "a file where a folder should be");
    const auto what =
        error_of([&] { dataset::transcribe_voice(v.root, "v", v.settings, whole_recordings(), v.events); },
                 ErrorKind::environment);
    EXPECT_NE(what.find("training"), std::string::npos);
}

TEST(Slice, OddNamesAreCutAndListed) {
    Voice v;
    const std::vector<std::string> names = {"with space.wav",  "-rf.wav",  "quote'\".wav",
                                            "line\nbreak.wav", "bar|.wav", "ünï 東.flac",
                                            "$(touch x).wav"};
    for (const auto& name : names) v.recording(name);
    v.settings.slice = true;
    const auto report = dataset::prepare_voice(v.root, "v", v.settings, whole_recordings(), v.events);
    EXPECT_EQ(report.train_lines, static_cast<int>(names.size()));
    for (const auto& line : v.lines("train.txt")) {
        EXPECT_EQ(std::count(line.begin(), line.end(), '|'), 1) << line;
        EXPECT_TRUE(fs::exists(v.training / line.substr(0, line.find('|')))) << line;
    }
    EXPECT_EQ(read_json(v.training / "report.json")["lines"].size(), names.size());
}

TEST(Slice, FilesThatVanishMeanwhileLoseOnlyTheirOwnLines) {
    Voice v;
    for (const char* name : {"a.wav", "b.wav", "c.wav"}) v.recording(name);
    v.settings.slice = true;
    dataset::transcribe_voice(v.root, "v", v.settings, whole_recordings(), v.events);
    fs::remove(v.root / "voices/v/a.wav");
    const auto cut = dataset::slice_voice(v.root, "v", v.settings, v.events);
    ASSERT_TRUE(find_rejected(cut, "a.wav"));
    EXPECT_GT(cut.seconds_lost(), 0);
    EXPECT_EQ(find_rejected(cut, "a.wav")->text, " A sentence that is long enough.");
    fs::remove(v.training / "audio/b_00000.wav");
    const auto report = dataset::list_voice(v.root, "v", v.settings, v.events);
    EXPECT_EQ(report.train_lines, 1);
    for (const char* name : {"a.wav", "b.wav"}) {
        const auto* rejected = find_rejected(report, name);
        ASSERT_TRUE(rejected) << name;
        EXPECT_NE(rejected->reason.find("slice again"), std::string::npos);
        EXPECT_EQ(rejected->text, " A sentence that is long enough.");
    }
}

TEST(Slice, LinksOutOfTheWorkspaceAreNotFollowed) {
    Voice v;
    v.recording("b.wav");
    const fs::path secret = fs::temp_directory_path() / cat("testudo-outside-", ::getpid(), ".wav");
    write_wav(secret, sine(3, 22050), 22050);
    fs::create_symlink(secret, v.root / "voices/v/a.wav");
    asr::Transcripts all = {{"a.wav", transcript(" A sentence that is long enough.", 3)},
                            {"b.wav", transcript(" A sentence that is long enough.", 3)}};
    fs::create_directories(v.training);
    asr::write_transcripts(v.training / "whisper.json", all);
    const auto report = dataset::slice_voice(v.root, "v", v.settings, v.events);
    fs::remove(secret);
    ASSERT_TRUE(find_rejected(report, "a.wav"));
    EXPECT_NE(find_rejected(report, "a.wav")->reason.find("link"), std::string::npos);
    EXPECT_FALSE(fs::exists(v.training / "audio/a_00000.wav"));
    EXPECT_TRUE(fs::exists(v.training / "audio/b_00000.wav"));
}

TEST(Slice, OverlappingSegmentsAreCutAndReversedOnesNamed) {
    Voice v;
    v.recording("a.wav", 9);
    const auto write = [&](double second_start, double second_end) {
        Json segments = Json::array();
        segments.push_back(
            {{"id", 0}, {"start", 0}, {"end", 5}, {"text", " A sentence that is long enough."}});
        segments.push_back({{"id", 1},
                            {"start", second_start},
                            {"end", second_end},
                            {"text", " Another one that is long enough."}});
        write_text(v.training / "whisper.json",
                   Json({{"a.wav", {{"text", " Both."}, {"segments", segments}}}}).dump());
    };
    v.settings.slice = true;
    write(3, 8);
    dataset::slice_voice(v.root, "v", v.settings, v.events);
    EXPECT_EQ(dataset::list_voice(v.root, "v", v.settings, v.events).train_lines, 2);
    write(8, 3);
    const auto what =
        error_of([&] { dataset::slice_voice(v.root, "v", v.settings, v.events); }, ErrorKind::input);
    for (const char* part : {"a.wav", "segment 1", "end"})
        EXPECT_NE(what.find(part), std::string::npos) << what;
    EXPECT_EQ(v.lines("train.txt").size(), 2u);  // nothing is lost
}

TEST(Slice, WhatCutPointsMoveIsCountedAndEdgesAreFaded) {
    Voice v;
    Samples sound = sine(6, 22050);
    for (std::size_t n = 0; n < sound.size(); ++n)
        if (n < 22050 || n > 5 * 22050) sound[n] = 0;  // speech from 1 to 5 s
    write_wav(v.root / "voices/v/a.wav", sound, 22050);
    asr::Transcript heard = transcript(" Words.", 5, 1);
    asr::Word word;
    word.start = 1, word.end = 5, word.text = " Words.";
    heard.segments[0].words = {word};
    fs::create_directories(v.training);
    asr::write_transcripts(v.training / "whisper.json", {{"a.wav", heard}});
    const auto quiet = dataset::slice_voice(v.root, "v", v.settings, v.events);
    EXPECT_NEAR(audio::load(v.training / "audio/a_00000.wav").seconds(), 4.3, 0.01);
    EXPECT_NEAR(quiet.cuts[0].gained, 0.3, 0.01);
    EXPECT_EQ(quiet.cuts[0].lost, 0);
    EXPECT_NEAR(read_json(v.training / "report.json")["slice"]["cut_points"]["seconds_gained"].get<double>(),
                0.3, 0.01);
    v.settings.cut_points = "segment";
    dataset::slice_voice(v.root, "v", v.settings, v.events);
    EXPECT_NEAR(audio::load(v.training / "audio/a_00000.wav").seconds(), 4, 1e-3);
    // Half a second of the tone cut off by an offset: the edge has a fade only where cuts are ours.
    v.settings.slice_start_offset = 1.0 / 22050;
    const auto first = [&] {
        dataset::slice_voice(v.root, "v", v.settings, v.events);
        const auto clip = audio::load(v.training / "audio/a_00000.wav");
        float most = 0;
        for (std::size_t n = 0; n < 30; ++n) most = std::max(most, std::abs(clip.samples[n]));
        return most;
    };
    EXPECT_GT(first(), 0.25f);
    v.settings.cut_points = "quiet";
    v.settings.slice_start_offset = 0.5;
    EXPECT_LT(first(), 0.1f);
}

TEST(List, OnlyTheKeptSpeakersSegmentsAreLines) {
    Voice v;
    v.recording("a.wav", 9);
    asr::Transcript heard = transcript(" A sentence that is long enough.", 4);
    heard.segments.push_back(transcript(" Another one that is long enough.", 6, 4).segments[0]);
    heard.segments.push_back(transcript(" And a third that is long enough.", 9, 6).segments[0]);
    for (std::size_t i = 0; i < 3; ++i) heard.segments[i].id = static_cast<std::int64_t>(i);
    heard.segments[0].extra["speaker"] = "SPEAKER_00";
    heard.segments[1].extra["speaker"] = "SPEAKER_01";
    fs::create_directories(v.training);
    asr::write_transcripts(v.training / "whisper.json", {{"a.wav", heard}});
    v.settings.slice = true;
    dataset::slice_voice(v.root, "v", v.settings, v.events);
    const auto list = [&](const std::string& speaker) {
        v.settings.keep_speaker = speaker;
        return dataset::list_voice(v.root, "v", v.settings, v.events);
    };
    EXPECT_EQ(list("").train_lines, 3);
    EXPECT_EQ(list("main").train_lines, 1);
    EXPECT_EQ(v.lines("train.txt")[0].substr(0, 17), "audio/a_00000.wav");
    const auto second = list("SPEAKER_01");
    EXPECT_EQ(v.lines("train.txt")[0].substr(0, 17), "audio/a_00001.wav");
    ASSERT_EQ(second.rejected.size(), 2u);
    EXPECT_NE(second.rejected[0].reason.find("SPEAKER_00"), std::string::npos);
    const auto what = error_of([&] { list("nobody"); }, ErrorKind::input);
    EXPECT_NE(what.find("SPEAKER_00"), std::string::npos);
    for (auto& segment : heard.segments) segment.extra.erase("speaker");
    asr::write_transcripts(v.training / "whisper.json", {{"a.wav", heard}});
    error_of([&] { list("main"); }, ErrorKind::input);
}

TEST(SliceNames, DoNotFallOnOtherClips) {
    const dataset::SliceNames names({"1.wav", "1_00000.wav", "a.wav.wav", "x.mp3"});
    EXPECT_EQ(names.name("1.wav", 0), "1.wav_00000.wav");
    EXPECT_EQ(names.name("a.wav.wav", 3), "a.wav_00003.wav");
    EXPECT_EQ(names.name("x.mp3", 12), "x.mp3_00012.wav");
}

}  // namespace testudo::test
