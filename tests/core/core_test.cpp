#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "core/append_file.h"
#include "core/error.h"
#include "core/events.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/settings.h"
#include "core/strings.h"
#include "core/yaml.h"
#include "support/full_disk.h"
#include "support/golden.h"

namespace testudo {
namespace {

using test::TemporaryFolder;

TEST(GoldenFolder, HasCases) {
    int cases = 0;
    ASSERT_TRUE(fs::is_directory(test::golden_root())) << test::golden_root();
    for (const auto& entry : fs::recursive_directory_iterator(test::golden_root()))
        cases += entry.path().extension() == ".json";
    EXPECT_GT(cases, 0) << test::golden_root() << " holds no reference case";
}

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
    const TemporaryFolder folder;
    {
        AtomicFile file(folder / "a.txt");
        file.write("half");
    }
    EXPECT_TRUE(fs::is_empty(folder.path()));
    write_file(folder / "sub/a.txt", "whole");
    EXPECT_EQ(read_file(folder / "sub/a.txt"), "whole");
    AtomicFile file(folder / "sub/a.txt");
    file.write("newer");
    file.write_at(0, "N", 1);
    EXPECT_EQ(read_file(folder / "sub/a.txt"), "whole") << "the old file stays until commit";
    file.commit();
    EXPECT_EQ(read_file(folder / "sub/a.txt"), "Newer");
}

TEST(AtomicFile, NamesTheFileThatCannotBeWritten) {
    try {
        write_file("/proc/nowhere/a.txt", "x");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::environment);
        EXPECT_NE(std::string(error.what()).find("/proc/nowhere"), std::string::npos);
        EXPECT_FALSE(error.hint().empty());
    }
}

TEST(ReadFile, NoPipeHoldsItUp) {
    const TemporaryFolder folder;
    ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
    EXPECT_THROW(read_file(folder / "pipe"), Error);
    EXPECT_THROW(MappedFile{folder / "pipe"}, Error);
    EXPECT_THROW(read_file("/dev/null"), Error);
    int ends[2];  // as of <(command)
    ASSERT_EQ(::pipe(ends), 0);
    std::thread writer([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        EXPECT_EQ(::write(ends[1], "12", 2), 2);
        ::close(ends[1]);
    });
    EXPECT_EQ(read_file(cat("/dev/fd/", ends[0])), "12");
    writer.join();
    ::close(ends[0]);
}

#ifndef __SANITIZE_ADDRESS__  // which takes more
TEST(MappedFile, TooLittleMemoryIsNoMistakeOfTheFile) {
    const TemporaryFolder folder;
    write_file(folder / "large", "");
    fs::resize_file(folder / "large", std::uintmax_t{1} << 42);  // takes no room
    rlimit before{};
    ::getrlimit(RLIMIT_AS, &before);
    const rlimit narrow{std::min<rlim_t>(rlim_t{1} << 41, before.rlim_max), before.rlim_max};
    ::setrlimit(RLIMIT_AS, &narrow);
    try {
        const MappedFile map(folder / "large");
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::environment);
        EXPECT_NE(std::string(error.what()).find("not enough memory"), std::string::npos) << error.what();
    }
    ::setrlimit(RLIMIT_AS, &before);
}
#endif

TEST(AtomicFile, FullDiskKeepsTheOldFile) {
    if (!fs::exists("/dev/full")) GTEST_SKIP();
    const TemporaryFolder folder;
    write_file(folder / "a", "old");
    EXPECT_THROW(write_file_through(
                     folder / "a", [](const fs::path&) { throw environment_error("no space", "free some"); }),
                 Error);
    EXPECT_EQ(read_file(folder / "a"), "old");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(ReadFile, RefusesFoldersMissingAndTooLarge) {
    const TemporaryFolder folder;
    write_file(folder / "a", "12345");
    EXPECT_THROW(read_file(folder.path()), Error);
    EXPECT_THROW(read_file(folder / "none"), Error);
    EXPECT_THROW(read_file(folder / "a", 4), Error);
    EXPECT_EQ(read_file(folder / "a", 5), "12345");
}

TEST(MappedFile, IsCopyOnWrite) {
    const TemporaryFolder folder;
    write_file(folder / "a", "12345");
    write_file(folder / "empty", "");
    MappedFile map(folder / "a");
    map.bytes()[0] = std::byte{'x'};
    EXPECT_EQ(read_file(folder / "a"), "12345");
    EXPECT_EQ(MappedFile(folder / "empty").bytes().size(), 0u);
    EXPECT_THROW(MappedFile(folder.path()), Error);
}

TEST(FreeName, CountsBesideWhatIsThere) {
    const TemporaryFolder folder;
    EXPECT_EQ(free_name(folder / ".a.b.json"), folder / ".a.b.json");
    write_file(folder / ".a.b.json", "x");
    EXPECT_EQ(free_name(folder / ".a.b.json"), folder / ".a.b-2.json");
    write_file(folder / ".a.b-2.json", "x");
    EXPECT_EQ(free_name(folder / ".a.b.json"), folder / ".a.b-3.json");
}

TEST(IsInside, FollowsLinks) {
    const TemporaryFolder folder;
    fs::create_directories(folder / "in");
    fs::create_symlink("/etc", folder / "in/out");
    EXPECT_TRUE(is_inside(folder / "in/a/b", folder / "in"));
    EXPECT_FALSE(is_inside(folder / "in/../x", folder / "in"));
    EXPECT_FALSE(is_inside(folder / "in/out/passwd", folder / "in"));
    EXPECT_FALSE(is_inside(folder / "inside", folder / "in"));
    EXPECT_TRUE(is_inside(folder / "new/a", folder / "new/"));
}

TEST(Json, NamesLineAndColumn) {
    try {
        parse_json("{\n  \"a\": 1,\n  oops\n}", "x.json");
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("x.json, line 3, column 3"), std::string::npos)
            << error.what();
    }
    EXPECT_THROW(parse_json(std::string(100000, '['), "deep"), Error);
    EXPECT_EQ(parse_json("{\"b\":1,\"a\":2}", "x").dump(), "{\"b\":1,\"a\":2}");
}

