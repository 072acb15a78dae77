// Uploads that break off, are sent twice, or are not what they say.
#include "studio/upload.h"

#include <gtest/gtest.h>

#include <ctime>
#include <thread>

#include "core/files.h"
#include "server/running_studio.h"

namespace testudo::server {
namespace {

using test::Answer;
using test::ask;
using test::get;
using test::RunningStudio;
using test::Socket;

class UploadTest : public ::testing::Test {
  protected:
    void SetUp() override {
        make_folders(voice_);
        for (int i = 0; i < 300000; ++i) data_ += static_cast<char>(i * 31 + i / 256);
    }
    std::string target(std::uint64_t offset) const {
        return cat("/api/voices/ada/uploads/talk.wav?total=", data_.size(), "&key=k&offset=", offset);
    }
    test::TemporaryFolder folder_;
    fs::path root_ = folder_.path(), voice_ = root_ / "voices" / "ada";
    std::string data_;
};

TEST_F(UploadTest, ArrivesInPiecesAcrossARestart) {
    std::uint64_t offset = 0;
    for (int round = 0; offset < data_.size(); ++round) {
        RunningStudio studio(root_);
        for (int i = 0; i < 2 && offset < data_.size(); ++i) {
            const Answer answer =
                ask(studio.port(), {"PUT", target(offset), "", data_.substr(offset, 70000)});
            ASSERT_EQ(answer.status, 200) << answer.body;
            offset = answer.json()["offset"];
            EXPECT_EQ(answer.json()["complete"], offset == data_.size());
        }
        EXPECT_EQ(get(studio.port(), target(0)).json()["offset"], offset);
        EXPECT_EQ(ask(studio.port(), {"HEAD", target(0)}).headers.at("upload-offset"), cat(offset));
        EXPECT_EQ(fs::exists(voice_ / "talk.wav"), offset == data_.size());
    }
    EXPECT_EQ(read_file(voice_ / "talk.wav"), data_);
    int files = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(voice_)) ++files;
    EXPECT_EQ(files, 1);
}

TEST_F(UploadTest, WhatArrivedOfABrokenPieceIsKept) {
    RunningStudio studio(root_);
    {
        Socket socket(studio.port());
        socket.send(cat("PUT ", target(0), " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ", data_.size(),
                        "\r\n\r\n", data_.substr(0, 100000)));
        // Gone without a word.
    }
    std::uint64_t offset = 0;
    for (int i = 0; i < 100 && offset < 100000; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        offset = get(studio.port(), target(0)).json()["offset"];
    }
    EXPECT_EQ(offset, 100000u);
    const Answer wrong = ask(studio.port(), {"PUT", target(5), "", "hello"});
    EXPECT_EQ(wrong.status, 409);
    EXPECT_EQ(wrong.json()["fresh"]["offset"], 100000);
    EXPECT_EQ(get(studio.port(), "/api/voices/ada/recordings").json()["uploads"][0]["name"], "talk.wav");
    for (const std::string& range :
         {std::string("bytes 100000-100004/11"), cat("bytes 100000-100009/", data_.size()),
          cat("bytes 100000-/", data_.size()), cat("100000-100004/", data_.size())})
        EXPECT_EQ(
            ask(studio.port(), {"PUT", cat("/api/voices/ada/uploads/talk.wav?total=", data_.size(), "&key=k"),
                                cat("Content-Range: ", range, "\r\n"), "hello"})
                .status,
            400)
            << range;
    EXPECT_EQ(
        ask(studio.port(),
            {"PUT", cat("/api/voices/ada/uploads/talk.wav?total=5&key=", std::string(201, 'k')), "", "hello"})
            .status,
        400);
    const Answer rest =
        ask(studio.port(), {"PUT", cat("/api/voices/ada/uploads/talk.wav?total=", data_.size(), "&key=k"),
                            cat("Content-Range: bytes 100000-", data_.size() - 1, "/", data_.size(), "\r\n"),
                            data_.substr(100000)});
    EXPECT_EQ(rest.json()["complete"], true) << rest.body;
    EXPECT_EQ(read_file(voice_ / "talk.wav"), data_);
    // Sent again, it is there; another of that name is not taken for it.
    EXPECT_EQ(ask(studio.port(), {"PUT", target(0), "", data_}).json()["complete"], true);
    EXPECT_EQ(ask(studio.port(), {"PUT", "/api/voices/ada/uploads/talk.wav?total=5", "", "hello"}).status,
              409);
    EXPECT_EQ(
        ask(studio.port(), {"PUT", "/api/voices/ada/uploads/talk.wav?total=5&replace=true", "", "hello"})
            .json()["complete"],
        true);
    EXPECT_EQ(read_file(voice_ / "talk.wav"), "hello");
    EXPECT_TRUE(fs::exists(root_ / "trash"));
}

TEST_F(UploadTest, WhatNobodyWentOnWithIsListedAndGoesAfterAWeek) {
    const auto listed = [](int port) { return get(port, "/api/voices/ada/recordings").json()["uploads"]; };
    {
        RunningStudio studio(root_);
        ask(studio.port(), {"PUT", target(0), "", data_.substr(0, 1000)});
        ask(studio.port(), {"PUT", "/api/voices/ada/uploads/old.wav?total=9&key=a%20b", "", "hello"});
        const Json uploads = listed(studio.port());
        ASSERT_EQ(uploads.size(), 2u);
        EXPECT_EQ(uploads[0]["key"], "a b");  // all that is needed to go on with it, or to throw it away
        EXPECT_EQ(uploads[0]["total"], 9);
        EXPECT_NEAR(uploads[0]["changed"].get<double>(), static_cast<double>(std::time(nullptr)), 60);
    }
    write_file(voice_ / ".upload-0.json", "{\"na");  // of a crash
    for (const auto& entry : fs::directory_iterator(voice_))
        if (read_file(entry.path()).find("talk.wav") == std::string::npos &&
            fs::file_size(entry.path()) != 1000)
            fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(8 * 24));
    RunningStudio studio(root_);
    for (int i = 0; i < 250 && listed(studio.port()).size() > 1; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_EQ(listed(studio.port()).size(), 1u);
    EXPECT_EQ(listed(studio.port())[0]["name"], "talk.wav");
    EXPECT_EQ(ask(studio.port(), {"DELETE", target(0)}).status, 204);
    int files = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(voice_)) ++files;
    EXPECT_EQ(files, 0);
}

