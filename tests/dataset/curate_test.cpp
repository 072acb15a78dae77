// Editing a voice: history, changes from outside, what transcribing keeps, crashes.
#include "dataset/curate.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <random>

#include "core/strings.h"
#include "dataset/fixtures.h"
#include "dataset/heard.h"
#include "dataset/review.h"
#include "dataset/slices.h"
#include "support/golden.h"

namespace testudo::test {
namespace {

using dataset::Curation;
using dataset::Edit;
using dataset::EditKind;

struct Voice {
    TemporaryFolder folder;
    fs::path root = folder.path(), training = root / "training/v", file = training / "whisper.json";
    dataset::DatasetSettings settings;
    Events events;

    void recording(const std::string& name, double seconds = 8) const {
        write_wav(root / "voices/v" / name, sine(seconds, 22050), 22050);
    }
    // Recordings of four segments of two seconds, with word times.
    void written(const std::vector<std::string>& names) const {
        asr::Transcripts all;
        for (const auto& name : names) {
            recording(name);
            asr::Transcript one;
            one.language = "en";
            for (int i = 0; i < 4; ++i) {
                asr::Segment segment = transcript("", 2 * i + 2, 2 * i).segments[0];
                segment.id = i;
                segment.words.emplace();
                for (int w = 0; w < 4; ++w) {
                    asr::Word word;
                    word.start = 2 * i + 0.5 * w;
                    word.end = word.start + 0.4;
                    word.text = cat(" wörd", w);
                    segment.text += word.text;
                    segment.words->push_back(word);
                }
                one.text += segment.text;
                one.segments.push_back(std::move(segment));
            }
            all.emplace_back(name, std::move(one));
        }
        fs::create_directories(training);
        asr::write_transcripts(file, all);
    }
    bool apply(const Edit& edit) const { return Curation(root, "v").apply({edit}); }
    std::string text() const { return read_file(file); }
    asr::Transcript entry(const std::string& name) const {
        auto all = asr::read_transcripts(file);
        return *asr::find_transcript(all, name);
    }
    dataset::Report hear() {
        return dataset::transcribe_voice(root, "v", settings, whole_recordings(), events);
    }
};

Edit edit(EditKind kind, const std::string& recording, std::optional<std::int64_t> id,
          const std::string& value = {}) {
    Edit out;
    out.kind = kind;
    out.recording = recording;
    out.segment = id;
    out.value = value;
    return out;
}

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

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

Edit random_edit(std::mt19937& random, const Curation& voice) {
    const auto pick = [&](std::size_t count) { return static_cast<std::size_t>(random() % count); };
    const auto names = voice.text().names();
    const std::string name = names[pick(names.size())];
    const auto entry = voice.text().transcript(name);
    std::optional<std::int64_t> id;
    double start = 0, end = 8;
    if (!entry.segments.empty()) {
        const auto& segment = entry.segments[pick(entry.segments.size())];
        id = segment.id, start = segment.start, end = segment.end;
    }
    Edit out = edit(static_cast<EditKind>(pick(9)), name, id);
    const double time = start + (end - start) * static_cast<double>(1 + pick(9)) / 10;
    switch (out.kind) {
        case EditKind::text: {
            const char* texts[] = {"", "wörd0 wörd3", "\"|\n\t\\ \xF0\x9F\x90\xA2", "a b c d e f g"};
            out.value = texts[pick(4)];
            break;
        }
        case EditKind::split:
            if (pick(2))
                out.time = time;
            else
                out.word = 1 + static_cast<std::int64_t>(pick(4));
            break;
        case EditKind::move_boundary:
            if (pick(3) == 0)
                out.border = time;
            else if (pick(2))
                out.start = time;
            else
                out.end = time;
            break;
        case EditKind::language:
            out.segment.reset(), out.value = pick(2) ? "de" : "";
            break;
        case EditKind::speaker:
            out.value = pick(2) ? "A" : "";
            break;
        case EditKind::remove:
            if (pick(4)) out.kind = EditKind::accept;
            break;
        default:
            break;
    }
    return out;
}

}  // namespace

TEST(CurateSlow, UndoOfEverythingGivesTheSameBytesAndRedoTheLast) {
    for (unsigned seed = 0; seed < 4; ++seed) {
        Voice v;
        v.written({"a.wav", "ü \"b\".wav"});
        // Laid out by somebody's own taste.
        if (seed % 2) write_json(v.file, read_json(v.file), {.indent = static_cast<int>(seed), .fill = ' '});
        const std::string first = v.text();
        std::mt19937 random(seed);
        std::vector<std::string> states = {first};
        for (int i = 0; i < 40; ++i) {
            Curation voice(v.root, "v");
            try {
                if (voice.apply({random_edit(random, voice)})) states.push_back(v.text());
            } catch (const Error& error) {
                ASSERT_EQ(error.kind(), ErrorKind::usage) << error.what();
                ASSERT_EQ(v.text(), states.back());
            }
        }
        ASSERT_GT(states.size(), 12u);
        const auto all = asr::read_transcripts(v.file);
        for (const auto& [name, entry] : all)
            for (std::size_t i = 0; i < entry.segments.size(); ++i)
                EXPECT_TRUE(dataset::oddities(entry, i, 8.0).empty()) << name << " " << i;
        Curation voice(v.root, "v");
        for (std::size_t i = states.size() - 1; i-- > 0;) {
            voice.undo();
            ASSERT_EQ(v.text(), states[i]);
        }
        EXPECT_THROW(voice.undo(), Error);
        for (std::size_t i = 1; i < states.size(); ++i) {
            voice.redo();
            ASSERT_EQ(v.text(), states[i]);
        }
        EXPECT_THROW(voice.redo(), Error);
    }
}

TEST(Curate, ANewEditEndsWhatCouldBeRedone) {
    Voice v;
    v.written({"a.wav"});
    v.apply(edit(EditKind::text, "a.wav", 0, "First."));
    Curation(v.root, "v").undo();
    v.apply(edit(EditKind::text, "a.wav", 0, "Second."));
    EXPECT_THROW(Curation(v.root, "v").redo(), Error);
    Curation voice(v.root, "v");
    EXPECT_TRUE(contains(voice.undo(), "a.wav:0"));
    EXPECT_THROW(voice.undo(), Error);
    EXPECT_EQ(voice.history().changes().size(), 1u);
}

TEST(Curate, SeveralEditsAreOneStepAndAllOrNothing) {
    Voice v;
    v.written({"a.wav", "b.wav"});
    const std::string before = v.text();
    const std::vector<Edit> edits = {edit(EditKind::accept, "a.wav", {}), edit(EditKind::accept, "b.wav", 1),
                                     edit(EditKind::accept, "b.wav", 9)};
    error_of([&] { Curation(v.root, "v").apply(edits); }, ErrorKind::usage);
    EXPECT_EQ(v.text(), before);
    EXPECT_TRUE(Curation(v.root, "v").apply({edits[0], edits[1]}));
    EXPECT_FALSE(Curation(v.root, "v").apply({edits[0], edits[1]}));  // it is so already
    Curation(v.root, "v").undo();
    EXPECT_EQ(v.text(), before);
}

TEST(Curate, OtherEntriesKeepEveryByte) {
    Voice v;
    v.recording("a.wav");
    const std::string odd =
        "\xEF\xBB\xBF{ \"b.wav\" : {\"segments\":[ ] , "
        "\"mine\":1e2},\n\n\"a.wav\":{\"segments\":[{\"start\":0,"
        "\"end\":1,\"text\":\"x }{\\\" y\"}]}, \"c.wav\": 3 }";
    write_text(v.file, odd);
    v.apply(edit(EditKind::text, "a.wav", 0, "ö"));
    const std::string after = v.text();
    EXPECT_TRUE(
        after.starts_with("\xEF\xBB\xBF{ \"b.wav\" : {\"segments\":[ ] , \"mine\":1e2},\n\n\"a.wav\":{"));
    EXPECT_TRUE(after.ends_with(", \"c.wav\": 3 }"));
    EXPECT_TRUE(contains(after, "\\u00f6"));
    Curation(v.root, "v").undo();
    EXPECT_EQ(v.text(), odd);
}

TEST(Curate, ABadEntryDoesNotTouchTheOthers) {
    Voice v;
    v.recording("a.wav");
    write_text(v.file,
               "{\"bad.wav\": {\"segments\": [{\"start\": 3, \"end\": 2, \"text\": \"\"}]},\n"
               "\"a.wav\": {\"segments\": [{\"start\": 0, \"end\": 1, \"text\": \"x\"}]}}");
    EXPECT_TRUE(v.apply(edit(EditKind::text, "a.wav", 0, "y")));
    const auto what = error_of([&] { v.apply(edit(EditKind::text, "bad.wav", 0, "y")); }, ErrorKind::input);
    EXPECT_TRUE(contains(what, "entry \"bad.wav\", segment 0") && contains(what, "(line 1, column 47)"))
        << what;
    const auto review = dataset::review({v.root, "v"}, {});
    EXPECT_TRUE(contains(review.recordings[0].problem, "\"end\" (2) lies before \"start\" (3)"));
    EXPECT_EQ(review.segments.size(), 1u);
}

TEST(Curate, MistakesHaveLineAndColumn) {
    Voice v;
    v.recording("a.wav");
    const auto what = [&](const std::string& text) {
        write_text(v.file, text);
        return error_of([&] { v.apply(edit(EditKind::accept, "a.wav", {})); }, ErrorKind::input);
    };
    EXPECT_TRUE(contains(what("{\n \"a.wav\": {,}}"), "line 2, column 12"));
    EXPECT_TRUE(contains(what("{\n\"a.wav\": {},\n\n\"a.wav\": {}}"), "line 4: a second entry"));
    what("[]");
    what("");
    EXPECT_TRUE(contains(what("{}"), "no entry \"a.wav\""));
    fs::remove(v.file);
    error_of([&] { v.apply(edit(EditKind::accept, "a.wav", {})); }, ErrorKind::input);
    EXPECT_FALSE(fs::exists(v.training / ".history.jsonl"));
}

TEST(Curate, ChangesFromOutsideAreStepsLikeOthers) {
    Voice v;
    v.written({"a.wav", "b.wav"});
    v.apply(edit(EditKind::text, "a.wav", 0, "Ours."));
    const std::string ours = v.text();
    Json json = read_json(v.file);
    json["b.wav"]["segments"][1]["text"] = " Theirs.";
    write_json(v.file, json);
    const std::string theirs = v.text();
    {
        Curation voice(v.root, "v");
        EXPECT_TRUE(contains(join(voice.notes, ""), "edited outside"));
        voice.apply({edit(EditKind::text, "a.wav", 1, "Ours again.")});
    }
    EXPECT_EQ(v.entry("b.wav").segments[1].text, " Theirs.");
    Curation voice(v.root, "v");
    voice.undo();
    EXPECT_EQ(v.text(), theirs);
    EXPECT_TRUE(contains(voice.undo(), "edited outside: "));
    EXPECT_EQ(v.text(), ours);
    voice.redo();
    EXPECT_EQ(v.text(), theirs);
}

TEST(Curate, AnEditOfAnOutdatedViewIsRefusedByRecording) {
    Voice v;
    v.written({"a.wav", "b.wav"});
    Edit one = edit(EditKind::remove, "a.wav", 0);
    one.seen = Curation(v.root, "v").text().digest("a.wav");
    v.apply(edit(EditKind::text, "b.wav", 0, "Another recording."));
    Edit late = one;
    EXPECT_TRUE(v.apply(one));
    EXPECT_TRUE(contains(error_of([&] { v.apply(late); }, ErrorKind::usage), "has changed since"));
}

TEST(Curate, AHalfWrittenFileIsUndoneToWhatItWas) {
    Voice v;
    v.written({"a.wav"});
    const std::string before = v.text();
    write_text(v.file, before.substr(0, before.size() / 2));
    error_of([&] { Curation(v.root, "v").undo(); }, ErrorKind::input);  // nothing is known of it
    write_text(v.file, before);
    v.apply(edit(EditKind::text, "a.wav", 0, "Good."));
    const std::string good = v.text(), half = good.substr(0, good.size() / 2);
    write_text(v.file, half);
    error_of([&] { v.apply(edit(EditKind::text, "a.wav", 0, "x")); }, ErrorKind::input);
    EXPECT_EQ(v.text(), half);
    EXPECT_TRUE(contains(Curation(v.root, "v").undo(), "whisper.broken.json"));
    EXPECT_EQ(v.text(), good);
    EXPECT_EQ(read_file(v.training / "whisper.broken.json"), half);
    Curation(v.root, "v").undo();
    EXPECT_EQ(v.text(), before);
}

TEST(CurateSlow, DyingBetweenHistoryAndFileChangesNothing) {
    Voice v;
    v.written({"a.wav"});
    const std::string first = v.text();
    v.apply(edit(EditKind::text, "a.wav", 0, "Second."));
    const std::string second = v.text();

    write_text(v.file, first);  // the edit was noted, but not written
    {
        Curation voice(v.root, "v");
        EXPECT_EQ(voice.history().done(), 0u);
        EXPECT_TRUE(contains(join(voice.notes, ""), "a.wav:0"));
        voice.redo();
    }
    EXPECT_EQ(v.text(), second);

    Curation(v.root, "v").undo();
    write_text(v.file, second);  // the undoing was noted, but not written
    {
        Curation voice(v.root, "v");
        EXPECT_EQ(voice.history().done(), 1u);
        voice.undo();
    }
    EXPECT_EQ(v.text(), first);

    Curation(v.root, "v").redo();
    write_text(v.file, first);  // the redoing was noted, but not written
    EXPECT_EQ(Curation(v.root, "v").history().done(), 0u);
    EXPECT_EQ(v.text(), first);

    // A line that was cut off anywhere never happened.
    const fs::path log = v.training / ".history.jsonl";
    const std::string whole = read_file(log);
    v.apply(edit(EditKind::text, "a.wav", 0, "Third."));
    const std::string longer = read_file(log);
    for (std::size_t cut = whole.size(); cut < longer.size(); cut += 37) {
        write_text(log, longer.substr(0, cut));
        write_text(v.file, first);
        Curation voice(v.root, "v");
        EXPECT_EQ(voice.history().done(), 0u);
        EXPECT_TRUE(voice.apply({edit(EditKind::text, "a.wav", 0, "Fourth.")}));
        voice.undo();
        EXPECT_EQ(v.text(), first);
    }
}

TEST(CurateSlow, KilledAnywhereItGoesOn) {
    Voice v;
    v.written({"a.wav"});
    const std::string first = v.text();
    std::mt19937 random(1);
    for (int round = 0; round < 20; ++round) {
        int done[2];
        ASSERT_EQ(::pipe(done), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            try {
                for (int i = 0;; ++i) {
                    Curation voice(v.root, "v");
                    if (i % 5 == 3 && voice.history().done() > 1)
                        voice.undo();
                    else
                        voice.apply({edit(EditKind::text, "a.wav", i % 4, cat("Text ", round, " ", i))});
                    if (::write(done[1], "x", 1) != 1) ::_exit(1);
                }
            } catch (const std::exception&) {
                ::_exit(1);
            }
        }
        char byte = 0;
        for (auto edits = 1 + random() % 4; edits > 0; --edits) ASSERT_EQ(::read(done[0], &byte, 1), 1);
        ::usleep(static_cast<useconds_t>(random() % 10000));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status));
        ::close(done[0]);
        ::close(done[1]);
        const Curation voice(v.root, "v");
        EXPECT_TRUE(voice.history().problem().empty()) << voice.history().problem();
        EXPECT_EQ(voice.text().transcript("a.wav").segments.size(), 4u);
    }
    Curation voice(v.root, "v");
    EXPECT_GT(voice.history().changes().size(), 5u);
    for (const auto& change : voice.history().changes()) EXPECT_FALSE(change.edits.empty()) << change.what;
    while (voice.history().done() > 0) voice.undo();
    EXPECT_EQ(v.text(), first);
}

