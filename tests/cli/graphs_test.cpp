#include <gtest/gtest.h>

#include "cli/progress.h"
#include "core/files.h"
#include "support/golden.h"
#include "support/program.h"

namespace testudo::cli {
namespace {

using test::run_program;
using test::TemporaryFolder;

TEST(Graphs, OfAVoiceWithExports) {
    const TemporaryFolder folder;
    std::string events;
    for (int it = 1; it <= 5; ++it)
        events += Json{{"type", "metric"}, {"it", it}, {"epoch", 1}, {"loss_mel_ce", 6.0 / it}, {"lr", 1e-4}}
                      .dump() +
                  "\n";
    write_file(folder / "training/ada/finetune/events.jsonl", events);
    const std::string workspace = folder.path().string();
    auto ran = run_program({"--workspace", workspace, "graphs", "ada"}, folder.path());
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.out.find("ada: 5 steps up to iteration 5, 0 validations"), std::string::npos) << ran.out;
    EXPECT_TRUE(fs::exists(folder / "training/ada/finetune/graphs/loss_mel.svg"));
    EXPECT_TRUE(fs::exists(folder / "training/ada/finetune/graphs/learning_rate.png"));

    ran = run_program({"--json", "--workspace", workspace, "graphs", "training/ada/finetune/events.jsonl",
                       "--csv", "--tensorboard", "--out", (folder / "out").string()},
                      folder.path());
    ASSERT_EQ(ran.code, 0) << ran.err;
    const Json result = Json::parse(ran.out);
    EXPECT_EQ(result["runs"][0]["last_iteration"], 5);
    EXPECT_TRUE(fs::exists(folder / "out/ada.csv"));
    EXPECT_TRUE(fs::exists(folder / "out/tensorboard/ada/events.out.tfevents.testudo"));
    for (const Json& file : result["files"]) EXPECT_TRUE(fs::exists(file.get<std::string>())) << file;

    EXPECT_EQ(run_program({"--workspace", workspace, "graphs", "nobody"}, folder.path()).code, 3);
    EXPECT_EQ(run_program({"--workspace", workspace, "graphs"}, folder.path()).code, 2);
    EXPECT_EQ(run_program({"--workspace", workspace, "graphs", "ada", "--over", "hours"}, folder.path()).code,
              3)
        << "these events have no time";
}

TEST(Progress, NamesEveryMilestoneWithItsTime) {
    const Json event = {
        {"type", "progress"},
        {"stage", "train"},
        {"done", 20},
        {"total", 100},
        {"unit", "iterations"},
        {"epoch", 2},
        {"epochs", 10},
        {"eta_seconds", 80},
        {"milestones",
         {{{"kind", "validation"}, {"iteration", 23}, {"iterations_left", 3}, {"seconds_left", 3.25}},
          {{"kind", "epoch"}, {"iteration", 30}, {"iterations_left", 10}, {"seconds_left", 75}},
          {{"kind", "learning_rate"}, {"iteration", 40}, {"iterations_left", 20}, {"seconds_left", nullptr}},
          {{"kind", "something new"}, {"iterations_left", 20}},
          "no milestone"}}};
    const std::string line = describe_progress(event, Json::object(), Json::object(), 0);
    EXPECT_NE(
        line.find("ETA 1 min 20 s  validation in 3 (3.2 s)  epoch ends in 10 (1 min 15 s)  lr falls in 20"),
        std::string::npos)
        << line;
    EXPECT_EQ(line.find("something"), std::string::npos);
    EXPECT_LE(describe_progress(event, Json::object(), Json::object(), 60).size(), 62u);
}

}  // namespace
}  // namespace testudo::cli
