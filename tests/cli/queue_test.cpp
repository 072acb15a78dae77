// testudo queue: runners that are stopped and killed, jobs that go on.
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <thread>

#include "core/process.h"
#include "studio/jobs.h"
#include "support/program.h"
#include "training/workshop.h"

namespace testudo {
namespace {

using studio::Job;
using studio::JobState;
using training::test::Workshop;

class QueueVerb : public ::testing::Test {
  protected:
    std::vector<std::string> in_shop(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"--workspace", shop.root().string()});
        return arguments;
    }
    test::Ran run(std::vector<std::string> arguments) const {
        return test::run_program(in_shop(std::move(arguments)), shop.root());
    }
    void configure(std::int64_t epochs, double save_rate = 1) {
        shop.settings.epochs = epochs;
        shop.settings.save_rate = save_rate;
        shop.settings.validation_rate = static_cast<double>(epochs);
        shop.settings.keep_states = 2;
        shop.configure();
    }
    void add(std::int64_t epochs, double save_rate = 1) {
        configure(epochs, save_rate);
        const auto ran = run({"queue", "add", "v"});
        ASSERT_EQ(ran.code, 0) << ran.err;
    }
    Job job(const std::string& id) const { return studio::Jobs(studio::Workspace(shop.root())).find(id); }
    // Until `condition` holds; false after two minutes.
    template <class Condition>
    bool soon(Condition&& condition) const {
        for (int i = 0; i < 6000; ++i) {
            if (condition()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return false;
    }
    bool has_state(const std::string& id) const {
        for (const Json& event : read_events(shop.root() / "config/jobs" / id / "events.jsonl"))
            if (event.value("kind", "") == "state") return true;
        return false;
    }
    // Iterations in the order in which they were trained.
    std::vector<std::int64_t> steps(const std::string& id) const {
        std::vector<std::int64_t> out;
        for (const Json& event : read_events(shop.root() / "config/jobs" / id / "events.jsonl"))
            if (event["type"] == "metric" && !event.contains("mode"))
                out.push_back(event["it"].get<std::int64_t>());
        return out;
    }
    std::unique_ptr<test::Program> runner(const std::string& name = "runner") const {
        const fs::path folder = shop.root() / name;
        fs::create_directories(folder);
        return std::make_unique<test::Program>(in_shop({"queue", "run"}), folder);
    }

    Workshop shop{10, 3};
};

TEST_F(QueueVerb, ListsAndChanges) {
    EXPECT_NE(run({"queue", "list"}).out.find("empty"), std::string::npos);
    configure(3);
    EXPECT_EQ(run({"queue", "add", "v", "--epochs", "2"}).code, 0);
    EXPECT_EQ(run({"queue", "add", "training/v/train.yaml", "--resume"}).code, 0);
    auto ran = run({"--json", "queue", "add", "w", "--job", "prepare", "--set", "whisper_model=small",
                    "--set", "min_duration=1.5", "--set", "slice=true"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(Json::parse(ran.out)["settings"],
              Json::parse(R"({"whisper_model": "small", "min_duration": 1.5, "slice": true})"));
    EXPECT_EQ(run({"queue", "move", "3", "1"}).code, 0);
    EXPECT_EQ(run({"queue", "pause"}).code, 0);
    ran = run({"queue", "list", "--json"});
    const Json list = Json::parse(ran.out);
    EXPECT_TRUE(list["paused"].get<bool>());
    ASSERT_EQ(list["jobs"].size(), 3u);
    EXPECT_EQ(list["jobs"][0]["kind"], "prepare");
    EXPECT_EQ(list["jobs"][1]["settings"]["epochs"], 2);
    EXPECT_EQ(list["jobs"][2]["kind"], "resume");
    EXPECT_EQ(list["jobs"][2]["voice"], "v");
    ran = run({"queue", "list"});
    EXPECT_NE(ran.out.find("prepare"), std::string::npos);
    EXPECT_NE(ran.out.find("queue resume"), std::string::npos) << ran.out;
    EXPECT_EQ(run({"queue", "resume"}).code, 0);
    EXPECT_EQ(run({"queue", "stop", "1"}).code, 0);
    EXPECT_EQ(run({"queue", "remove", "2"}).code, 0);
    EXPECT_NE(run({"queue", "clear"}).out.find("1 removed"), std::string::npos);
    EXPECT_EQ(Json::parse(run({"queue", "list", "--json"}).out)["jobs"].size(), 1u);

    EXPECT_EQ(run({"queue", "add", "v", "--set", "epochs"}).code, 2);
    EXPECT_EQ(run({"queue", "add", "v", "--set", "colour=red"}).code, 2);
    EXPECT_EQ(run({"queue", "add", "v", "--job", "dance"}).code, 2);
    EXPECT_EQ(run({"queue", "add", "nobody"}).code, 3);
    EXPECT_EQ(run({"queue", "remove", "77"}).code, 2);
    for (const char* nowhere : {"0", "-3", "x"}) EXPECT_EQ(run({"queue", "move", "1", nowhere}).code, 2);
    EXPECT_EQ(run({"queue"}).code, 2);
    EXPECT_EQ(run({"queue", "clear", "--json"}).code, 0);
}

class SlowQueueVerb : public QueueVerb {};

TEST_F(SlowQueueVerb, OneAfterTheOtherAndAFailureIsNotTheEnd) {
    add(2);
    ASSERT_EQ(run({"queue", "add", "v", "--job", "slice"}).code, 0);
    add(1);
    const auto ran = run({"queue", "run"});
    EXPECT_EQ(ran.code, 3) << ran.err;
    EXPECT_NE(ran.out.find("2 done, 1 failed"), std::string::npos) << ran.out;
    EXPECT_NE(ran.err.find("whisper.json"), std::string::npos) << ran.err;
    EXPECT_EQ(job("1").state, JobState::done) << job("1").reason;
    EXPECT_EQ(job("2").state, JobState::failed);
    EXPECT_EQ(job("3").state, JobState::done) << job("3").reason;
    EXPECT_EQ(steps("1").size(), 6u);
    EXPECT_EQ(steps("3").size(), 3u);
    EXPECT_LE(job("1").ended, job("2").started);
    EXPECT_NE(run({"queue", "list"}).out.find("whisper.json"), std::string::npos);
    const auto empty = run({"--json", "queue", "run"});
    EXPECT_EQ(empty.code, 0) << empty.err;

    add(1);
    const auto json = run({"--json", "queue", "run"});
    EXPECT_EQ(json.code, 0) << json.err;
    bool done = false;
    for (const std::string& line : split_lines(json.out)) {
        const Json event = Json::parse(line);
        EXPECT_EQ(event["job"], "4");
        done = done || event["type"] == "done";
    }
    EXPECT_TRUE(done);
}

TEST_F(SlowQueueVerb, CtrlCSavesAndTheNextRunGoesOn) {
    add(300, 50);
    add(1);
    auto first = runner();
    ASSERT_TRUE(soon([&] { return steps("1").size() >= 5; }));
    first->signal(SIGINT);
    const auto ran = first->wait();
    EXPECT_EQ(ran.code, 130) << ran.err;
    EXPECT_EQ(job("1").state, JobState::waiting);
    EXPECT_TRUE(job("1").begun);
    EXPECT_EQ(job("2").state, JobState::waiting);
    const auto before = steps("1");
    ASSERT_LT(before.size(), 900u);
    EXPECT_EQ(run({"queue", "run"}).code, 0);
    const auto after = steps("1");
    ASSERT_EQ(after.size(), 900u) << "none twice, none left out";
    EXPECT_EQ(after.at(before.size()), before.back() + 1);
    EXPECT_EQ(job("2").state, JobState::done) << job("2").reason;
}

TEST_F(SlowQueueVerb, AKilledRunnerIsReplacedAndASecondRefused) {
    add(800, 100);
    auto first = runner();
    ASSERT_TRUE(soon([&] { return steps("1").size() >= 5; }));
    const auto refused = run({"queue", "run"});
    EXPECT_EQ(refused.code, 4);
    EXPECT_NE(refused.err.find("testudo queue run"), std::string::npos) << refused.err;
    first->signal(SIGKILL);
    EXPECT_EQ(first->wait().code, 137);
    EXPECT_EQ(job("1").state, JobState::running) << "it outlives who started it";
    const auto ran = run({"queue", "run"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.out.find("1 done, 0 failed"), std::string::npos) << ran.out;
    const auto all = steps("1");
    ASSERT_EQ(all.size(), 2400u);
    for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], static_cast<std::int64_t>(i) + 1);
}

TEST_F(SlowQueueVerb, WhenBothAreKilledTheJobGoesOnFromItsState) {
    add(500, 5);
    auto first = runner();
    ASSERT_TRUE(soon([&] { return has_state("1"); }));
    first->signal(SIGKILL);
    first->wait();
    ASSERT_TRUE(send_signal(*job("1").process, SIGKILL));
    ASSERT_TRUE(soon([&] { return job("1").state == JobState::interrupted; }));
    const std::string shown = run({"queue", "list"}).out;
    EXPECT_NE(shown.find("interrupted"), std::string::npos) << shown;
    const auto before = steps("1");
    EXPECT_EQ(run({"queue", "run"}).code, 0);
    const auto after = steps("1");
    ASSERT_GT(after.size(), before.size());
    EXPECT_GT(after[before.size()], 1) << "from the checkpoint, not anew";
    EXPECT_LE(after[before.size()], before.back() + 1);
    EXPECT_EQ(after.back(), 1500);
    EXPECT_EQ(job("1").state, JobState::done) << job("1").reason;
}

TEST_F(SlowQueueVerb, IsReorderedPausedAndStoppedWhileItRuns) {
    add(4000, 1000);
    add(1);
    add(1);
    auto working = runner();
    ASSERT_TRUE(soon([&] { return steps("1").size() >= 5; }));
    EXPECT_EQ(run({"queue", "move", "3", "1"}).code, 0);
    EXPECT_EQ(run({"queue", "move", "1", "1"}).code, 2) << "it runs";
    EXPECT_EQ(run({"queue", "pause", "--now"}).code, 0);
    ASSERT_TRUE(soon([&] { return job("1").state == JobState::waiting; }));
    const auto paused_at = steps("1").size();
    EXPECT_LT(paused_at, 12000u);
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    EXPECT_EQ(job("1").state, JobState::waiting) << "nothing starts while it is paused";
    EXPECT_EQ(job("3").state, JobState::waiting);
    EXPECT_EQ(run({"queue", "resume"}).code, 0);
    ASSERT_TRUE(soon([&] { return steps("1").size() > paused_at; })) << "the one that ran is the next";
    EXPECT_EQ(run({"queue", "stop", "1"}).code, 0);
    const auto ran = working->wait();
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(job("1").state, JobState::stopped);
    EXPECT_EQ(job("2").state, JobState::done) << job("2").reason;
    EXPECT_LT(job("3").started, job("2").started);
    EXPECT_TRUE(has_state("1")) << "it saved when it was stopped";
}

}  // namespace
}  // namespace testudo
