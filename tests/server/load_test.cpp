// Many at once: event streams cost no threads and hardly any memory, and nobody waits for them.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <thread>

#include "audio/wav.h"
#include "core/available_memory.h"
#include "core/files.h"
#include "server/running_studio.h"

namespace testudo::server {
namespace {

int threads_of_process() {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("Threads:")) return std::stoi(line.substr(8));
    return 0;
}

TEST(SlowServerLoad, TwoHundredStreamsAndTwoHundredListeners) {
    const test::TemporaryFolder folder;
    const fs::path file = folder.path() / "voices" / "ada" / "a.wav";
    make_folders(file.parent_path());
    audio::write_wav16(file, std::vector<float>(22050 * 60), 22050);
    test::RunningStudio studio(folder.path());
    const int port = studio.port();
    test::get(port, "/api/state");
    const double before = resident_bytes();
    const int threads = threads_of_process();
    std::vector<std::unique_ptr<test::Socket>> streams;
    for (int i = 0; i < 200; ++i) {
        streams.push_back(std::make_unique<test::Socket>(port));
        ASSERT_TRUE(streams.back()->connected());
        streams.back()->send(test::text_of({"GET", "/api/events"}, port));
    }
    for (auto& stream : streams)
        while (stream->received.find("event: jobs") == std::string::npos) ASSERT_TRUE(stream->receive());
    EXPECT_EQ(test::get(port, "/api/system").json()["streams"], 200);
    // Threads of the burst of requests, as many as there may be; none of them is held by a stream.
    EXPECT_LE(threads_of_process() - threads, 128);
    // All of them hear of each change.
    for (int round = 0; round < 5; ++round) {
        test::send_json(port, "PUT", "/api/settings", {{"device", round % 2 ? "cpu" : "auto"}});
        for (auto& stream : streams) {
            while (stream->received.find("event: changed") == std::string::npos)
                ASSERT_TRUE(stream->receive()) << round;
            stream->received.clear();
        }
    }
    std::atomic<int> right = 0;
    std::vector<std::thread> listeners;
    for (int i = 0; i < 200; ++i)
        listeners.emplace_back([&right, port, i] {
            test::Socket socket(port);
            for (int k = 0; k < 5; ++k) {
                socket.send(test::text_of({"GET", "/api/voices/ada/recordings/a.wav/audio",
                                           cat("Range: bytes=", 1000 * i, "-", 1000 * i + 65535, "\r\n")},
                                          port));
                right += socket.answer().body.size() == 65536 ? 1 : 0;
            }
        });
    for (auto& listener : listeners) listener.join();
    EXPECT_EQ(right, 1000);
    EXPECT_LT(resident_bytes() - before, 64e6);
}

}  // namespace
}  // namespace testudo::server
