#include "studio/workspace.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/error.h"
#include "core/files.h"
#include "support/golden.h"

namespace testudo::studio {
namespace {

TEST(Workspace, NamesStayInside) {
    const Workspace workspace("/w");
    EXPECT_EQ(workspace.voice("ada"), "/w/voices/ada");
    EXPECT_EQ(workspace.checkpoints("ada b"), "/w/training/ada b/finetune/models");
    EXPECT_EQ(workspace.results("..x"), "/w/results/..x");
    for (const std::string bad : {"", ".", "..", "a/b", "../x", "/etc", "a\\b", "a\nb", "\x7f", "\xff\xfe"})
        EXPECT_THROW(workspace.training(bad), Error) << bad;
    EXPECT_THROW(workspace.voice(std::string("a\0b", 3)), Error);
    EXPECT_THROW(workspace.results(std::string(201, 'a')), Error);
}

TEST(Workspace, Opens) {
    EXPECT_EQ(Workspace::open("here/../there").root(), fs::current_path() / "there");
    ::setenv("TESTUDO_WORKSPACE", "/from/environment", 1);
    EXPECT_EQ(Workspace::open("").root(), "/from/environment");
    ::unsetenv("TESTUDO_WORKSPACE");
    EXPECT_EQ(Workspace::open("").root(), fs::current_path());
}

TEST(Workspace, FindsVoicesRecordingsAndCheckpoints) {
    const test::TemporaryFolder folder;
    const Workspace workspace(folder.path());
    EXPECT_TRUE(workspace.voice_names().empty());
    EXPECT_THROW(workspace.recordings("ada"), Error);
    make_folders(workspace.voice("ada"));
    EXPECT_THROW(workspace.recordings("ada"), Error);
    write_file(workspace.voice("ada") / "b.wav", "x");
    write_file(workspace.voice("ada") / "a.MP3", "x");
    write_file(workspace.voice("ada") / "notes.txt", "x");
    make_folders(workspace.voices() / ".hidden");
    EXPECT_EQ(workspace.voice_names(), std::vector<std::string>{"ada"});
    const auto recordings = workspace.recordings("ada");
    ASSERT_EQ(recordings.size(), 2u);
    EXPECT_EQ(recordings[0].filename(), "a.MP3");
}

TEST(Workspace, FindsModelsByName) {
    const test::TemporaryFolder folder;
    const Workspace workspace(folder.path());
    write_file(workspace.finetunes() / "ada.safetensors", "x");
    EXPECT_EQ(workspace.find_model("ada"), workspace.finetunes() / "ada.safetensors");
    EXPECT_EQ(workspace.find_model((workspace.finetunes() / "ada.safetensors").string()),
              workspace.finetunes() / "ada.safetensors");
    EXPECT_THROW(workspace.find_model("nobody"), Error);
    EXPECT_THROW(workspace.find_model(""), Error);
}

}  // namespace
}  // namespace testudo::studio