TEST(Curate, ADamagedHistoryIsKeptAsideAndBeginsAnew) {
    Voice v;
    v.written({"a.wav"});
    const fs::path log = v.training / ".history.jsonl";
    v.apply(edit(EditKind::text, "a.wav", 0, "One."));
    std::string damaged = read_file(log);
    damaged[damaged.find("\"change\"") + 4] = '\0';
    for (const std::string& text : {damaged, std::string("{}\n"), std::string("\n"), std::string("[1]\n"),
                                    std::string("{\"undo\":1}\n"), std::string("")}) {
        const std::string before = v.text();
        write_text(log, text);
        EXPECT_TRUE(contains(join(Curation(v.root, "v").notes, ""), "begins anew")) << text;
        v.apply(edit(EditKind::text, "a.wav", 0, cat("Text ", text.size())));
        Curation(v.root, "v").undo();
        EXPECT_EQ(v.text(), before);
        fs::remove(log);
    }
    EXPECT_EQ(read_file(v.training / ".history.damaged.jsonl"), damaged);
}

TEST(CurateSlow, EveryEditOutlivesAnotherTranscription) {
    const std::vector<Edit> edits = {edit(EditKind::text, "a.wav", 0, "Corrected."),
                                     edit(EditKind::accept, "a.wav", 0),
                                     edit(EditKind::accept, "a.wav", {}),
                                     edit(EditKind::language, "a.wav", {}, "de"),
                                     edit(EditKind::speaker, "a.wav", 0, "Ada"),
                                     edit(EditKind::remove, "a.wav", {})};
    for (const bool foreign : {false, true})
        for (const Edit& one : edits) {
            Voice v;
            v.recording("a.wav", 3);
            v.recording("b.wav", 3);
            v.hear();
            if (foreign) fs::remove(v.training / ".heard.json");
            v.apply(one);
            const Json kept = read_json(v.file)["a.wav"];
            EXPECT_EQ(v.hear().transcribed, 1) << describe(one);
            EXPECT_EQ(read_json(v.file)["a.wav"], kept) << describe(one);

            v.settings.overwrite_corrections = true;
            EXPECT_EQ(v.hear().transcribed, 2);
            EXPECT_NE(read_json(v.file)["a.wav"], kept) << describe(one);
            Curation voice(v.root, "v");
            EXPECT_TRUE(contains(voice.undo(), "transcribed: a.wav")) << describe(one);
            EXPECT_EQ(read_json(v.file)["a.wav"], kept) << describe(one);
        }
}