TEST(Yaml, NamesLine) {
    try {
        parse_yaml("a: 1\nb: [1, 2\nc: 3\n", "t.yaml");
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("t.yaml, line"), std::string::npos);
    }
}

TEST(Hash, Sha256) {
    EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const TemporaryFolder folder;
    write_file(folder / "a", "abc");
    EXPECT_EQ(sha256_of_file(folder / "a"), sha256("abc"));
}

TEST(Strings, CodePoints) {
    EXPECT_EQ(count_code_points("né😀"), 3u);
    EXPECT_EQ(to_utf8(code_points("né😀")), "né😀");
    EXPECT_FALSE(is_utf8("\xc0\xaf"));
    EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
    EXPECT_EQ(to_utf8(std::string_view("a\xff")), "a\xEF\xBF\xBD");
    EXPECT_EQ(split_lines("a\r\n\nb\n"), (std::vector<std::string>{"a", "", "b"}));
}

TEST(Strings, NothingPrintedCommandsTheTerminal) {
    EXPECT_EQ(printable("a\x1b[31m\a\n\xc2\x9b é"), "a?[31m??? é");
}

TEST(Json, NumbersThatNoNumberHoldsAreNamedByFile) {
    const TemporaryFolder folder;
    write_file(folder / "x.json", "{\"heads\": 1e400}");
    try {
        read_json(folder / "x.json");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        EXPECT_NE(std::string(error.what()).find("x.json"), std::string::npos) << error.what();
    }
}

TEST(Files, OneJobAtATimeHoldsAFolder) {
    const TemporaryFolder folder;
    {
        const FolderLock lock(folder.path());
        try {
            const FolderLock second(folder.path());
            FAIL();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::environment);
            EXPECT_NE(std::string(error.what()).find(folder.path().string()), std::string::npos);
        }
    }
    const FolderLock again(folder.path());
}

TEST(Files, WhatAKilledWriterLeftIsRemoved) {
    const TemporaryFolder folder;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        AtomicFile file(folder / "model.pth");
        file.write("half");
        ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    write_file(folder / ".mine", "x");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 2);
    remove_leftovers(folder.path());
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
    EXPECT_TRUE(fs::exists(folder / ".mine"));

    write_file(folder / ".one.json.1.0.tmp", "x");
    write_file(folder / ".two.json.1.0.tmp", "x");
    remove_leftovers(folder.path(), "one.json");
    EXPECT_FALSE(fs::exists(folder / ".one.json.1.0.tmp"));
    EXPECT_TRUE(fs::exists(folder / ".two.json.1.0.tmp"));
}

TEST(Events, ADamagedLogIsNoObstacle) {
    const TemporaryFolder folder;
    write_file(folder / "events.jsonl", "{\"seq\": \"x\"}\n{\"seq\": null}\n[]\n{\"seq\": 7}\n");
    Events(folder / "events.jsonl").info("go");
    EXPECT_EQ(read_events(folder / "events.jsonl").back()["seq"], 8);
}

TEST(Events, WhatCameBeforeTheFileIsWrittenFirst) {
    const test::TemporaryFolder folder;
    const fs::path file = folder.path() / "run" / "events.jsonl";
    Events(file).info("an earlier job");
    Events events;
    events.info("checking");
    EXPECT_EQ(read_events(file).size(), 1u);
    events.append_to(file);
    events.info("running");
    const auto all = read_events(file);
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[1]["message"], "checking");
    EXPECT_EQ(all[2]["message"], "running");
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i]["seq"], i + 1);
}

