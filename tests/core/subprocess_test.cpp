#include "core/subprocess.h"

#include <gtest/gtest.h>

#include <thread>

#include "core/error.h"
#include "core/interrupt.h"

namespace testudo {
namespace {

const std::string remedy = "Install it.";

ErrorKind kind_of_failure(const std::string& program, const std::vector<std::string>& arguments,
                          const ProgramLimits& limits) {
    try {
        run_program(program, arguments, {}, remedy, limits);
    } catch (const Error& error) {
        return error.kind();
    }
    ADD_FAILURE() << program << " ended well";
    return ErrorKind::internal;
}

TEST(Subprocess, GivesAndTakesAnyAmount) {
    const std::string much(8 << 20, 'x');
    const ProgramRun run = run_program("cat", {}, much, remedy);
    EXPECT_EQ(run.code, 0);
    EXPECT_TRUE(run.out == much);
    EXPECT_EQ(run.err, "");
}

TEST(Subprocess, ArgumentsAreNotReadByAShell) {
    const ProgramRun run = run_program("printf", {"%s|", "$HOME", "`id`", "a b", "'", "\n"}, {}, remedy);
    EXPECT_EQ(run.out, "$HOME|`id`|a b|'|\n|");
}

TEST(Subprocess, TellsHowItEnded) {
    const ProgramRun run = run_program("sh", {"-c", "echo out; echo wrong >&2; exit 7"}, {}, remedy);
    EXPECT_EQ(run.code, 7);
    EXPECT_EQ(run.out, "out\n");
    EXPECT_EQ(run.err, "wrong\n");
    EXPECT_EQ(run_program("sh", {"-c", "kill -9 $$"}, {}, remedy).code, 137);
}

TEST(Subprocess, MissingProgramNamesTheRemedy) {
    for (const char* program : {"no-such-program-at-all", "/nonexistent/program", "/", "/etc/passwd"}) {
        try {
            run_program(program, {}, {}, remedy);
            ADD_FAILURE() << program;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::environment);
            EXPECT_EQ(error.hint(), remedy);
            EXPECT_NE(std::string(error.what()).find(program), std::string::npos);
        }
    }
}

TEST(Subprocess, EndsWhatTakesTooLongOrWritesTooMuch) {
    const auto begin = std::chrono::steady_clock::now();
    // The sleeper is a child of the shell: all of the group must go.
    EXPECT_EQ(kind_of_failure("sh", {"-c", "sleep 300; true"}, {.seconds = 0.1}), ErrorKind::environment);
    EXPECT_EQ(kind_of_failure("yes", {}, {.seconds = 60, .output_bytes = 1 << 20}), ErrorKind::environment);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(50));
}

TEST(Subprocess, StopsWhenAsked) {
    std::thread stopper([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        request_stop();
    });
    EXPECT_EQ(kind_of_failure("sleep", {"300"}, {}), ErrorKind::interrupted);
    stopper.join();
    request_stop(false);
}

}  // namespace
}  // namespace testudo