TEST(Curate, AnUndoneEditIsAsHeardAgain) {
    Voice v;
    v.recording("a.wav", 3);
    v.hear();
    v.apply(edit(EditKind::text, "a.wav", 0, "Corrected."));
    Curation(v.root, "v").undo();
    EXPECT_EQ(v.hear().transcribed, 1);
}

TEST(Curate, HandWorkBeforeTheFirstEditIsInTheHistory) {
    Voice v;
    v.recording("a.wav", 3);
    v.hear();
    Json json = read_json(v.file);
    json["a.wav"]["segments"][0]["text"] = json["a.wav"]["text"] = " By an editor.";
    write_json(v.file, json);
    const std::string edited = v.text();
    v.settings.overwrite_corrections = true;
    v.hear();
    EXPECT_NE(v.text(), edited);
    Curation(v.root, "v").undo();
    EXPECT_EQ(v.text(), edited);
}

TEST(Curate, TheFirstEditByAnEditorCanBeUndone) {
    Voice v;
    v.recording("a.wav", 3);
    v.hear();
    const std::string heard = v.text();
    Json json = read_json(v.file);
    json["a.wav"]["segments"][0]["text"] = " By an editor.";
    write_json(v.file, json);
    EXPECT_EQ(v.hear().transcribed, 0);
    Curation voice(v.root, "v");
    ASSERT_EQ(voice.history().done(), 1u);
    EXPECT_TRUE(contains(voice.undo(), "edited outside: a.wav"));
    EXPECT_EQ(v.text(), heard);
}

