// Labels, subtitles, LJSpeech and sidecars: there and back, and what is wrong with the files of others.
#include "dataset/exchange.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/error.h"
#include "core/strings.h"
#include "dataset/edit.h"
#include "dataset/exchange_files.h"
#include "dataset/fixtures.h"
#include "support/golden.h"

namespace testudo::test {
namespace {

using dataset::Curation;
using dataset::Exchange;
using dataset::Label;

constexpr Exchange forms[] = {Exchange::audacity, Exchange::srt, Exchange::vtt};

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string error_of(const std::function<void()>& act, ErrorKind kind = ErrorKind::input) {
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

std::string mistake(Exchange form, const std::string& text) {
    return error_of([&] { dataset::read_labels(form, text, "x"); });
}

asr::Transcript random_transcript(std::mt19937& random) {
    const std::vector<std::string> parts = {
        " word", " \"quoted\"", " a|b",  " ünï", " 今日は", " \xF0\x9F\x90\xA2", "\tTab", "\nline", "\r\n",
        " <b>",  " &amp; <v",   " 1984", "\n\n", " -->",    " {\\an8}",          "  "};
    asr::Transcript out;
    double time = 0;
    for (int i = 0; i < 12; ++i) {
        asr::Segment segment;
        segment.id = i * 2;
        segment.start = time + static_cast<double>(random() % 1000000) / 1e6;
        segment.end = segment.start + static_cast<double>(random() % 5000000) / 1e6;
        time = random() % 4 ? segment.end : segment.start;
        for (auto n = random() % 6; n > 0; --n) segment.text += parts[random() % parts.size()];
        if (random() % 3 == 0) segment.extra["speaker"] = random() % 2 ? "Ada & <Co>" : "B";
        out.text += segment.text;
        out.segments.push_back(std::move(segment));
    }
    return out;
}

struct Voice {
    TemporaryFolder folder;
    fs::path root = folder.path(), training = root / "training/v", file = training / "whisper.json";
    dataset::DatasetSettings settings;
    Events events;
    std::vector<std::string> notes;

    fs::path recording(const std::string& name, double seconds = 3) const {
        write_wav(root / "voices/v" / name, sine(seconds, 22050), 22050);
        return root / "voices/v" / name;
    }
    fs::path labels(const std::string& name, const std::string& text) const {
        write_text(root / "in" / name, text);
        return root / "in" / name;
    }
    std::vector<std::string> import(const std::vector<fs::path>& files, const std::string& recording = {},
                                    const std::string& language = {}) {
        Curation voice(root, "v");
        const auto changed = dataset::import_labels(voice, files, {recording, language, false});
        notes = voice.notes;
        return changed;
    }
    dataset::Report hear() {
        const auto deaf = [](const auto&, const std::string&) -> std::vector<asr::Transcript> {
            throw environment_error("Whisper was asked", "It must not be.");
        };
        return dataset::transcribe_voice(root, "v", settings, deaf, events);
    }
};

}  // namespace

TEST(Exchange, WhatIsWrittenIsReadAgain) {
    std::mt19937 random(7);
    for (int round = 0; round < 40; ++round) {
        const asr::Transcript before = random_transcript(random);
        for (const Exchange form : forms) {
            const std::string text = write_labels(form, dataset::labels_of(before));
            EXPECT_EQ(dataset::form_of(text, "x.any"), form);
            const auto labels = dataset::read_labels(form, text, "x");
            ASSERT_EQ(labels.size(), before.segments.size());
            for (std::size_t i = 0; i < labels.size(); ++i) {
                EXPECT_NEAR(labels[i].start, before.segments[i].start, resolution(form) * 0.51);
                EXPECT_NEAR(labels[i].end, before.segments[i].end, resolution(form) * 0.51);
            }
            const auto again = dataset::read_labels(form, write_labels(form, labels), "x");
            for (std::size_t i = 0; i < labels.size(); ++i) {
                EXPECT_EQ(again.at(i).text, labels[i].text);
                EXPECT_EQ(again[i].start, labels[i].start);
            }
            std::vector<std::string> notes;
            for (const std::string& variant : {text, "\xEF\xBB\xBF" + text}) {
                const auto read = dataset::read_labels(form, variant, "x");
                const auto after = dataset::relabelled(before, read, form, 1000.0, "x", notes);
                EXPECT_EQ(to_json(after), to_json(before));
            }
            EXPECT_TRUE(notes.empty());
        }
    }
}

TEST(Exchange, TextsOfOneLineComeBackToTheLetter) {
    for (const std::string text :
         {"a \"b\" 'c' | d", "ünï 今日は \xF0\x9F\x90\xA2", "1984", "& < > &lt;", "-5 \\ x"})
        for (const Exchange form : forms) {
            const std::vector<Label> labels = {{0.25, 1.5, text}, {1.5, 1.5, ""}, {2, 3.125, text}};
            for (const bool windows : {false, true}) {
                std::string file = write_labels(form, labels);
                if (windows)
                    for (std::size_t at = 0; (at = file.find('\n', at)) != std::string::npos; at += 2)
                        file.insert(at, "\r");
                const auto read = dataset::read_labels(form, file, "x");
                ASSERT_EQ(read.size(), 3u);
                for (std::size_t i = 0; i < 3; ++i) {
                    EXPECT_EQ(read[i].text, labels[i].text);
                    EXPECT_EQ(read[i].start, labels[i].start);
                    EXPECT_EQ(read[i].end, labels[i].end);
                }
            }
        }
}

TEST(Exchange, AudacityLabels) {
    const auto labels =
        dataset::read_audacity("0.5\t1,25\tOne\ttwo \n\\\t100.0\t200.0\n\n1.25\t1.25\t\n2\t3", "x");
    ASSERT_EQ(labels.size(), 3u);
    EXPECT_EQ(labels[0].end, 1.25);
    EXPECT_EQ(labels[0].text, "One two");
    EXPECT_EQ(labels[1].text, "");
    EXPECT_EQ(labels[2].end, 3);
    EXPECT_TRUE(contains(mistake(Exchange::audacity, "0\t1\ta\n0 1 b"), "x, line 2, column 2: no tab"));
    EXPECT_TRUE(contains(mistake(Exchange::audacity, "ü\t1\ta"), "line 1, column 1: no start"));
    EXPECT_TRUE(contains(mistake(Exchange::audacity, "0\tx\ta"), "line 1, column 3: no end"));
    EXPECT_TRUE(contains(mistake(Exchange::audacity, "2\t1\ta"), "column 3: reversed"));
    EXPECT_TRUE(contains(mistake(Exchange::audacity, "-1\t1\ta"), "before 0 s"));
    EXPECT_TRUE(contains(mistake(Exchange::audacity, "1\t1e300\ta"), "longer than any"));
    EXPECT_TRUE(contains(mistake(Exchange::audacity, "0\t1\ta\n1\t2\tb\xFF"), "line 2, column 6: not UTF-8"));
    EXPECT_TRUE(contains(mistake(Exchange::audacity, std::string("\xFF\xFE"
                                                                 "0\0",
                                                                 4)),
                         "UTF-16"));
    mistake(Exchange::audacity, "nan\tnan\ta");
    mistake(Exchange::audacity, "inf\tinf\ta");
}

TEST(Exchange, SubRip) {
    const auto labels = dataset::read_srt(
        "1\r\n00:00:01,500 --> 00:00:02.5  X1:0 Y1:0\r\n<i>Two</i>\r\n<font color=\"red\">lines</font> < "
        "3\r\n"
        "  \r\n\r\n01:02:03,004 --> 01:02:04,000\r\n{\\an8}No number.",
        "x");
    ASSERT_EQ(labels.size(), 2u);
    EXPECT_EQ(labels[0].start, 1.5);
    EXPECT_EQ(labels[0].end, 2.5);
    EXPECT_EQ(labels[0].text, "Two\nlines < 3");
    EXPECT_EQ(labels[0].line, 2u);
    EXPECT_EQ(labels[1].start, 3723.004);
    EXPECT_EQ(labels[1].text, "No number.");
    EXPECT_TRUE(contains(mistake(Exchange::srt, "1\n00:00:01,000 -> 00:00:02,000\nx"), "line 2, column 14"));
    EXPECT_TRUE(
        contains(mistake(Exchange::srt, "one\n00:00:01,000 --> 00:00:02,000\nx"), "line 1, column 1"));
    EXPECT_TRUE(contains(mistake(Exchange::srt, "1\n00:61:01,000 --> 00:00:02,000\nx"), "line 2, column 4"));
    EXPECT_TRUE(contains(mistake(Exchange::srt, "1\n00:00:03,000 --> 00:00:02,000\nx"), "reversed"));
    EXPECT_TRUE(contains(
        mistake(Exchange::srt, "1\n00:00:01,000 --> 00:00:02,000\nx\n2\n00:00:02,000 --> 00:00:03,000\ny"),
        "line 5, column 14: times within the text"));
    EXPECT_TRUE(contains(mistake(Exchange::srt, "7"), "line 1"));
}

TEST(Exchange, WebVtt) {
    const auto labels = dataset::read_vtt(
        "WEBVTT - a title\nKind: captions\n\nNOTE\nof the author\n\nSTYLE\n::cue { color: red }\n\n"
        "intro\n00:01.500 --> 00:02.500 align:start line:0%\n<v.loud Ada &amp; Co>Hello <i>there</i> "
        "&lt;3</v>\n\n"
        "00:00:03.000 --> 00:00:04.000\n<v A>Yes.</v>\n<v B>No.</v>\n\n"
        "00:00:05.000 --> 00:00:06.000\na < b<00:00:05.500>c\n\nNOTE end",
        "x");
    ASSERT_EQ(labels.size(), 3u);
    EXPECT_EQ(labels[0].start, 1.5);
    EXPECT_EQ(labels[0].speaker, "Ada & Co");
    EXPECT_EQ(labels[0].text, "Hello there <3");
    EXPECT_EQ(labels[1].speaker, "");
    EXPECT_EQ(labels[1].text, "Yes.\nNo.");
    EXPECT_TRUE(contains(mistake(Exchange::vtt, "00:01.000 --> 00:02.000\nx"), "line 1, column 1"));
    EXPECT_TRUE(contains(mistake(Exchange::vtt, ""), "WEBVTT"));
    EXPECT_TRUE(contains(mistake(Exchange::vtt, "WEBVTT\n\nid\nno times\nx"), "line 4, column 1: no time"));
    EXPECT_TRUE(contains(mistake(Exchange::vtt, "WEBVTT\n00:01.000 --> 00:02.000\nx"), "within the header"));
    EXPECT_TRUE(contains(mistake(Exchange::vtt, "WEBVTT\n\n00:02.000 --> 00:01.000\nx"), "reversed"));
    const auto spoken =
        dataset::read_vtt(dataset::write_vtt({{0, 1, "", "Ada"}, {1, 2, "x", "<B> & c"}}), "x");
    ASSERT_EQ(spoken.size(), 2u);
    EXPECT_EQ(spoken[0].speaker, "Ada");
    EXPECT_EQ(spoken[1].speaker, "<B> & c");
}

TEST(Exchange, DamagedFilesAreReadOrRefused) {
    std::mt19937 random(11);
    std::vector<std::string> files;
    for (const Exchange form : forms)
        files.push_back(write_labels(form, dataset::labels_of(random_transcript(random))));
    int refused = 0;
    for (int round = 0; round < 3000; ++round) {
        const Exchange form = forms[round % 3];
        std::string text = files[static_cast<std::size_t>(round % 3)];
        for (auto n = 1 + random() % 4; n > 0; --n) {
            const std::size_t at = random() % text.size();
            const char* odd[] = {"\n", "\t", "-->", "<v ", ">",     "\xFF", "99999999999999",
                                 "&",  "-",  "\r",  ":",   "WEBVTT"};
            if (random() % 3 == 0)
                text.resize(std::max<std::size_t>(1, at));
            else if (random() % 2)
                text.insert(at, odd[random() % 12]);
            else
                text[at] = static_cast<char>(random());
        }
        try {
            std::vector<std::string> notes;
            const auto labels = dataset::read_labels(form, text, "x");
            for (const auto& label : labels) {
                ASSERT_TRUE(label.start >= 0 && label.start <= label.end && label.end <= 1e7) << text;
                ASSERT_TRUE(is_utf8(label.text));
            }
            dataset::relabelled({}, labels, form, {}, "x", notes);
        } catch (const Error& error) {
            ASSERT_EQ(error.kind(), ErrorKind::input) << error.what();
            ++refused;
        }
        if (dataset::form_of(text, "x.txt")) continue;
        try {
            dataset::untimed_transcript(text, 3, "x");
        } catch (const Error& error) {
            ASSERT_EQ(error.kind(), ErrorKind::input) << error.what();
        }
    }
    EXPECT_GT(refused, 100);
}

TEST(Exchange, RelabellingKeepsWhatIsKnown) {
    asr::Transcript old = transcript(" One two.", 2);
    old.segments[0].id = 4;
    old.segments[0].seek = 7;
    old.segments.push_back(transcript(" Three.", 3, 2).segments[0]);
    old.segments[1].id = 9;
    old.text = " One two. Three.";
    std::vector<std::string> notes;
    const auto relabel = [&](std::vector<Label> labels) {
        notes.clear();
        return dataset::relabelled(old, std::move(labels), Exchange::srt, 3.0004, "x.srt", notes);
    };
    asr::Transcript after = relabel({{0, 2, "One two!"}, {2, 2.5, "Three."}, {2.5, 3.0009, "New."}});
    ASSERT_EQ(after.segments.size(), 3u);
    EXPECT_EQ(after.segments[0].id, 4);
    EXPECT_EQ(after.segments[0].text, " One two!");
    EXPECT_EQ(after.segments[0].seek, 7);
    EXPECT_EQ(after.segments[1].id, 9);
    EXPECT_EQ(after.segments[1].end, 2.5);
    EXPECT_EQ(after.segments[2].id, 10);
    EXPECT_EQ(after.segments[2].end, 3.0004);
    EXPECT_EQ(after.text, " One two! Three. New.");
    for (const auto& segment : after.segments) EXPECT_EQ(segment.extra["edited"], true);
    EXPECT_TRUE(notes.empty());

    after = relabel({{1, 2, "B", "", 2}, {0, 1.5, "A", "", 6}});
    EXPECT_EQ(after.segments[0].text, " A");
    EXPECT_EQ(notes.size(), 2u);
    EXPECT_TRUE(contains(join(notes, "|"), "line 2"));
    EXPECT_TRUE(contains(join(notes, "|"), "overlaps"));
    EXPECT_TRUE(contains(error_of([&] { relabel({{5, 6, "x", "", 3}}); }), "x.srt, line 3: from 5 to 6 s"));
    EXPECT_EQ(relabel({{2.5, 9, "x", "", 1}}).segments[0].end, 3.0004);
    EXPECT_TRUE(contains(notes.at(0), "moved there"));
}

TEST(Exchange, ImportFindsTheRecordingAndChangesAllOrNothing) {
    Voice v;
    for (const char* name : {"a.wav", "b c.wav", "x.wav", "-d.wav"}) v.recording(name);
    fs::copy_file(v.root / "voices/v/x.wav", v.root / "voices/v/x.mp3");
    const auto a = v.labels("a.txt", "0.5\t1.5\tHello.\n2\t2.5\tThere.\n");
    const auto b = v.labels("b c.wav.srt", "1\n00:00:00,000 --> 00:00:01,000\nB.\n");
    const auto bad = v.labels("-d.vtt", "WEBVTT\n\n00:01.000 -> 00:02.000\nx\n");
    EXPECT_TRUE(contains(error_of([&] { v.import({a, b, bad}); }), "-d.vtt, line 3, column 11"));
    EXPECT_FALSE(fs::exists(v.file));
    EXPECT_EQ(v.import({a, b}, "", "english").size(), 2u);
    auto all = asr::read_transcripts(v.file);
    ASSERT_TRUE(asr::find_transcript(all, "a.wav"));
    EXPECT_EQ(asr::find_transcript(all, "a.wav")->text, " Hello. There.");
    EXPECT_EQ(asr::find_transcript(all, "b c.wav")->language, "en");
    EXPECT_TRUE(v.import({a, b}).empty());

    const auto x = v.labels("x.txt", "0\t1\tX\n");
    EXPECT_TRUE(contains(error_of([&] { v.import({x}); }), "x.mp3 or x.wav"));
    EXPECT_EQ(v.import({x}, "x.mp3"), std::vector<std::string>{"x.mp3"});
    EXPECT_TRUE(contains(error_of([&] { v.import({v.labels("nobody.txt", "0\t1\tX")}); }), "nobody.txt"));
    error_of([&] { v.import({x}, "no.wav"); });
    error_of([&] { v.import({a, b}, "a.wav"); }, ErrorKind::usage);
    error_of([&] { v.import({a, a}); }, ErrorKind::usage);
    error_of([&] { v.import({v.root / "in/vanished.srt"}, "a.wav"); });
    const auto plain = v.labels("plain.txt", "Said\nin two lines.\n");
    v.import({plain}, "a.wav");
    all = asr::read_transcripts(v.file);
    EXPECT_EQ(asr::find_transcript(all, "a.wav")->text, " Said in two lines.");
    Curation voice(v.root, "v");
    while (voice.history().done() > 0) voice.undo();
    EXPECT_FALSE(fs::exists(v.file));
    voice.redo();
    EXPECT_TRUE(fs::exists(v.file));
}

TEST(Exchange, ImportsAreKeptByTranscribing) {
    Voice v;
    v.recording("a.wav");
    v.import({v.labels("a.txt", "0\t2.5\tImported.\n")});
    const std::string before = read_file(v.file);
    v.hear();
    EXPECT_EQ(read_file(v.file), before);
    EXPECT_TRUE(fs::exists(v.training / "audio/a.wav"));
}

TEST(Exchange, ExportAndImportOfAVoiceChangeNothing) {
    Voice v;
    std::mt19937 random(3);
    asr::Transcripts all;
    const std::vector<std::string> names = {"a.wav",  "a.mp3",  "q\"'|\n.wav",
                                            "ü.flac", "-x.wav", "no sound.wav"};
    for (const auto& name : names) all.emplace_back(name, random_transcript(random));
    fs::create_directories(v.root / "voices/v");
    fs::create_directories(v.training);
    asr::write_transcripts(v.file, all);
    const std::string before = read_file(v.file);
    const dataset::VoiceFolders folders(v.root, "v");
    for (const Exchange form : forms) {
        const auto files = dataset::export_labels(folders, form, v.root / "out", "", v.notes);
        EXPECT_EQ(files.size(), names.size());
        EXPECT_TRUE(fs::exists(v.root / "out" / (std::string("a.mp3") + dataset::extension(form))));
        EXPECT_TRUE(v.import(files).empty());
        EXPECT_EQ(read_file(v.file), before);
        fs::remove_all(v.root / "out");
    }
    const auto one = dataset::export_labels(folders, Exchange::vtt, v.root / "one.vtt", "-x.wav", v.notes);
    EXPECT_EQ(one, std::vector<fs::path>{v.root / "one.vtt"});
    error_of([&] { dataset::export_labels(folders, Exchange::vtt, v.root, "none.wav", v.notes); });
    EXPECT_TRUE(v.notes.empty());
}

TEST(Exchange, ABadEntryIsNamedAndTheOthersExported) {
    Voice v;
    write_text(v.file, R"({"bad.wav": {"segments": 3}, "a.wav": {"segments": []}})");
    const dataset::VoiceFolders folders(v.root, "v");
    EXPECT_EQ(dataset::export_labels(folders, Exchange::srt, v.root / "out", "", v.notes).size(), 1u);
    EXPECT_TRUE(contains(v.notes.at(0), "bad.wav"));
}

TEST(LjSpeech, BecomesAVoiceAndComesBack) {
    Voice v;
    const fs::path lj = v.root / "LJ";
    for (const char* name : {"LJ-1.wav", "LJ 2.wav", "LJü.wav"})
        write_wav(lj / "wavs" / name, sine(3, 22050), 22050);
    write_text(
        lj / "metadata.csv",
        "\xEF\xBB\xBFLJ-1|Dr. \"Smith\"|Doctor \"Smith\" is here.\r\nLJ 2|In 2 columns, it's said.|\r\n"
        "LJü.wav|Ünïcode 今日は of two columns\r\n");
    const auto names = dataset::import_ljspeech(v.root, "v", lj, {"", "en", false}, v.notes);
    EXPECT_EQ(names.size(), 3u);
    v.hear();  // asks no Whisper
    const auto report = dataset::list_voice(v.root, "v", v.settings, v.events);
    EXPECT_EQ(report.train_lines, 3);
    const std::string lines = read_file(v.training / "train.txt");
    EXPECT_TRUE(contains(lines, "audio/LJ-1.wav| Doctor \"Smith\" is here."));
    EXPECT_TRUE(contains(lines, "audio/LJ 2.wav| In 2 columns, it's said."));

    const dataset::VoiceFolders folders(v.root, "v");
    for (const int columns : {2, 3}) {
        const fs::path out = v.root / cat("out", columns);
        EXPECT_EQ(dataset::export_ljspeech(folders, out, columns), 3u);
        const std::string again = cat("v", columns);
        dataset::import_ljspeech(v.root, again, out, {"", "en", true}, v.notes);
        auto first = asr::read_transcripts(v.file),
             second = asr::read_transcripts(v.root / "training" / again / "whisper.json");
        EXPECT_EQ(first.size(), second.size());
        for (const auto& [name, entry] : first)
            EXPECT_EQ(to_json(*asr::find_transcript(second, name)), to_json(entry));
    }
    error_of([&] { dataset::export_ljspeech(folders, v.root / "out", 4); }, ErrorKind::usage);
    EXPECT_EQ(dataset::import_ljspeech(v.root, "v", lj / "metadata.csv", {}, v.notes).size(), 3u);
}

TEST(LjSpeech, MistakesAreNamedAndNothingIsChanged) {
    Voice v;
    const fs::path lj = v.root / "LJ";
    write_wav(lj / "wavs/a.wav", sine(3, 22050), 22050);
    write_text(lj / "wavs/broken.wav", "no sound");
    write_wav(v.root / "secret.wav", sine(3, 22050), 22050);
    fs::create_symlink(v.root / "secret.wav", lj / "wavs/link.wav");
    const auto what = [&](const std::string& text) {
        write_text(lj / "metadata.csv", text);
        const auto out = error_of([&] { dataset::import_ljspeech(v.root, "v", lj, {}, v.notes); });
        EXPECT_FALSE(fs::exists(v.root / "voices/v"));
        EXPECT_FALSE(fs::exists(v.training));
        return out;
    };
    EXPECT_TRUE(contains(what("a|x\na b"), "metadata.csv, line 2, column 4: no |"));
    EXPECT_TRUE(contains(what("a|x|y|z"), "line 1, column 6: a fourth column"));
    EXPECT_TRUE(contains(what("a|x\na|y"), "line 2, column 1: a second line"));
    EXPECT_TRUE(contains(what("|x"), "no id"));
    EXPECT_TRUE(contains(what("a||"), "line 1, column 3: no text"));
    EXPECT_TRUE(contains(what("gone|x"), "there is no clip \"gone\""));
    EXPECT_TRUE(contains(what("../../secret|x"), "outside the folder"));
    EXPECT_TRUE(contains(what("link|x"), "outside the folder"));
    EXPECT_TRUE(contains(what("broken|x"), "line 1, column 1"));
    EXPECT_TRUE(contains(what("a|\xFF"), "line 1, column 3: not UTF-8"));
    what("");
    fs::remove(lj / "metadata.csv");
    error_of([&] { dataset::import_ljspeech(v.root, "v", lj, {}, v.notes); });
    write_text(lj / "metadata.csv", "a|x");
    write_wav(v.root / "voices/v/a.wav", sine(2, 22050), 22050);
    EXPECT_TRUE(contains(error_of([&] { dataset::import_ljspeech(v.root, "v", lj, {}, v.notes); }),
                         "is there already"));
    EXPECT_FALSE(fs::exists(v.file));
}

TEST(Sidecar, TextsBesideRecordingsNeedNoWhisper) {
    Voice v;
    for (const char* name : {"plain.wav", "whole.wav", "subs.wav", "cues.wav", "tracks.wav", "mfa.wav"})
        v.recording(name);
    const fs::path voice = v.root / "voices/v";
    write_text(voice / "plain.txt",
               "\xEF\xBB\xBF"
               "A sentence\r\nof two lines.\r\n");
    write_text(voice / "whole.wav.txt", "This one.");
    write_text(voice / "whole.txt", "Not this one.");
    write_text(voice / "subs.srt", "1\n00:00:00,500 --> 00:00:02,500\nFrom subtitles.\n");
    write_text(voice / "cues.vtt", "WEBVTT\n\n00:00.500 --> 00:02.500\n<v Ada>From cues, too.\n");
    write_text(voice / "tracks.txt", "0.5\t1.5\tFrom a track.\n1.5\t2.5\tTwice.\n");
    write_text(voice / "mfa.lab", "As aligners have it.");
    v.settings.language = "English";
    const auto report = v.hear();
    EXPECT_EQ(report.transcribed, 6);
    EXPECT_TRUE(report.rejected.empty());
    EXPECT_TRUE(report.notes.empty()) << join(report.notes, "\n");
    auto all = asr::read_transcripts(v.file);
    const auto entry = [&](const char* name) { return *asr::find_transcript(all, name); };
    EXPECT_EQ(entry("plain.wav").text, " A sentence of two lines.");
    EXPECT_EQ(entry("plain.wav").language, "en");
    EXPECT_NEAR(entry("plain.wav").segments.at(0).end, 3, 1e-3);
    EXPECT_EQ(entry("whole.wav").text, " This one.");
    EXPECT_EQ(entry("subs.wav").segments.at(0).start, 0.5);
    EXPECT_EQ(entry("cues.wav").segments.at(0).extra["speaker"], "Ada");
    EXPECT_EQ(entry("tracks.wav").segments.size(), 2u);
    EXPECT_EQ(entry("mfa.wav").text, " As aligners have it.");
    EXPECT_EQ(v.hear().transcribed, 6);  // nobody has corrected them
    const auto listed = dataset::list_voice(v.root, "v", v.settings, v.events);
    EXPECT_EQ(listed.train_lines + listed.validation_lines, 6);

    v.settings.sidecar_transcripts = false;
    error_of([&] { v.hear(); }, ErrorKind::environment);
}

TEST(Sidecar, BadOnesAreNamedAndTheOthersGoOn) {
    Voice v;
    for (const char* name :
         {"good.wav", "bad.wav", "empty.wav", "bytes.wav", "link.wav", "htk.wav", "long.wav"})
        v.recording(name, 12);
    const fs::path voice = v.root / "voices/v";
    write_text(voice / "good.srt", "1\n00:00:00,000 --> 00:00:02,000\nGood.\n");
    write_text(voice / "bad.srt", "1\n00:00:00,000 -> 00:00:02,000\nBad.\n");
    write_text(voice / "empty.txt", " \n");
    write_text(voice / "bytes.txt", "caf\xE9");
    write_text(v.root / "secret.txt", "Secret.");
    fs::create_symlink(v.root / "secret.txt", voice / "link.txt");
    write_text(voice / "htk.lab", "0 4500000 sil\n4500000 9000000 a\n");
    write_text(voice / "long.txt", "Short, but of a long recording.");
    const auto report = v.hear();
    EXPECT_EQ(report.transcribed, 2);
    EXPECT_TRUE(contains(find_rejected(report, "bad.wav")->reason, "bad.srt, line 2, column 14"));
    EXPECT_TRUE(contains(find_rejected(report, "empty.wav")->reason, "no text"));
    EXPECT_TRUE(contains(find_rejected(report, "bytes.wav")->reason, "line 1, column 4: not UTF-8"));
    EXPECT_TRUE(contains(find_rejected(report, "link.wav")->reason, "leads out"));
    EXPECT_TRUE(contains(find_rejected(report, "htk.wav")->reason, "HTK"));
    EXPECT_TRUE(contains(join(report.notes, "\n"), "long.txt has no times"));
}

}  // namespace testudo::test
