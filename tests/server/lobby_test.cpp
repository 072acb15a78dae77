// Those who send slowly, half or nothing hold nobody up.
#include "server/lobby.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <condition_variable>
#include <memory>
#include <thread>

#include "server/running_studio.h"

namespace testudo::server {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using test::Socket;

double seconds_since(Clock::time_point began) {
    return std::chrono::duration<double>(Clock::now() - began).count();
}

class LobbyTest : public ::testing::Test {
  protected:
    LobbyTest() {
        rlimit files{};
        ::getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = std::min<rlim_t>(files.rlim_max, 8192);
        ::setrlimit(RLIMIT_NOFILE, &files);
    }

    std::vector<std::unique_ptr<Socket>> half_requests(int port, int count, const std::string& text) {
        std::vector<std::unique_ptr<Socket>> out;
        for (int i = 0; i < count; ++i) {
            out.push_back(std::make_unique<Socket>(port));
            EXPECT_TRUE(out.back()->connected()) << i;
            out.back()->send(text);
        }
        return out;
    }
    // The longest of some.
    double seconds_of_health(int port, int times = 5) {
        double longest = 0;
        for (int i = 0; i < times; ++i) {
            const auto began = Clock::now();
            EXPECT_EQ(test::get(port, "/health").status, 200);
            longest = std::max(longest, seconds_since(began));
        }
        return longest;
    }

    const test::TemporaryFolder folder_;
};

TEST_F(LobbyTest, SixHundredHalfRequestsHoldNobodyUp) {
    ServeOptions options;
    options.limits.head = 3s;
    test::RunningStudio studio(folder_.path(), options);
    const auto began = Clock::now();
    auto slow = half_requests(studio.port(), 600, "GET /health HTTP/1.1\r\nHost: a");
    EXPECT_LT(seconds_of_health(studio.port()), 0.3);
    // Who sends a byte now and then does not change that, nor has he more time by it.
    while (seconds_since(began) < 2.5) {
        for (const auto& each : slow) each->send("b");
        EXPECT_LT(seconds_of_health(studio.port(), 1), 0.3);
        std::this_thread::sleep_for(200ms);
    }
    for (const auto& each : slow) {
        EXPECT_EQ(each->answer(true, 5).status, 408);
        if (HasFailure()) break;
    }
    EXPECT_LT(seconds_of_health(studio.port()), 0.3);
}

TEST_F(LobbyTest, WhoHasWaitedLongestMakesRoom) {
    ServeOptions options;
    options.limits.seats = 20;
    test::RunningStudio studio(folder_.path(), options);
    auto slow = half_requests(studio.port(), 60, "GET /");
    EXPECT_LT(seconds_of_health(studio.port()), 0.3);
    int closed = 0;
    for (std::size_t i = 0; i < 40; ++i) closed += slow[i]->receive(0.5) ? 0 : 1;
    EXPECT_EQ(closed, 40);
    slow.back()->send(cat("health HTTP/1.1\r\nHost: 127.0.0.1:", studio.port(), "\r\n\r\n"));
    EXPECT_EQ(slow.back()->answer().status, 200) << "the last to come are served";
}

TEST_F(LobbyTest, HalfBodiesGiveTheirThreadsUpWhenOthersWait) {
    ServeOptions options;
    options.limits.threads = 4;
    options.limits.hurried = 100ms;
    test::RunningStudio studio(folder_.path(), options);
    const auto slow = half_requests(studio.port(), 20,
                                    cat("POST /api/voices HTTP/1.1\r\nHost: 127.0.0.1:", studio.port(),
                                        "\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"));
    EXPECT_LT(seconds_of_health(studio.port()), 2);
}

TEST_F(LobbyTest, RequestsInPiecesAndInARowAreAnswered) {
    test::RunningStudio studio(folder_.path());
    const std::string host = cat("Host: 127.0.0.1:", studio.port(), "\r\n");
    const std::string request = cat("GET /health HTTP/1.1\r\n", host, "\r\n");
    Socket bytewise(studio.port());
    for (const char c : request) {
        bytewise.send(std::string(1, c));
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(bytewise.answer().status, 200);
    // One and a half, then the other half, with a body, over the same connection.
    bytewise.send(request + request.substr(0, 20));
    EXPECT_EQ(bytewise.answer().status, 200);
    std::this_thread::sleep_for(50ms);
    bytewise.send(request.substr(20));
    EXPECT_EQ(bytewise.answer().status, 200);
    const std::string body = R"({"name": "eve"})";
    const std::string post =
        cat("POST /api/voices HTTP/1.1\r\n", host,
            "Content-Type: application/json\r\nContent-Length: ", body.size(), "\r\n\r\n");
    bytewise.send(post + body.substr(0, 5));
    std::this_thread::sleep_for(50ms);
    bytewise.send(body.substr(5) + request);
    EXPECT_EQ(bytewise.answer().status, 201);
    EXPECT_EQ(bytewise.answer().status, 200);
    // Kept, and closed only after the time for it.
    ServeOptions options;
    options.limits.idle = 300ms;
    test::RunningStudio hasty(folder_.path(), options);
    Socket kept(hasty.port());
    kept.send(cat("GET /health HTTP/1.1\r\nHost: 127.0.0.1:", hasty.port(), "\r\n\r\n"));
    EXPECT_EQ(kept.answer().status, 200);
    const auto began = Clock::now();
    EXPECT_FALSE(kept.receive(5));
    EXPECT_NEAR(seconds_since(began), 0.3, 0.2);
}

TEST_F(LobbyTest, WhoIsSentAwayCanReadWhy) {
    test::RunningStudio studio(folder_.path());
    Socket large(studio.port());
    large.send(std::string(4 << 20, 'A'));
    EXPECT_EQ(large.answer(true, 3).status, 431);
    ServeOptions options;
    options.limits.threads = 1;
    options.limits.waiting = 0;
    test::RunningStudio full(folder_.path(), options);
    EXPECT_EQ(test::get(full.port(), "/health").status, 503);
}

TEST_F(LobbyTest, LeavesNoneBehind) {
    const auto began = Clock::now();
    std::vector<std::unique_ptr<Socket>> slow;
    {
        test::RunningStudio studio(folder_.path());
        slow = half_requests(studio.port(), 10, "GET /");
        std::this_thread::sleep_for(50ms);
    }
    EXPECT_LT(seconds_since(began), 3);
    for (const auto& each : slow) EXPECT_FALSE(each->receive(1));
}

}  // namespace
}  // namespace testudo::server