TEST(Curate, MarksInTheFileTellCorrectionsWhereHeardJsonIsGoneOrDamaged) {
    for (const char* key : {"edited", "accepted"})
        for (const bool damaged : {false, true}) {
            Voice v;
            v.recording("a.wav", 3);
            v.hear();
            Json json = read_json(v.file);
            json["a.wav"]["segments"][0]["text"] = " By hand.";
            json["a.wav"]["segments"][0][key] = true;
            write_json(v.file, json);
            fs::remove(v.training / ".heard.json");
            if (damaged) write_text(v.training / ".heard.json", "{");
            EXPECT_EQ(v.hear().transcribed, 0);
            EXPECT_EQ(v.entry("a.wav").segments[0].text, " By hand.");
        }
}

// Saves whisper.json by `act` while the `at`th group or piece is heard.
dataset::Transcribe editing(int at, const std::function<void()>& act) {
    return [at, act, calls = std::make_shared<int>(0)](const std::vector<dataset::Recording>& recordings,
                                                       const std::string& language) {
        if (!recordings.empty() && ++*calls == at) act();
        return whole_recordings()(recordings, language);
    };
}

TEST(Curate, AnEditWhileATranscriptionRunsIsKeptAndAStep) {
    for (const bool again : {false, true})
        for (const bool overwrite : {false, true}) {
            Voice v;
            for (int i = 10; i < 20; ++i) v.recording(cat("r", i, ".wav"), 2);
            if (again) v.hear();
            v.settings.overwrite_corrections = overwrite;
            // Of two groups: r10 was written by this run, r18 and r19 are being heard.
            const auto edit_two = [&] {
                Json json = read_json(v.file);
                for (const char* name : {"r10.wav", "r19.wav"})
                    if (json.contains(name)) json[name]["segments"][0]["text"] = " By an editor.";
                write_json(v.file, json);
            };
            const auto report =
                dataset::transcribe_voice(v.root, "v", v.settings, editing(2, edit_two), v.events);
            EXPECT_EQ(v.entry("r10.wav").segments[0].text, " By an editor.");
            EXPECT_EQ(v.entry("r19.wav").segments[0].text == " By an editor.", again);
            EXPECT_EQ(v.entry("r18.wav").segments[0].text, " A sentence that is long enough.");
            EXPECT_EQ(asr::read_transcripts(v.file).size(), 10u);
            EXPECT_TRUE(contains(join(report.notes, "\n"), "edited while this ran"))
                << join(report.notes, "\n");
            EXPECT_TRUE(contains(join(report.notes, "\n"), "r10.wav"));
            // And it stays one.
            v.settings.overwrite_corrections = false;
            v.hear();
            EXPECT_EQ(v.entry("r10.wav").segments[0].text, " By an editor.");
            Curation voice(v.root, "v");
            bool noted = false;
            for (const auto& change : voice.history().changes())
                noted = noted || contains(change.what, "edited outside: r10.wav");
            EXPECT_TRUE(noted);
            while (voice.history().done() > 0) voice.undo();
            EXPECT_EQ(v.entry("r10.wav").segments[0].text, " A sentence that is long enough.");
        }
}

