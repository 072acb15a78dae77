// No event is lost or told twice, whatever breaks.
#include "server/event_hub.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <set>

#include "core/strings.h"
#include "support/golden.h"

namespace testudo::server {
namespace {

TEST(EventCursor, ComesBackFromText) {
    EventCursor cursor;
    EXPECT_EQ(parse_cursor(to_string(cursor)), cursor);
    cursor.newest = 1795676400123;
    cursor.open = {{9, 5120}, {12, 0}};
    EXPECT_EQ(to_string(cursor), "1795676400123|9:5120,12:0");
    EXPECT_EQ(parse_cursor(to_string(cursor)), cursor);
    for (const char* bad : {"", "x", "1", "|", "1|2", "1|2:", "1|:3", "1|2:3,", "1|2:x", "-1|", "1|2:3;4:5",
                            "99999999999999999999|"})
        EXPECT_FALSE(parse_cursor(bad)) << bad;
}

TEST(EventCursor, KnowsWhatIsLeft) {
    EventCursor cursor{100, {{7, 50}}};
    EXPECT_EQ(place_in(cursor, {7, 90, 0, {}, false}), 50u);
    EXPECT_FALSE(place_in(cursor, {3, 80, 0, {}, true}));            // ended before
    EXPECT_EQ(place_in(cursor, {8, 120, 0, {}, true}), 0u);          // began and ended since
    EXPECT_EQ(place_in(cursor, {8, 90, 0, {}, false}), 0u);          // runs, though the clock was set back
    EXPECT_EQ(place_in(cursor, {3, 130, 700, {}, true, 60}), 700u);  // had ended, and went on since
    EXPECT_EQ(place_in(cursor, {9, 130, 700, {}, true, 110}), 0u);   // was made since, and ran twice
    EXPECT_EQ(place_in(cursor, {9, 0, 0, {}, false, 110}), 0u);      // waits
}

TEST(EventLines, AreWholeAndJson) {
    const test::TemporaryFolder folder;
    const fs::path file = folder / "events.jsonl";
    std::uint64_t next = 0;
    EXPECT_TRUE(read_lines(file, 0, 100, next).empty());
    std::ofstream(file) << "{\"a\":1}\nnot json\n{\"b\":\"" << std::string(300, 'x') << "\"}\n{\"cut\":";
    const auto lines = read_lines(file, 0, 10, next);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0].text, "{\"a\":1}");
    EXPECT_EQ(lines[0].end, 8u);
    EXPECT_EQ(next, lines[1].end);
    EXPECT_TRUE(read_lines(file, next, 1000, next).empty());
    EXPECT_TRUE(read_lines(file, 1 << 20, 1000, next).empty());
}

// What a page gets from the stream.
class Stream {
  public:
    Stream(EventHub& hub, const std::string& cursor) {
        int both[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
        own_ = both[0];
        EXPECT_TRUE(hub.open(both[1], "HEAD\r\n\r\n", cursor));
    }
    ~Stream() { ::close(own_); }

    // The next event; empty type after `seconds` without one.
    struct Event {
        std::string type, id;
        Json data;
    };
    Event next(double seconds = 5) {
        while (true) {
            for (auto end = text_.find("\n\n"); end != std::string::npos; end = text_.find("\n\n")) {
                Event event;
                for (const std::string& line : split_lines(text_.substr(0, end))) {
                    if (line.starts_with("event: ")) event.type = line.substr(7);
                    if (line.starts_with("id: ")) event.id = line.substr(4);
                    if (line.starts_with("data: ")) event.data = Json::parse(line.substr(6));
                }
                text_.erase(0, end + 2);
                if (!event.type.empty()) return event;
            }
            pollfd polled{own_, POLLIN, 0};
            if (::poll(&polled, 1, static_cast<int>(seconds * 1000)) != 1) return {};
            char piece[4096];
            const ssize_t got = ::recv(own_, piece, sizeof piece, 0);
            if (got <= 0) return {};
            text_.append(piece, static_cast<std::size_t>(got));
        }
    }

  private:
    int own_ = -1;
    std::string text_;
};

class EventHubTest : public ::testing::Test {
  protected:
    EventSources sources() {
        return {[this] {
                    const std::scoped_lock lock(mutex_);
                    return feeds_;
                },
                [](const std::string& cursor) {
                    return Json{{"cursor", cursor}};
                },
                std::chrono::milliseconds(5)};
    }
    void start_job(std::uint64_t job, std::uint64_t started) {
        const std::scoped_lock lock(mutex_);
        std::erase_if(feeds_, [&](const EventFeed& feed) { return feed.job == job; });
        std::error_code error;
        const fs::path file = folder_ / cat(job);
        const auto size = fs::file_size(file, error);
        const std::uint64_t added = added_.try_emplace(job, started).first->second;
        feeds_.push_back({job, started, error ? 0 : size, file, false, added});
    }
    void end_job(std::uint64_t job) {
        const std::scoped_lock lock(mutex_);
        for (EventFeed& feed : feeds_) feed.ended = feed.ended || feed.job == job;
    }
    void write(std::uint64_t job, int count) {
        std::ofstream out(folder_ / cat(job), std::ios::app);
        for (int i = 0; i < count; ++i) out << "{\"n\":" << written_[job]++ << "}\n";
    }