TEST_F(UploadTest, AnOldOneThatIsBeingSentStays) {
    studio::Upload upload(studio::Workspace(root_), "ada", "talk.wav", data_.size(), "k");
    ASSERT_TRUE(upload.begin());
    upload.write("some");
    for (const auto& entry : fs::directory_iterator(voice_))
        fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(8 * 24));
    EXPECT_TRUE(studio::discard_old_uploads(studio::Workspace(root_), std::chrono::hours(24)).empty());
    EXPECT_EQ(upload.state().offset, 4u);
    // Nor what lies behind a link out of the workspace.
    const test::TemporaryFolder other("other-uploads");
    write_file(other / ".upload-1.part", "x");
    fs::last_write_time(other / ".upload-1.part",
                        fs::file_time_type::clock::now() - std::chrono::hours(8 * 24));
    fs::create_directory_symlink(other.path(), root_ / "voices" / "eve");
    studio::discard_old_uploads(studio::Workspace(root_), std::chrono::hours(24));
    EXPECT_TRUE(fs::exists(other / ".upload-1.part"));
}

TEST_F(UploadTest, RefusesWhatCannotBe) {
    RunningStudio studio(root_);
    for (const char* name : {"x.exe", ".hidden.wav", "..%2f..%2fx.wav", "%2e%2e", "a%5cb.wav", "a%0a.wav",
                             "x", "talk.wav%00.txt", ".wav"})
        EXPECT_EQ(ask(studio.port(), {"PUT", cat("/api/voices/ada/uploads/", name, "?total=5"), "", "hello"})
                      .status,
                  400)
            << name;
    for (const char* query : {"", "?total=0", "?total=-5", "?total=abc", "?total=99999999999999999999",
                              "?total=5&offset=6", "?total=5&offset=-1"})
        EXPECT_GE(
            ask(studio.port(), {"PUT", cat("/api/voices/ada/uploads/a.wav", query), "", "hello"}).status, 400)
            << query;
    EXPECT_EQ(ask(studio.port(), {"PUT", "/api/voices/ada/uploads/a.wav?total=3", "", "hello"}).status, 400);
    EXPECT_EQ(ask(studio.port(), {"PUT", "/api/voices/eve/uploads/a.wav?total=5", "", "hello"}).status, 404);
    EXPECT_EQ(
        ask(studio.port(), {"PUT", "/api/voices/ada/uploads/a.wav?total=900000000000", "", "hello"}).status,
        507);
    EXPECT_EQ(
        ask(studio.port(), {"PUT", "/api/voices/ada/uploads/a.wav?total=5", "", "hel"}).json()["offset"], 3);
    EXPECT_EQ(ask(studio.port(), {"DELETE", "/api/voices/ada/uploads/a.wav?total=5"}).status, 204);
    EXPECT_EQ(get(studio.port(), "/api/voices/ada/uploads/a.wav?total=5").json()["offset"], 0);
}

}  // namespace
}  // namespace testudo::server