TEST(Curate, AnEditAfterTheLastWriteAndADeletionAreTakenUp) {
    Voice v;
    v.recording("a.wav", 2);
    v.recording("b.wav", 2);
    v.hear();
    v.recording("c.wav", 2);
    v.settings.skip_existing = true;
    const auto act = [&] {
        Json json = read_json(v.file);
        json.erase("a.wav");
        json["b.wav"]["text"] = "By an editor.";
        write_json(v.file, json);
    };
    dataset::transcribe_voice(v.root, "v", v.settings, editing(1, act), v.events);
    const Json json = read_json(v.file);
    EXPECT_FALSE(json.contains("a.wav"));
    EXPECT_EQ(json["b.wav"]["text"], "By an editor.");
    EXPECT_TRUE(json.contains("c.wav"));
}

TEST(CurateSlow, AHalfSavedFileIsKeptBesideWhatATranscriptionWrites) {
    Voice v;
    v.recording("a.wav", 2);
    v.hear();
    v.recording("b.wav", 2);
    v.settings.skip_existing = true;
    const std::string half = v.text().substr(0, v.text().size() / 2);
    const auto report = dataset::transcribe_voice(v.root, "v", v.settings,
                                                  editing(1, [&] { write_text(v.file, half); }), v.events);
    EXPECT_EQ(read_file(v.training / "whisper.broken.json"), half);
    EXPECT_TRUE(contains(join(report.notes, "\n"), "whisper.broken.json"));
    EXPECT_EQ(asr::read_transcripts(v.file).size(), 2u);
}