TEST(Events, WaitWhileTheDiskIsFull) {
    const TemporaryFolder folder;
    const fs::path file = folder / "events.jsonl";
    std::vector<std::string> told;
    {
        Events events(file);
        events.listen([&](const Json& event) {
            if (event["message"].get<std::string>().starts_with("cannot write") ||
                event["message"].get<std::string>().ends_with("missing"))
                told.push_back(event["message"]);
        });
        events.info("one");
        test::FullDisk disk(fs::file_size(file) + 10);  // it ends within a line
        disk.set(true);
        for (const char* message : {"two", "three"}) events.info(message);
        EXPECT_TRUE(events.waits());
        EXPECT_EQ(read_events(file).size(), 1u);
        disk.set(false);
        events.info("four");
        EXPECT_FALSE(events.waits());
        disk.set_bytes(1);
        events.info("five");
        disk.set(false);
    }
    ASSERT_EQ(told.size(), 3u);
    EXPECT_NE(told[0].find("File too large"), std::string::npos) << told[0];
    EXPECT_NE(told[1].find("nothing of it is missing"), std::string::npos);
    const auto all = read_events(file);
    ASSERT_EQ(all.size(), 8u);
    EXPECT_EQ(all[1]["message"], "two");
    EXPECT_EQ(all[2]["message"], told[0]);
    EXPECT_EQ(all[5]["message"], told[1]);
    EXPECT_EQ(all[6]["message"], "five") << "the last try";
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i]["seq"], i + 1);
}

TEST(AppendFile, GivesUpTheOldestOfTooMuch) {
    const TemporaryFolder folder;
    const fs::path path = folder / "new" / "file";
    test::FullDisk disk(1000);
    AppendFile file(path);
    disk.set(true);
    for (char unit = 'a'; unit <= 't'; ++unit)
        EXPECT_FALSE(file.append(std::string(std::size_t{1} << 20, unit)));
    EXPECT_EQ(file.lost(), 4u);
    EXPECT_EQ(fs::file_size(path), 1000u);
    disk.set(false);
    EXPECT_TRUE(file.append("end"));
    const std::string text = read_file(path);
    EXPECT_EQ(text.size(), (std::size_t{16} << 20) + 3);
    EXPECT_EQ(text.substr((std::size_t{1} << 20) - 1, 2), "af") << "the one that was begun stays";
}

TEST(Events, ContinueAfterACutOffLine) {
    const TemporaryFolder folder;
    const fs::path file = folder / "events.jsonl";
    {
        Events events(file);
        events.info("one");
        events.progress("train", 1, 10, "iterations", {{"eta_seconds", 9.5}});
    }
    std::ofstream(file, std::ios::app) << "{\"seq\": 3, \"type\": \"lo";
    {
        Events events(file);
        events.failed("disk full", "free some", 4);
    }
    const auto events = read_events(file);
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(events[2]["seq"], 3);
    EXPECT_EQ(events[2]["reason"], "disk full");
    EXPECT_EQ(events[2]["exit_code"], 4);
    EXPECT_EQ(events[1]["eta_seconds"], 9.5);
}

struct Sample {
    int count = 4;
    double rate = 1e-5;
    bool on = true;
    std::string scheme = "a";
    std::vector<double> list = {1, 2};
    template <class Visitor>
    static void describe(Visitor&& visit) {
        visit(&Sample::count, Setting{.key = "count", .label = "Count", .min = 1, .max = 8});
        visit(&Sample::rate, Setting{.key = "rate", .label = "Rate"});
        visit(&Sample::on, Setting{.key = "on", .label = "On"});
        visit(&Sample::scheme, Setting{.key = "scheme", .label = "Scheme", .choices = {"a", "b"}});
        visit(&Sample::list, Setting{.key = "list", .label = "List"});
    }
};

TEST(Settings, RoundTripAndRefuse) {
    Sample sample;
    settings_from_json(sample, Json::parse(R"({"count": 5, "list": [3.5], "unknown": 1})"), "x");
    EXPECT_EQ(sample.count, 5);
    EXPECT_EQ(settings_to_json(sample)["list"], Json::parse("[3.5]"));
    EXPECT_THROW(settings_from_json(sample, Json::parse(R"({"count": "5"})"), "x"), Error);
    EXPECT_THROW(settings_from_json(sample, Json::parse(R"({"count": 5.5})"), "x"), Error);
    EXPECT_THROW(settings_from_json(sample, Json::parse(R"({"list": ["x"]})"), "x"), Error);
    check_settings(sample);
    sample.scheme = "c";
    EXPECT_THROW(check_settings(sample), Error);
    sample.scheme = "b";
    sample.count = 9;
    EXPECT_THROW(check_settings(sample), Error);
}

}  // namespace
}  // namespace testudo
