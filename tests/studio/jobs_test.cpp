#include "studio/jobs.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <random>
#include <set>
#include <thread>

#include "core/event_tail.h"
#include "studio/run_queue.h"
#include "support/program.h"
#include "training/workshop.h"

namespace testudo::studio {
namespace {

using test::TemporaryFolder;
using training::test::error_of;
using training::test::Workshop;

std::vector<std::string> ids(const Jobs& jobs) {
    std::vector<std::string> out;
    for (const Job& job : jobs.list().jobs) out.push_back(job.id);
    return out;
}

JobRequest slicing(const std::string& voice) { return {"slice", voice}; }

TEST(Jobs, RequestsAreChecked) {
    const auto refused = [](JobRequest request) {
        return error_of([&] { check_request(request); }).kind() == ErrorKind::usage;
    };
    check_request({"prepare", "ada", {{"whisper_model", "small"}, {"min_duration", 1}}});
    check_request({"train", "ada", {{"epochs", 3}, {"device", "cpu"}}});
    check_request({"validate", "ada", {{"measure", false}}});
    check_request({"train", "", Json::object(), "a.yaml"});
    EXPECT_TRUE(refused({"dance", "ada"}));
    EXPECT_TRUE(refused({"train", "../ada"}));
    EXPECT_TRUE(refused({"train", ""}));
    EXPECT_TRUE(refused({"train", "ada", {{"epochs", 0}}}));
    EXPECT_TRUE(refused({"train", "ada", {{"epochs", "3"}}}));
    EXPECT_TRUE(refused({"train", "ada", {{"workspace", "/"}}}));
    EXPECT_TRUE(refused({"prepare", "ada", Json::array()}));
    EXPECT_TRUE(refused({"slice", "ada", Json::object(), "a.yaml"}));
}

TEST(Jobs, TheQueueIsKeptInItsFile) {
    const TemporaryFolder folder;
    Jobs jobs{Workspace(folder.path())};
    EXPECT_TRUE(jobs.list().jobs.empty());
    for (const char* voice : {"a", "b", "c", "d"}) jobs.add(slicing(voice));
    jobs.move("4", 1);
    jobs.move("1", 99);
    EXPECT_EQ(ids(jobs), (std::vector<std::string>{"4", "2", "3", "1"}));
    jobs.stop("2");
    EXPECT_EQ(jobs.find("2").state, JobState::stopped);
    jobs.move("1", 1);
    EXPECT_EQ(ids(jobs), (std::vector<std::string>{"1", "4", "3", "2"}));
    jobs.pause();
    EXPECT_TRUE(Jobs(Workspace(folder.path())).list().paused);
    EXPECT_FALSE(jobs.start_next());
    jobs.resume();
    jobs.remove("4");
    EXPECT_FALSE(fs::exists(folder / "config/jobs/4"));
    EXPECT_EQ(jobs.clear(), 1u);
    EXPECT_EQ(ids(jobs), (std::vector<std::string>{"1", "3"}));
    EXPECT_EQ(jobs.add(slicing("e")).id, "5") << "numbers are not used twice";

    EXPECT_EQ(error_of([&] { jobs.move("9", 1); }).kind(), ErrorKind::usage);
    EXPECT_EQ(error_of([&] { jobs.move("1", 0); }).kind(), ErrorKind::usage);
    EXPECT_EQ(error_of([&] { jobs.again("1"); }).kind(), ErrorKind::usage);
    jobs.stop("1");
    EXPECT_EQ(error_of([&] { jobs.stop("1"); }).kind(), ErrorKind::usage);
    EXPECT_EQ(error_of([&] { jobs.move("1", 1); }).kind(), ErrorKind::usage);
    EXPECT_EQ(jobs.again("1").state, JobState::waiting);
    EXPECT_EQ(ids(jobs), (std::vector<std::string>{"3", "5", "1"}));
}

TEST(Jobs, ADamagedFileIsNamedAndLeadsNowhere) {
    const TemporaryFolder folder;
    Jobs jobs{Workspace(folder.path())};
    write_file(folder / "kept.txt", "x");
    const Json good = {{"id", "1"}, {"kind", "slice"}, {"voice", "a"}, {"state", "done"}};
    const auto file = [&](Json one) {
        return format_json({{"version", 1}, {"next_id", 2}, {"jobs", Json::array({std::move(one)})}});
    };
    const auto with = [&](const char* key, Json value) {
        Json one = good;
        one[key] = std::move(value);
        return file(one);
    };
    write_file(folder / "config/queue.json", file(good));
    EXPECT_EQ(jobs.list().jobs.size(), 1u);
    for (const std::string& text :
         {std::string("{"), std::string("[]"), std::string("{\"jobs\": 3}"), with("id", "../../kept.txt"),
          with("id", 1), with("state", "lost"), with("state", "running"), with("settings", 3),
          with("process", {{"pid", "x"}}), with("process", 3), with("added", "x"), with("queued", 1),
          std::string("{\"jobs\": []}"), std::string("{\"jobs\": [3], \"next_id\": 2}"),
          std::string("{\"jobs\": [], \"next_id\": -7}"), std::string("{\"jobs\": [], \"next_id\": []}"),
          format_json({{"next_id", 2}, {"jobs", Json::array({good, good})}})}) {
        write_file(folder / "config/queue.json", text);
        const Error error = error_of([&] { jobs.list(); });
        EXPECT_EQ(error.kind(), ErrorKind::input) << text;
        EXPECT_NE(std::string(error.what()).find("queue.json"), std::string::npos) << error.what();
        EXPECT_EQ(std::string(error.what()).find("exception"), std::string::npos) << error.what();
        EXPECT_FALSE(error.hint().empty());
        EXPECT_THROW(jobs.clear(), Error);
    }
    EXPECT_TRUE(fs::exists(folder / "kept.txt"));
}

TEST(Jobs, ADamagedLogIsNoObstacle) {
    const TemporaryFolder folder;
    Jobs jobs{Workspace(folder.path())};
    const Json gone = {{"pid", 1}, {"start", 1}, {"boot", "another start of the machine"}};
    const auto job = [&](const char* id) {
        return Json{{"id", id},           {"kind", "train"}, {"voice", "a"},
                    {"state", "running"}, {"queued", true},  {"process", gone}};
    };
    write_file(folder / "config/queue.json",
               format_json({{"next_id", 4}, {"jobs", Json::array({job("1"), job("2"), job("3")})}}));
    write_file(folder / "config/jobs/1/events.jsonl",
               "{\"type\": 3}\n[]\n{\"type\": \"failed\", \"reason\": 3, \"exit_code\": \"x\"}\n{\"ty");
    write_file(folder / "config/jobs/2/events.jsonl",
               "{\"type\": \"done\", \"time\": \"x\", \"result\": {\"stopped\": 1, \"exit_code\": []}}\n");
    EXPECT_EQ(jobs.find("1").state, JobState::failed);
    EXPECT_EQ(jobs.find("1").exit_code, 1);
    EXPECT_EQ(jobs.find("2").state, JobState::done);
    EXPECT_EQ(jobs.find("3").state, JobState::interrupted) << "the machine was started again";
    EXPECT_TRUE(is_to_come(jobs.find("3")));
}

TEST(Jobs, ManyThreadsMayAdd) {
    const TemporaryFolder folder;
    Jobs jobs{Workspace(folder.path())};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 5; ++n) jobs.add(slicing("a"));
        });
    for (auto& thread : threads) thread.join();
    const auto all = ids(jobs);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 20u);
}

