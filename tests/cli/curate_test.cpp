// Curation as a user at the command line meets it.
#include <gtest/gtest.h>

#include "asr/transcript.h"
#include "core/json.h"
#include "core/strings.h"
#include "dataset/fixtures.h"
#include "support/golden.h"
#include "support/program.h"

namespace testudo::test {
namespace {

struct Studio {
    explicit Studio(const std::vector<std::string>& recordings = {"a.wav"},
                    const std::string& voice = "ada") {
        asr::Transcripts all;
        for (const auto& name : recordings) {
            write_wav(folder / "voices" / voice / name, sine(4, 22050), 22050);
            all.emplace_back(name, transcript(" One two three four.", 4));
        }
        fs::create_directories(folder / "training" / voice);
        file = folder / "training" / voice / "whisper.json";
        asr::write_transcripts(file, all);
    }
    Ran run(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"--workspace", workspace(), "dataset"});
        return run_program(arguments, folder.path());
    }
    std::string workspace() const { return folder.path().string(); }
    std::string text(const std::string& name = "a.wav") const { return read_json(file)[name]["text"]; }

    struct Folder : TemporaryFolder {
        fs::path operator/(const fs::path& name) const { return path() / name; }
    } folder;
    fs::path file;
};

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST(CurateProgram, EveryVerbHasHelpWithExamples) {
    const Studio studio;
    const auto top = studio.run({"--help"});
    for (const char* verb : {"show", "edit", "split", "merge", "move-boundary", "delete", "accept", "undo",
                             "redo", "history", "import", "export"}) {
        EXPECT_TRUE(contains(top.out, cat("  ", verb, " "))) << verb;
        const auto help = studio.run({verb, "--help"});
        EXPECT_EQ(help.code, 0) << verb;
        EXPECT_TRUE(contains(help.out, cat("testudo dataset ", verb, " "))) << verb;
    }
}

TEST(CurateProgram, AWholeSitting) {
    const Studio studio;
    const std::string before = read_file(studio.file);
    EXPECT_EQ(studio.run({"split", "ada", "a.wav:0", "--word", "3"}).code, 0);
    EXPECT_EQ(studio.run({"edit", "ada", "a.wav:1", "--text", "Three, four!", "--accept"}).code, 0);
    EXPECT_EQ(studio.run({"move-boundary", "ada", "a.wav:0", "--border", "2.5"}).code, 0);
    const auto shown = studio.run({"show", "ada"});
    EXPECT_TRUE(contains(shown.out, "a.wav:1")) << shown.out;
    EXPECT_TRUE(contains(shown.out, "Three, four!")) << shown.out;
    EXPECT_EQ(studio.text(), " One two Three, four!");
    const Json json = Json::parse(studio.run({"show", "ada", "--search", "four", "--json"}).out);
    ASSERT_EQ(json["segments"].size(), 1u);
    EXPECT_EQ(json["segments"][0]["start"], 2.5);
    EXPECT_EQ(json["segments"][0]["segment"], 1);
    EXPECT_EQ(studio.run({"merge", "ada", "a.wav:0"}).code, 0);
    EXPECT_EQ(studio.run({"accept", "ada", "a.wav"}).code, 0);
    EXPECT_EQ(studio.run({"delete", "ada", "a.wav:0"}).code, 0);
    EXPECT_EQ(studio.text(), "");
    const Json history = Json::parse(studio.run({"history", "ada", "--json"}).out);
    EXPECT_EQ(history.size(), 6u);
    EXPECT_EQ(history[0]["edits"][0]["edit"], "split");
    const auto undone = studio.run({"undo", "ada", "--steps", "6"});
    EXPECT_EQ(undone.code, 0) << undone.err;
    EXPECT_EQ(read_file(studio.file), before);
    EXPECT_EQ(studio.run({"undo", "ada"}).code, 2);
    EXPECT_EQ(studio.run({"redo", "ada", "--steps", "6"}).code, 0);
    EXPECT_EQ(studio.text(), "");
    // More than there are: all of them, and the user is told.
    const auto all = studio.run({"undo", "ada", "--steps", "100"});
    EXPECT_EQ(all.code, 0) << all.err;
    EXPECT_EQ(read_file(studio.file), before);
    EXPECT_EQ(split_lines(all.out).size(), 7u) << all.out;
    EXPECT_TRUE(contains(all.out, "all there is to undo: 6 of 100")) << all.out;
}

TEST(CurateProgram, WhatEachVerbDidIsSaidAndWarningsAreHeardWhenQuiet) {
    const Studio studio;
    const auto sliced =
        run_program({"--workspace", studio.workspace(), "slice", "ada", "--quiet"}, studio.folder.path());
    EXPECT_EQ(sliced.code, 0) << sliced.err;
    EXPECT_EQ(sliced.out, "1 slice cut\n");
    write_file(studio.folder / "voices/ada/b.srt",
               "1\n00:00:00,000 --> 00:00:02,500\nOne two three four.\n\n"
               "2\n00:00:02,000 --> 00:00:03,900\nFive six seven.\n");
    write_wav(studio.folder / "voices/ada/b.wav", sine(4, 22050), 22050);
    const auto told = run_program({"--workspace", studio.workspace(), "transcribe", "ada", "--quiet",
                                   "--skip-existing", "--whisper-model", "none"},
                                  studio.folder.path());
    EXPECT_EQ(told.code, 0) << told.err;
    EXPECT_EQ(told.out, "2 recordings, 1 transcribed now\n");
    EXPECT_TRUE(contains(told.err, "warning: ")) << told.err;
    EXPECT_TRUE(contains(told.err, "overlaps")) << told.err;
}

