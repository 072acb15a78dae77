// What a training has told, also one that a terminal started.
#include <gtest/gtest.h>

#include <fstream>

#include "core/files.h"
#include "core/strings.h"
#include "server/running_studio.h"

namespace testudo::server {
namespace {

using test::Answer;
using test::get;
using test::RunningStudio;

class RunEvents : public ::testing::Test {
  protected:
    void SetUp() override {
        make_folders(root_ / "voices" / "ada");
        make_folders(events_.parent_path());
    }
    test::TemporaryFolder folder_;
    fs::path root_ = folder_ / "studio", events_ = root_ / "training" / "ada" / "finetune" / "events.jsonl";
};

TEST_F(RunEvents, ATrainingOfATerminalTellsItsEvents) {
    std::ofstream out(events_);
    out << R"({"seq":1,"time":1,"type":"log","level":"info","message":"a \"remark\" begins"})"
        << "\n"
        << "no JSON\n"
        << R"({"seq":2,"time":2,"type":"metric","it":1})"
        << "\n"
        << R"({"seq":3,"time":3,"type":"remark","name":"overfitting","message":"m","it":1})"
        << "\n"
        << R"({"seq":4,"time)" << std::flush;
    RunningStudio studio(root_);
    const int port = studio.port();
    const std::string path = "/api/runs/ada/finetune/events";
    const Json all = get(port, path).json();
    ASSERT_EQ(all["events"].size(), 3u);
    EXPECT_EQ(all["events"][2]["offset"], all["next"]);
    const Json remarks = get(port, path + "?types=remark").json();
    ASSERT_EQ(remarks["events"].size(), 1u);
    EXPECT_EQ(remarks["events"][0]["name"], "overfitting");
    EXPECT_EQ(get(port, path + "?last=1&types=log,metric").json()["events"][0]["seq"], 2);
    const std::string next = cat(path, "?from=", all["next"].dump());
    EXPECT_TRUE(get(port, next).json()["events"].empty());
    out << R"(":4,"type":"done","result":{}})"
        << "\n"
        << std::flush;
    const Json fresh = get(port, next).json();
    ASSERT_EQ(fresh["events"].size(), 1u);
    EXPECT_EQ(fresh["events"][0]["type"], "done");
    EXPECT_FALSE(fresh.contains("reset"));
    for (const char* other : {"?from=7", "?from=99999999"}) {
        const Json anew = get(port, path + other).json();
        EXPECT_EQ(anew["reset"], true);
        EXPECT_EQ(anew["events"].size(), 4u);
    }
    EXPECT_EQ(get(port, path + "?from=-1").status, 400);
    EXPECT_EQ(get(port, path + "?last=0").status, 400);
    EXPECT_EQ(get(port, "/api/runs/ada/nothing/events").status, 404);
    EXPECT_EQ(get(port, "/api/runs/..%2f..%2fx/finetune/events").status, 400);
}

TEST_F(RunEvents, ManyEventsAreAnsweredInPart) {
    std::ofstream out(events_);
    for (int seq = 1; seq <= 12000; ++seq)
        out << Json{{"seq", seq}, {"time", 1.0}, {"type", "log"}, {"message", std::string(1000, 'x')}}.dump()
            << "\n";
    out.close();
    RunningStudio studio(root_);
    const Answer answer = get(studio.port(), "/api/runs/ada/finetune/events?last=10000");
    EXPECT_LT(answer.body.size(), std::size_t{5} << 20);
    EXPECT_EQ(answer.json()["events"].back()["seq"], 12000);
}

}  // namespace
}  // namespace testudo::server
