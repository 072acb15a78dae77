// testudo serve as a program: when it answers, what it opens, and when it ends.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "core/json.h"
#include "core/strings.h"
#include "server/http_client.h"
#include "support/program.h"

namespace testudo {
namespace {

class ServeProgram : public ::testing::Test {
  protected:
    // PATH begins with a folder of our own.
    std::vector<std::string> command(const std::string& flag = "") const {
        std::vector<std::string> out = {cat("PATH=", (folder_ / "bin").string(), ":/usr/bin:/bin"),
                                        test::program().string(),
                                        "--workspace",
                                        (folder_ / "studio").string(),
                                        "--json",
                                        "serve",
                                        "--port",
                                        "0"};
        if (!flag.empty()) out.push_back(flag);
        return out;
    }
    void put_opener(const std::string& script) const {
        write_file(folder_ / "bin" / "xdg-open", "#!/bin/sh\n" + script);
        ::chmod((folder_ / "bin" / "xdg-open").c_str(), 0755);
    }
    std::string wait_for(const char* name, const std::string& what) const {
        std::string text;
        for (int i = 0; i < 1000 && text.find(what) == std::string::npos; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            if (fs::exists(folder_ / name)) text = read_file(folder_ / name);
        }
        return text;
    }
    int port() const {
        const std::string told = wait_for(".stdout", "}");
        const auto at = told.find("127.0.0.1:");
        return at == std::string::npos ? 0 : std::stoi(told.substr(at + 10));
    }
    test::TemporaryFolder folder_;
};

TEST_F(ServeProgram, OpensThePageBesideServingIt) {
    // What opens it may be the browser itself: it goes on, and outlives the server.
    put_opener(cat("echo \"$@\" >'", (folder_ / "opened").string(), "'\nsleep 2\necho on >'",
                   (folder_ / "alive").string(), "'\n"));
    test::Program program(command("--open"), folder_.path(), "/usr/bin/env");
    const int at = port();
    EXPECT_EQ(wait_for("opened", "\n"), cat("http://127.0.0.1:", at, "/\n"));
    EXPECT_EQ(test::get(at, "/health").status, 200);
    program.signal(SIGTERM);
    const auto ran = program.wait();
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_FALSE(fs::exists(folder_ / "alive"));
    EXPECT_EQ(wait_for("alive", "on"), "on\n");
}

TEST_F(ServeProgram, SaysSoWhenThePageCannotBeOpened) {
    put_opener("exit 3\n");
    test::Program program(command("--open"), folder_.path(), "/usr/bin/env");
    const std::string said = wait_for(".stderr", "yourself");
    EXPECT_NE(said.find("the page was not opened: xdg-open ended with code 3"), std::string::npos) << said;
    EXPECT_EQ(test::get(port(), "/health").status, 200);
}

TEST_F(ServeProgram, IsThereBeforeItHasLookedThroughTheWorkspace) {
    for (int voice = 0; voice < 40; ++voice) {
        const fs::path recordings = folder_ / "studio" / "voices" / cat("v", voice);
        make_folders(recordings);
        for (int file = 0; file < 200; ++file) std::ofstream(recordings / cat(file, ".wav")) << "x";
    }
    double best = 1e9;
    for (int i = 0; i < 5; ++i) {
        const auto began = std::chrono::steady_clock::now();
        test::Program program(command(), folder_.path(), "/usr/bin/env");
        const int at = port();
        EXPECT_EQ(test::get(at, "/health").status, 200);
        best =
            std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
        fs::remove(folder_ / ".stdout");
    }
#ifndef __SANITIZE_ADDRESS__  // which takes a third of it
    EXPECT_LT(best, 0.5);
#endif
}

TEST_F(ServeProgram, TakesNoLibrariesFromTheFolderItIsStartedIn) {
    write_file(folder_ / "libz.so.1", "not a library");
    write_file(folder_ / "libstdc++.so.6", "not a library");
    const auto ran = test::Program({"-C", folder_.path().string(), test::program().string(), "--version"},
                                   folder_.path(), "/usr/bin/env")
                         .wait();
    EXPECT_EQ(ran.code, 0) << ran.err;
}

}  // namespace
}  // namespace testudo