TEST(Jobs, KilledAtAnyInstantTheFileIsWhole) {
    const TemporaryFolder folder;
    std::mt19937 random(1);
    for (int round = 0; round < 12; ++round) {
        const pid_t child = ::fork();
        if (child == 0) {
            Jobs jobs{Workspace(folder.path())};
            for (;;) {
                const std::string id = jobs.add(slicing("a")).id;
                jobs.move(id, 1);
                jobs.stop(id);
                jobs.remove(id);
                jobs.add(slicing("b"));
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5 + random() % 60));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        Jobs jobs{Workspace(folder.path())};
        for (const Job& job : jobs.list().jobs) EXPECT_TRUE(fs::is_directory(job.folder)) << job.id;
        jobs.add(slicing("c"));  // removes what was left behind
        const auto known = ids(jobs);
        for (const auto& entry : fs::directory_iterator(jobs.folder()))
            EXPECT_EQ(std::count(known.begin(), known.end(), entry.path().filename().string()), 1);
        for (const auto& entry : fs::directory_iterator(folder / "config"))
            EXPECT_FALSE(entry.path().filename().string().ends_with(".tmp"));
        for (const std::string& id : known) jobs.remove(id);
    }
}

Job wait_for(const Jobs& jobs, const std::string& id) {
    for (int i = 0; i < 6000; ++i) {
        const Job job = jobs.find(id);
        if (job.state != JobState::running) return job;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ADD_FAILURE() << "job " << id << " did not end";
    return jobs.find(id);
}

bool wait_for_event(const Job& job, const std::function<bool(const Json&)>& is_it) {
    EventTail tail(job.events, job.events_from);
    for (int i = 0; i < 6000; ++i) {
        for (const Json& event : tail.next())
            if (is_it(event)) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

bool is_state(const Json& event) { return event.value("kind", "") == "state"; }

class SlowJobs : public ::testing::Test {
  protected:
    SlowJobs() { configure(3); }
    void configure(std::int64_t epochs, double save_rate = 1) {
        shop.settings.epochs = epochs;
        shop.settings.save_rate = save_rate;
        shop.settings.validation_rate = static_cast<double>(epochs);
        shop.settings.keep_states = 2;
        shop.configure();
    }
    Workshop shop{10, 3};
    Jobs jobs{Workspace(shop.root()), test::program()};
};

TEST_F(SlowJobs, ATrainingRunsByTheConfigurationItWasMadeWith) {
    const Job first = jobs.add({"train", "v"});
    configure(2);
    const Job second = jobs.add({"train", "v", {{"epochs", 1}}});
    const Job started = *jobs.start_next();
    EXPECT_EQ(started.id, first.id);
    EXPECT_EQ(started.state, JobState::running);
    EXPECT_FALSE(jobs.start_next()) << "one at a time";
    EXPECT_EQ(error_of([&] { jobs.remove(first.id); }).kind(), ErrorKind::usage);
    Job job = wait_for(jobs, first.id);
    ASSERT_EQ(job.state, JobState::done) << job.reason << read_file(job.output);
    EXPECT_EQ(job.exit_code, 0);
    EXPECT_GE(job.ended, job.started);
    EXPECT_EQ(jobs.result(job)["iterations"], 9) << "three epochs, as when it was added";
    std::uint64_t last = 0;
    for (const Json& event : read_events(job.events)) EXPECT_EQ(event["seq"], ++last);
    EXPECT_GT(last, 9u);

    EXPECT_EQ(jobs.start_next()->id, second.id);
    job = wait_for(jobs, second.id);
    ASSERT_EQ(job.state, JobState::done) << job.reason;
    EXPECT_EQ(jobs.result(job)["iterations"], 3);
    EXPECT_TRUE(jobs.result(job).contains("archived"));
}

TEST_F(SlowJobs, OneThatWasStoppedGoesOnFromItsState) {
    configure(4000, 1000);
    const Job job = jobs.start({"train", "v"});
    EXPECT_EQ(job.state, JobState::running);
    ASSERT_TRUE(wait_for_event(job, [](const Json& event) { return event.value("it", 0) >= 5; }));
    jobs.stop(job.id);
    const Job stopped = wait_for(jobs, job.id);
    EXPECT_EQ(stopped.state, JobState::stopped) << stopped.reason;
    EXPECT_EQ(stopped.exit_code, 130);
    const auto reached = jobs.result(stopped)["iterations"].get<std::int64_t>();
    EXPECT_LT(reached, 12000);

    jobs.again(job.id);
    Job next = *jobs.start_next();
    ASSERT_TRUE(wait_for_event(next, [](const Json& event) { return event.value("type", "") == "metric"; }));
    jobs.stop(job.id, true);
    next = wait_for(jobs, job.id);
    EXPECT_EQ(next.state, JobState::stopped);
    std::vector<std::int64_t> steps;
    for (const Json& event : EventTail(next.events, next.events_from).next())
        if (event.value("type", "") == "metric") steps.push_back(event["it"].get<std::int64_t>());
    ASSERT_FALSE(steps.empty());
    EXPECT_EQ(steps.front(), reached + 1);
    std::uint64_t last = 0;
    for (const Json& event : read_events(next.events)) EXPECT_EQ(event["seq"], ++last);
}

TEST_F(SlowJobs, OneThatIsReplacedByAnotherRunBeginsAnew) {
    configure(4000, 20);
    const Job job = jobs.add({"train", "v"});
    const Job started = *jobs.start_next();
    ASSERT_TRUE(wait_for_event(started, is_state));
    jobs.stop(job.id);
    wait_for(jobs, job.id);
    shop.settings.epochs = 1;
    shop.configure();
    shop.train();  // the voice's run is another one now
    jobs.again(job.id);
    const Job next = *jobs.start_next();
    ASSERT_TRUE(wait_for_event(next, [](const Json& event) { return event.value("type", "") == "metric"; }));
    jobs.stop(job.id);
    wait_for(jobs, job.id);
    for (const Json& event : EventTail(next.events, next.events_from).next())
        if (event.value("type", "") == "metric") {
            EXPECT_EQ(event["it"], 1);
            break;
        }
}

TEST_F(SlowJobs, FailuresKeepTheirReason) {
    Job job = jobs.start(slicing("v"));
    job = wait_for(jobs, job.id);
    EXPECT_EQ(job.state, JobState::failed);
    EXPECT_EQ(job.exit_code, 3);
    EXPECT_NE(job.reason.find("whisper.json"), std::string::npos) << job.reason;
    EXPECT_FALSE(job.hint.empty());

    // Killed under the eyes of its parent.
    configure(4000, 1000);
    job = jobs.start({"train", "v"});
    ASSERT_TRUE(wait_for_event(job, [](const Json& event) { return event.value("type", "") == "metric"; }));
    ASSERT_TRUE(send_signal(*job.process, SIGKILL));
    job = wait_for(jobs, job.id);
    EXPECT_EQ(job.state, JobState::failed);
    EXPECT_EQ(job.exit_code, 137);
    EXPECT_NE(job.reason.find("signal 9"), std::string::npos) << job.reason;

    Jobs broken{Workspace(shop.root()), shop.root() / "nothing"};
    job = broken.start({"train", "v"});
    EXPECT_EQ(job.state, JobState::failed);
    EXPECT_EQ(broken.find(job.id).state, JobState::failed);
    EXPECT_NE(job.reason.find("cannot be started"), std::string::npos) << job.reason;

    EXPECT_EQ(error_of([&] { jobs.start({"train", "nobody"}); }).kind(), ErrorKind::input);
    EXPECT_EQ(error_of([&] {
                  jobs.add({"train", "w", Json::object(), shop.paths().yaml});
              }).kind(),
              ErrorKind::input);
    EXPECT_EQ(jobs.add({"train", "", Json::object(), "training/v/train.yaml"}).request.voice, "v");
}

TEST_F(SlowJobs, OneThatWasKilledBehindItsLastCheckpointIsDone) {
    const Job job = jobs.add({"train", "v"});
    jobs.start_next();
    ASSERT_EQ(wait_for(jobs, job.id).state, JobState::done);
    jobs.again(job.id);
    EXPECT_EQ(jobs.start_next()->state, JobState::done);
}

TEST_F(SlowJobs, AnotherThreadWorksTheQueueForAServer) {
    std::atomic<bool> stop = false;
    std::atomic<int> ended = 0;
    QueueOutcome outcome;
    RunQueueOptions options;
    options.name = "testudo serve";
    options.until_empty = false;
    options.stop = [&] { return stop.load(); };
    options.ends = [&](const Job&) { ++ended; };
    options.look_seconds = 0.02;
    std::thread runner([&] { outcome = run_queue(jobs, options); });
    const auto until = [](const auto& condition) {
        for (int i = 0; i < 6000 && !condition(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        EXPECT_TRUE(condition());
    };
    until([&] { return jobs.list().runner.has_value(); });
    EXPECT_EQ(jobs.list().runner_name, "testudo serve");
    const auto refused =
        test::run_program({"--workspace", shop.root().string(), "queue", "run"}, shop.root());
    EXPECT_EQ(refused.code, 4);
    EXPECT_NE(refused.err.find("testudo serve"), std::string::npos) << refused.err;
    jobs.add(slicing("v"));
    jobs.add({"train", "v"});
    until([&] { return ended == 2; });
    stop = true;
    runner.join();
    EXPECT_EQ(outcome.done, 1);
    EXPECT_EQ(outcome.failed, 1);
    EXPECT_EQ(outcome.first_failure, 3);
    EXPECT_FALSE(jobs.list().runner);
}

}  // namespace
}  // namespace testudo::studio
