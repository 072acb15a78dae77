#include "studio/import_folder.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files.h"
#include "studio/trash.h"
#include "support/golden.h"

namespace testudo::studio {
namespace {

class ImportFolder : public ::testing::Test {
  protected:
    void SetUp() override {
        write_file(old_ / "voices/ada/a.wav", "sound");
        write_file(old_ / "training/ada/train.txt", "audio/a.wav|text\n");
        write_file(old_ / "models/tortoise/autoregressive.pth", std::string(100000, 'x'));
        write_file(old_ / "results/ada.wav", "not taken");
        fs::create_symlink("/etc/passwd", old_ / "voices/ada/link.wav");
        write_file(workspace_.root() / "voices/ada/a.wav", "ours");
    }
    test::TemporaryFolder folder_;
    fs::path old_ = folder_ / "old";
    Workspace workspace_{folder_ / "new"};
    Events events_;
};

TEST_F(ImportFolder, TakesWhatIsMissingAndOverwritesNothing) {
    const Json result = import_folder(workspace_, old_, ImportHow::copy, events_);
    EXPECT_EQ(result["files"], 2);
    EXPECT_EQ(result["kept"], 1);
    EXPECT_EQ(result["skipped"], 1);
    EXPECT_EQ(read_file(workspace_.root() / "voices/ada/a.wav"), "ours");
    EXPECT_EQ(read_file(workspace_.root() / "training/ada/train.txt"), "audio/a.wav|text\n");
    EXPECT_FALSE(fs::exists(workspace_.root() / "results"));
    EXPECT_FALSE(fs::exists(fs::symlink_status(workspace_.root() / "voices/ada/link.wav")));
    EXPECT_EQ(import_folder(workspace_, old_, ImportHow::copy, events_)["files"], 0);
}

TEST_F(ImportFolder, LinksTakeNoRoom) {
    const Json result = import_folder(workspace_, old_, ImportHow::link, events_);
    EXPECT_EQ(result["linked"], 2);
    EXPECT_TRUE(fs::equivalent(workspace_.root() / "models/tortoise/autoregressive.pth",
                               old_ / "models/tortoise/autoregressive.pth"));
}

TEST_F(ImportFolder, RefusesWhatIsNoSuchFolder) {
    EXPECT_THROW(import_folder(workspace_, old_ / "results", ImportHow::copy, events_), Error);
    EXPECT_THROW(import_folder(workspace_, old_ / "nothing", ImportHow::copy, events_), Error);
    EXPECT_THROW(import_folder(workspace_, workspace_.root(), ImportHow::copy, events_), Error);
}

TEST_F(ImportFolder, TheTrashKeepsPathsApart) {
    const fs::path voice = workspace_.root() / "voices/ada";
    const fs::path first = move_to_trash(workspace_, voice);
    write_file(voice / "a.wav", "again");
    const fs::path second = move_to_trash(workspace_, voice);
    EXPECT_NE(first, second);
    EXPECT_EQ(read_file(workspace_.root() / first / "a.wav"), "ours");
    EXPECT_EQ(read_file(workspace_.root() / second / "a.wav"), "again");
    EXPECT_THROW(move_to_trash(workspace_, voice), Error);
    EXPECT_THROW(move_to_trash(workspace_, old_), Error);
}

}  // namespace
}  // namespace testudo::studio