TEST(Curate, NoEditMakesAnOldSliceLookValid) {
    for (const bool foreign : {false, true}) {
        Voice v;
        v.written({"a.wav"});
        v.settings.slice = true;
        dataset::slice_voice(v.root, "v", v.settings, v.events);
        if (foreign) fs::remove(v.training / "slices.json");  // as the Python programs leave them
        const dataset::VoiceFolders folders(v.root, "v");
        const auto stale = [&](std::size_t index) {
            const auto entry = v.entry("a.wav");
            const dataset::SliceNames names({"a.wav"});
            const std::string slice = names.name("a.wav", entry.segments[index].id);
            return !fs::exists(folders.audio / slice) ||
                   dataset::SliceBook(folders).stale(slice, entry.segments[index]);
        };
        Edit split = edit(EditKind::split, "a.wav", 1);
        split.word = 3;
        v.apply(split);
        EXPECT_FALSE(stale(0));
        EXPECT_TRUE(stale(1));
        EXPECT_TRUE(stale(2));
        EXPECT_FALSE(stale(3));
        v.apply(edit(EditKind::remove, "a.wav", 4));
        v.apply(edit(EditKind::merge, "a.wav", 2));
        EXPECT_TRUE(stale(2));
        Curation voice(v.root, "v");
        while (voice.history().done() > 0) voice.undo();
        for (std::size_t i = 0; i < 4; ++i) EXPECT_FALSE(stale(i)) << i;  // the audio is what it was
    }
}

