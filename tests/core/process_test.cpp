#include "core/process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "core/error.h"
#include "core/event_tail.h"
#include "core/events.h"
#include "core/files.h"
#include "support/golden.h"

namespace testudo {
namespace {

using test::TemporaryFolder;

template <class Condition>
bool soon(Condition&& condition) {
    for (int i = 0; i < 1000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

int status_of(const ProcessId& process) {
    std::optional<int> status;
    EXPECT_TRUE(soon([&] { return (status = exit_status(process)).has_value(); }));
    return status.value_or(-1);
}

TEST(Process, ThisOneLives) {
    EXPECT_TRUE(is_alive(this_process()));
    ProcessId other = this_process();
    ++other.start;
    EXPECT_FALSE(is_alive(other)) << "the same number, another process";
    other = this_process();
    other.boot = "another start of the machine";
    EXPECT_FALSE(is_alive(other));
    EXPECT_FALSE(is_alive({}));
    EXPECT_FALSE(exit_status(this_process()));
}

TEST(Process, IsRecordedBeforeItRuns) {
    const TemporaryFolder folder;
    bool ran_before = false;
    ProcessId recorded;
    const auto started =
        start_detached({"/usr/bin/touch", {(folder / "ran").string()}, folder / "output.txt"},
                       [&](const ProcessId& process) {
                           recorded = process;
                           std::this_thread::sleep_for(std::chrono::milliseconds(50));
                           ran_before = fs::exists(folder / "ran");
                           EXPECT_TRUE(is_alive(process));
                       });
    EXPECT_EQ(started, recorded);
    EXPECT_FALSE(ran_before);
    EXPECT_EQ(status_of(started), 0);
    EXPECT_TRUE(fs::exists(folder / "ran"));
    EXPECT_FALSE(is_alive(started));
    EXPECT_FALSE(exit_status(started)) << "told once";
}

TEST(Process, WhatWasNotRecordedNeverRuns) {
    const TemporaryFolder folder;
    const DetachedProgram touch{"/usr/bin/touch", {(folder / "ran").string()}, folder / "output.txt"};
    EXPECT_THROW(
        start_detached(touch, [](const ProcessId&) { throw environment_error("disk full", "free some"); }),
        Error);
    // As if the starting process were killed between fork and record.
    const pid_t parent = ::fork();
    if (parent == 0) {
        start_detached(touch, [](const ProcessId&) { ::raise(SIGKILL); });
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(parent, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_FALSE(fs::exists(folder / "ran"));
}

TEST(Process, EndsBySignalsAndSaysHow) {
    const TemporaryFolder folder;
    const auto none = [](const ProcessId&) {};
    const auto sleeping = start_detached({"/bin/sleep", {"60"}, folder / "output.txt"}, none);
    EXPECT_TRUE(is_alive(sleeping));
    EXPECT_FALSE(exit_status(sleeping));
    EXPECT_TRUE(send_signal(sleeping, SIGTERM));
    EXPECT_EQ(status_of(sleeping), 128 + SIGTERM);
    EXPECT_FALSE(send_signal(sleeping, SIGTERM));
    EXPECT_THROW(start_detached({folder / "nothing", {}, folder / "output.txt"}, none), Error);
    const auto failing = start_detached({"/bin/ls", {"/does/not/exist"}, folder / "output.txt"}, none);
    EXPECT_EQ(status_of(failing), 2);
    EXPECT_NE(read_file(folder / "output.txt").find("/does/not/exist"), std::string::npos);
}

TEST(EventTail, GivesWholeLinesOnce) {
    const TemporaryFolder folder;
    const fs::path file = folder / "events.jsonl";
    EventTail tail(file);
    EXPECT_TRUE(tail.next().empty());
    const auto append = [&](const char* text) { std::ofstream(file, std::ios::app) << text; };
    append("{\"seq\": 1}\n{\"seq\": 2}\nnonsense\n{\"se");
    EXPECT_EQ(tail.next().size(), 2u);
    EXPECT_TRUE(tail.next().empty());
    append("q\": 3}\n");
    const auto events = tail.next();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0]["seq"], 3);
    EXPECT_EQ(tail.offset(), fs::file_size(file));
    EXPECT_EQ(EventTail(file, tail.offset() - 11).next().size(), 1u);
}

TEST(Events, RelayedOnesAreNumberedAnew) {
    const TemporaryFolder folder;
    Events(folder / "copy.jsonl").info("an earlier start");
    Events copy(folder / "copy.jsonl");
    Events events;
    events.listen([&](const Json& event) { copy.relay(event); });
    events.artifact("sample", "a.wav", {{"text", "Hello."}});
    const auto all = read_events(folder / "copy.jsonl");
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[1]["seq"], 2);
    EXPECT_EQ(all[1]["text"], "Hello.");
    EXPECT_EQ(all[1]["kind"], "sample");
}

}  // namespace
}  // namespace testudo