TEST(CurateProgram, OddNamesCanBeNamed) {
    const std::vector<std::string> names = {"-dash.wav",       "two words.wav", "quote'\".wav",
                                            "line\nbreak.wav", "ünï.wav",       "a:1.wav"};
    const Studio studio(names, "-voice");
    for (const auto& name : names) {
        const auto ran = studio.run({"edit", "--text=-5 <b> \"|\"", "--", "-voice", name + ":0"});
        EXPECT_EQ(ran.code, 0) << ran.err;
        EXPECT_EQ(studio.text(name), " -5 <b> \"|\"");
    }
    const auto shown = studio.run({"show", "--", "-voice"});
    EXPECT_EQ(shown.code, 0);
    EXPECT_TRUE(contains(shown.out, "line?break.wav:0"));
}

TEST(CurateProgram, AVoiceCalledLikeAVerbIsReached) {
    const Studio studio({"a.wav"}, "show");
    fs::create_directories(studio.folder / "training/show/audio");
    fs::copy_file(studio.folder / "voices/show/a.wav", studio.folder / "training/show/audio/a.wav");
    EXPECT_EQ(studio.run({"show", "show"}).code, 0);
    const auto listed = studio.run({"--", "show"});
    EXPECT_EQ(listed.code, 0) << listed.err;
    EXPECT_TRUE(fs::exists(studio.folder / "training/show/train.txt"));
}

TEST(CurateProgram, WrongUseIsTwoAndSaysWhatIsWrong) {
    const Studio studio;
    const std::string before = read_file(studio.file);
    const std::vector<std::vector<std::string>> wrong = {{"show"},
                                                         {"edit", "ada", "a.wav:0"},
                                                         {"edit", "ada", "a.wav:7", "--text", "x"},
                                                         {"edit", "ada", "b.wav", "--text", "x"},
                                                         {"split", "ada", "a.wav", "--word", "2"},
                                                         {"split", "ada", "a.wav:0"},
                                                         {"split", "ada", "a.wav:0", "--time", "soon"},
                                                         {"split", "ada", "a.wav:0", "--character", "0"},
                                                         {"move-boundary", "ada", "a.wav:0", "--end", "99"},
                                                         {"move-boundary", "ada", "a.wav:0", "--start", "-1"},
                                                         {"show", "ada", "another"},
                                                         {"show", "ada", "--verdict", "nice"},
                                                         {"undo", "ada"},
                                                         {"undo", "ada", "--steps", "0"},
                                                         {"export", "ada", "--format", "doc", "--to", "x"},
                                                         {"show", "../ada"}};
    for (const auto& arguments : wrong) {
        const auto ran = studio.run(arguments);
        EXPECT_EQ(ran.code, 2) << join(arguments, " ") << ran.err;
        EXPECT_FALSE(ran.err.empty());
    }
    EXPECT_TRUE(contains(studio.run({"edit", "ada", "a.wav:0"}).err, "--accept"));
    const auto missing = studio.run({"import", "ada", "nofile.txt"});
    EXPECT_EQ(missing.code, 3);
    EXPECT_TRUE(contains(missing.err, "does not exist")) << missing.err;
    EXPECT_EQ(studio.run({"show", "nobody"}).code, 3);
    EXPECT_EQ(studio.run({"accept", "nobody", "a.wav"}).code, 3);
    EXPECT_EQ(read_file(studio.file), before);
    write_text(studio.file, "{\n\"a.wav\": oops}");
    const auto broken = studio.run({"show", "ada"});
    EXPECT_EQ(broken.code, 3);
    EXPECT_TRUE(contains(broken.err, "line 2, column 10")) << broken.err;
}

TEST(CurateProgram, LabelsGoOutAndComeBack) {
    const Studio studio({"a.wav", "-b.wav"});
    const std::string before = read_file(studio.file), out = (studio.folder / "out").string();
    EXPECT_EQ(studio.run({"export", "ada", "--format", "srt", "--to", out}).code, 0);
    const std::string file = out + "/a.srt";
    EXPECT_EQ(read_file(file), "1\n00:00:00,000 --> 00:00:04,000\nOne two three four.\n\n");
    EXPECT_EQ(studio.run({"import", "ada", file, out + "/-b.srt"}).code, 0);
    EXPECT_EQ(read_file(studio.file), before);
    write_text(file, "1\n00:00:00,000 --> 00:00:03,000\nOther.\n");
    EXPECT_EQ(studio.run({"import", "ada", file}).code, 0);
    EXPECT_EQ(studio.text(), " Other.");
    write_text(file, "1\n00:00:00,000 --> 00:00:0x,000\nOther.\n");
    const auto bad = studio.run({"--json", "import", "ada", file});
    EXPECT_EQ(bad.code, 3);
    EXPECT_TRUE(contains(Json::parse(bad.err)["error"]["what"], "line 2, column 25")) << bad.err;
}

}  // namespace testudo::test