TEST(Curate, VoicesThatAreNotThereAndBusyOnesAreNamed) {
    Voice v;
    EXPECT_TRUE(contains(error_of([&] { Curation(v.root, "nobody"); }, ErrorKind::input), "nobody"));
    EXPECT_FALSE(fs::exists(v.root / "training/nobody"));
    error_of([&] { Curation(v.root, "../v"); }, ErrorKind::usage);
    v.written({"a.wav"});
    const Curation holds(v.root, "v");
    error_of([&] { Curation(v.root, "v"); }, ErrorKind::environment);
}

TEST(Curate, AnEditorThatSavesMeanwhileIsNotOverwritten) {
    Voice v;
    v.written({"a.wav"});
    Curation voice(v.root, "v");
    const std::string saved = v.text() + "\n";
    write_text(v.file, saved);
    error_of([&] { voice.apply({edit(EditKind::text, "a.wav", 0, "x")}); }, ErrorKind::environment);
    EXPECT_EQ(v.text(), saved);
}

TEST(Curate, AVanishedRecordingCanStillBeEdited) {
    Voice v;
    v.written({"a.wav"});
    fs::remove(v.root / "voices/v/a.wav");
    Edit one = edit(EditKind::move_boundary, "a.wav", 3);
    one.end = 100;
    EXPECT_TRUE(v.apply(one));
}

TEST(Review, DoubtfulFirstAndOnlyWhatIsJudgedAsItIs) {
    Voice v;
    v.written({"a.wav", "b.wav"});
    const std::string text = " wörd0 wörd1 wörd2 wörd3";
    Json lines = Json::array();
    const auto line = [&](const char* recording, double start, const std::string& said, const char* verdict) {
        lines.push_back({{"recording", recording},
                         {"segment", static_cast<int>(start / 2)},
                         {"start", start},
                         {"end", start + 2},
                         {"text", said},
                         {"verdict", verdict},
                         {"scores", {{"cer", 0.5}}},
                         {"reasons", {"why"}}});
    };
    line("a.wav", 0, trim(text), "good");
    line("a.wav", 2, text, "rejected");
    line("b.wav", 4, text, "doubtful");
    line("b.wav", 6, "another text", "doubtful");
    line("b.wav", 0, text, "strange");
    write_json(v.training / "report.json", {{"lines", lines}});
    const dataset::VoiceFolders folders(v.root, "v");
    const auto all = dataset::review(folders, {});
    ASSERT_EQ(all.segments.size(), 8u);
    EXPECT_EQ(all.segments[0].verdict, "doubtful");
    EXPECT_EQ(all.segments[0].recording, "b.wav");
    EXPECT_EQ(all.segments[0].scores["cer"], 0.5);
    EXPECT_EQ(all.segments[0].reasons, std::vector<std::string>{"why"});
    EXPECT_EQ(all.segments[1].verdict, "rejected");
    EXPECT_EQ(all.segments[7].verdict, "good");
    const auto count = [&](const dataset::ReviewFilter& filter) {
        return dataset::review(folders, filter).segments.size();
    };
    EXPECT_EQ(count({"doubtful", "", ""}), 1u);
    EXPECT_EQ(count({"none", "", ""}), 5u);
    EXPECT_EQ(count({"", "RD3", ""}), 8u);
    EXPECT_EQ(count({"", "", "a.wav"}), 4u);
    error_of([&] { count({"odd", "", ""}); }, ErrorKind::usage);
    error_of([&] { count({"", "", "c.wav"}); }, ErrorKind::input);
    v.apply(edit(EditKind::text, "b.wav", 2, "Now corrected."));
    EXPECT_EQ(count({"doubtful", "", ""}), 0u);
    for (const char* damaged : {"{", "[]", R"({"lines": 3})", R"({"lines": [3, {"verdict": 1}]})"}) {
        write_text(v.training / "report.json", damaged);
        EXPECT_EQ(count({"none", "", ""}), 8u);
    }
}

}  // namespace testudo::test