    test::TemporaryFolder folder_;
    std::mutex mutex_;
    std::vector<EventFeed> feeds_;
    std::map<std::uint64_t, int> written_;
    std::map<std::uint64_t, std::uint64_t> added_;
};

TEST_F(EventHubTest, TellsEachEventOnceOverManyConnectionsAndServers) {
    start_job(1, 1000);
    write(1, 10);
    auto hub = std::make_unique<EventHub>(sources());
    std::string cursor = hub->cursor();
    std::map<std::string, std::vector<int>> heard;
    int expected = 0;
    // Each round breaks the connection somewhere, every third one the server, too, while jobs begin, write
    // and end.
    for (int round = 0; round < 30; ++round) {
        if (round == 5) start_job(2, 2000);
        if (round == 9) start_job(3, 3000);
        if (round == 12) end_job(2);
        if (round == 20) start_job(2, 4000);
        if (round == 25) end_job(3);
        constexpr std::array<std::array<int, 3>, 4> running = {
            {{1, 0, 30}, {2, 5, 12}, {2, 20, 30}, {3, 9, 25}}};
        for (const auto& [job, from, to] : running)
            if (round >= from && round < to) {
                write(static_cast<std::uint64_t>(job), 7);
                expected += 7;
            }
        if (round % 3 == 2) {
            hub.reset();
            hub = std::make_unique<EventHub>(sources());
        }
        Stream stream(*hub, cursor);
        EXPECT_EQ(stream.next().type, "hello");
        for (int i = 0; i < round % 11; ++i) {
            const auto event = stream.next(0.3);
            if (event.type.empty()) break;
            ASSERT_EQ(event.type, "job");
            heard[event.data["job"].get<std::string>()].push_back(event.data["event"]["n"].get<int>());
            cursor = event.id;
        }
    }
    Stream rest(*hub, cursor);
    EXPECT_EQ(rest.next().type, "hello");
    for (auto event = rest.next(0.5); !event.type.empty(); event = rest.next(0.5))
        heard[event.data["job"].get<std::string>()].push_back(event.data["event"]["n"].get<int>());
    int all = 0;
    for (const auto& [job, numbers] : heard) {
        const int first = job == "1" ? 10 : 0;  // before the page came
        for (std::size_t i = 0; i < numbers.size(); ++i)
            EXPECT_EQ(numbers[i], first + static_cast<int>(i)) << "job " << job;
        all += static_cast<int>(numbers.size());
    }
    EXPECT_EQ(all, expected);
}

TEST_F(EventHubTest, LiveClientsGetNewsLevelsAndNothingOld) {
    start_job(1, 1000);
    write(1, 3);
    EventHub hub(sources());
    hub.tell("jobs", {{"n", 1}}, true);
    hub.tell("changed", {{"n", 2}}, false);
    Stream early(hub, "");
    EXPECT_EQ(early.next().type, "hello");
    EXPECT_EQ(early.next().data["n"], 1);
    Stream lost(hub, "no cursor");
    EXPECT_EQ(lost.next().data.value("reset", false), true);
    EXPECT_EQ(lost.next().type, "jobs");
    write(1, 1);
    for (Stream* stream : {&early, &lost}) {
        const auto event = stream->next();
        EXPECT_EQ(event.type, "job");
        EXPECT_EQ(event.data["event"]["n"], 3);
        EXPECT_EQ(event.id, hub.cursor());
    }
    hub.tell("changed", {{"n", 4}}, false);
    EXPECT_EQ(early.next().data["n"], 4);
    EXPECT_EQ(hub.streams(), 2u);
}

TEST_F(EventHubTest, ALongAbsenceIsCaughtUpWith) {
    start_job(1, 1000);
    EventHub hub(sources());
    const std::string cursor = hub.cursor();
    write(1, 100000);
    Stream stream(hub, cursor);
    EXPECT_EQ(stream.next().type, "hello");
    for (int i = 0; i < 100000; ++i) {
        const auto event = stream.next();
        ASSERT_EQ(event.type, "job") << i;
        ASSERT_EQ(event.data["event"]["n"], i);
    }
}

}  // namespace
}  // namespace testudo::server
