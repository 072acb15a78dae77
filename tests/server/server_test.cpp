// The studio over sockets: what it answers, and what it refuses.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <thread>

#include "audio/wav.h"
#include "core/error.h"
#include "core/files.h"
#include "server/guard.h"
#include "server/running_studio.h"

namespace testudo::server {
namespace {

using test::Answer;
using test::ask;
using test::get;
using test::RunningStudio;
using test::send_json;
using test::Socket;

std::string kind_of(const Answer& answer) {
    const Json json = answer.json();
    return json.is_object() && json.contains("error") ? json["error"].value("kind", "") : "";
}

Json edits(Json one) {
    Json list = Json::array();
    list.push_back(std::move(one));
    return {{"edits", std::move(list)}};
}

class ServerTest : public ::testing::Test {
  protected:
    void SetUp() override {
        write_file(folder_ / "secret.txt", "secret");
        make_folders(root_ / "voices" / "ada");
        std::vector<float> samples(44100);
        for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<float>(i % 100) / 200.0f;
        audio::write_wav16(root_ / "voices" / "ada" / "a.wav", samples, 22050);
    }
    test::TemporaryFolder folder_;
    fs::path root_ = folder_ / "studio";
};

TEST_F(ServerTest, AnswersAndSaysWhatIsSafe) {
    RunningStudio studio(root_);
    const Answer health = get(studio.port(), "/health");
    EXPECT_EQ(health.status, 200);
    EXPECT_EQ(health.json()["status"], "ok");
    const Answer state = get(studio.port(), "/api/state");
    ASSERT_EQ(state.status, 200);
    EXPECT_EQ(state.json()["voices"][0]["name"], "ada");
    EXPECT_EQ(state.json()["voices"][0]["recordings"], 1);
    EXPECT_NE(state.headers.at("content-security-policy").find("default-src 'none'"), std::string::npos);
    EXPECT_EQ(state.headers.at("x-content-type-options"), "nosniff");
    const Answer page = get(studio.port(), "/");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.headers.at("content-type"), "text/html; charset=utf-8");
    EXPECT_EQ(get(studio.port(), "/api/nothing").status, 404);
    EXPECT_EQ(kind_of(ask(studio.port(), {"DELETE", "/api/state"})), "method");
    EXPECT_EQ(ask(studio.port(), {"HEAD", "/api/state"}).status, 200);
}

TEST_F(ServerTest, TheDescriptionNamesEveryAddress) {
    RunningStudio studio(root_);
    const auto lines = split_lines(read_file(test::source_dir() / "docs" / "openapi.yaml"));
    std::set<std::string> described, served;
    std::string path;
    for (const std::string& line : lines) {
        if (line == "components:") break;
        if (line.starts_with("  /")) path = line.substr(2, line.find(':') - 2);
        for (const char* method : {"get", "put", "post", "delete"})
            if (line.starts_with(cat("    ", method, ":"))) {
                std::string upper = method;
                std::transform(upper.begin(), upper.end(), upper.begin(), ::toupper);
                described.insert(cat(upper, " ", path));
            }
    }
    for (const std::string& route : studio.studio().routes()) served.insert(route);
    EXPECT_EQ(described, served);
}

TEST_F(ServerTest, NothingOutsideIsReached) {
    RunningStudio studio(root_);
    fs::create_symlink(folder_ / "secret.txt", root_ / "voices" / "ada" / "link.wav");
    fs::create_directory_symlink(folder_.path(), root_ / "voices" / "out");
    for (const char* path :
         {"/../secret.txt", "/..%2fsecret.txt", "/api/voices/..%2f..%2fsecret/recordings",
          "/api/voices/ada/recordings/..%2f..%2f..%2fsecret.txt/audio",
          "/api/voices/ada/recordings/link.wav/audio", "/api/voices/%2e%2e/recordings/secret.txt/audio",
          "/api/voices/out/recordings/secret.txt/audio", "/api/voices/out/recordings",
          "/api/voices/ada/recordings/.upload-x.part/audio", "/api/models/inspect?path=../secret.txt",
          "/api/models/inspect?path=/etc/passwd", "/api/models/inspect?path=", "/api/tokenizers/..%2fsecret",
          "/api/voices/ada/clips/..%2f..%2fsecret.txt", "/api/runs/ada/..%2f..%2fx/metrics",
          "/api/voices/ada/statistics?tokenizer=../../secret.txt", "/%2e%2e/%2e%2e/etc/passwd",
          "//etc/passwd", "/api/voices/ada%00/recordings"}) {
        const Answer answer = get(studio.port(), path);
        EXPECT_GE(answer.status, 400) << path;
        EXPECT_EQ(answer.body.find("secret\n"), std::string::npos) << path;
        EXPECT_NE(kind_of(answer), "") << path << " " << answer.body;
        EXPECT_NE(kind_of(answer), "internal") << path;
    }
    for (const Json& body :
         {Json{{"action", "convert"}, {"from", "../secret.txt"}, {"to", "models/x.pth"}},
          Json{{"action", "convert"}, {"from", "voices/ada/a.wav"}, {"to", "voices/x.pth"}},
          Json{{"action", "merge"}, {"a", "/etc/passwd"}, {"b", "/etc/passwd"}, {"weight", 0.5}, {"to", "x"}},
          Json{{"action", "tokenizer"}, {"voice", "ada"}, {"to", "/tmp/x.json"}},
          Json{{"action", "tokenizer"}, {"voice", "ada"}, {"to", "../x"}},
          Json{{"action", "tokenizer"}, {"voice", "ada"}, {"to", "config/exec.json"}},
          Json{{"action", "train"}, {"voice", "../x"}}, Json{{"action", "sh"}, {"voice", "ada"}},
          Json{{"voice", "ada"}}})
        EXPECT_EQ(send_json(studio.port(), "POST", "/api/jobs", body).status, 400) << body;
    EXPECT_EQ(send_json(studio.port(), "POST", "/api/voices", {{"name", "../x"}}).status, 400);
    EXPECT_FALSE(fs::exists(folder_ / "x"));
}

TEST_F(ServerTest, OtherHostsAndSitesAreRefused) {
    ServeOptions options;
    options.host_names = {"studio.example"};
    RunningStudio studio(root_, options);
    const auto with = [&](const std::string& headers, const std::string& method = "GET",
                          const std::string& target = "/api/state") {
        return ask(studio.port(), {method, target, headers, method == "GET" ? "" : "{\"name\":\"eve\"}"})
            .status;
    };
    EXPECT_EQ(with("Host: evil.example\r\n"), 421);
    EXPECT_EQ(with("Host: 127.0.0.1.evil.example\r\n"), 421);
    for (const char* host : {"", "[::1].evil.example", "[evil.example]", "[::1", "localhost:1.evil.example",
                             "127.0.0.1@evil.example", "2130706433", "127.1", "studio.example.evil.example"})
        EXPECT_EQ(with(cat("Host: ", host, "\r\n")), 421) << host;
    for (const char* host :
         {"localhost:1", "127.0.0.1", "[::1]:7851", "STUDIO.example:80", "192.168.1.5:7851"})
        EXPECT_EQ(with(cat("Host: ", host, "\r\n")), 200) << host;
    EXPECT_EQ(with("Sec-Fetch-Site: cross-site\r\n"), 403);
    EXPECT_EQ(with("Sec-Fetch-Site: same-origin\r\n"), 200);
    EXPECT_EQ(with("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", "GET", "/"), 200);
    const std::string type = "Content-Type: application/json\r\n";
    for (const char* origin : {"https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1"})
        EXPECT_EQ(with(cat("Origin: ", origin, "\r\n", type), "POST", "/api/voices"), 403) << origin;
    EXPECT_FALSE(fs::exists(root_ / "voices" / "eve"));
    EXPECT_EQ(with("Content-Type: text/plain\r\n", "POST", "/api/voices"), 415);
    EXPECT_EQ(with(cat("Origin: http://127.0.0.1:", studio.port(), "\r\n", type), "POST", "/api/voices"),
              201);
}

TEST_F(ServerTest, TheTokenIsAskedFor) {
    ServeOptions options;
    options.token = "correct horse";
    options.base = "/t";
    RunningStudio studio(root_, options);
    const int port = studio.port();
    EXPECT_EQ(get(port, "/t/health").status, 200);
    EXPECT_EQ(get(port, "/t/").status, 303);
    EXPECT_EQ(get(port, "/t/login").status, 200);
    EXPECT_EQ(get(port, "/t").status, 308);
    EXPECT_EQ(get(port, "/health").status, 404);
    EXPECT_EQ(get(port, "/api/state").status, 404);
    EXPECT_EQ(kind_of(get(port, "/t/api/state")), "unauthorized");
    EXPECT_EQ(get(port, "/t/api/events").status, 401);
    EXPECT_EQ(get(port, "/t/api/state", "Authorization: Bearer wrong\r\n").status, 401);
    EXPECT_EQ(get(port, "/t/", "Authorization: Bearer wrong\r\n").status, 303);
    for (const char* scheme : {"Bearer", "bearer", "BEARER"})
        EXPECT_EQ(get(port, "/t/api/state", cat("Authorization: ", scheme, " correct horse\r\n")).status,
                  200);
    EXPECT_EQ(get(port, "/t/api/state", "Authorization: Basic correct horse\r\n").status, 401);
    EXPECT_TRUE(get(port, "/t/api/state", "Authorization: Bearer correct horse\r\n").json()["token"]);
    EXPECT_EQ(send_json(port, "POST", "/t/login", {{"token", "wrong"}}).status, 401);
    EXPECT_EQ(
        ask(port, {"POST", "/t/login", "Content-Type: application/x-www-form-urlencoded\r\n", "token=wrong"})
            .status,
        401);
    const Answer in = ask(port, {"POST", "/t/login", "Content-Type: application/x-www-form-urlencoded\r\n",
                                 "token=correct+horse"});
    EXPECT_EQ(in.status, 303);
    const std::string cookie = in.headers.at("set-cookie");
    EXPECT_NE(cookie.find("HttpOnly; SameSite=Strict"), std::string::npos);
    EXPECT_NE(cookie.find("Path=/t/"), std::string::npos);
    EXPECT_EQ(cookie.find("correct"), std::string::npos);
    EXPECT_EQ(
        get(port, "/t/api/state", cat("Cookie: a=b; ", cookie.substr(0, cookie.find(';')), "\r\n")).status,
        200);
    EXPECT_EQ(get(port, "/t/api/state", "Cookie: testudo_token=\r\n").status, 401);
}

TEST_F(ServerTest, AnAddressBeyondLoopbackHasAToken) {
    ServeOptions options;
    options.host = "0.0.0.0";
    RunningStudio studio(root_, options);
    EXPECT_EQ(studio.studio().token().size(), 32u);
    const auto addresses = studio.studio().addresses();
    EXPECT_EQ(addresses.back(), cat("http://127.0.0.1:", studio.port(), "/"));
    for (const std::string& address : addresses) EXPECT_EQ(address.find("0.0.0.0"), std::string::npos);
    EXPECT_EQ(get(studio.port(), "/api/state").status, 401);
    EXPECT_TRUE(is_loopback("127.0.0.2") && is_loopback("::1") && is_loopback("localhost"));
    EXPECT_FALSE(is_loopback("127.evil.example") || is_loopback("0.0.0.0") || is_loopback("10.0.0.1"));
}

TEST_F(ServerTest, ATokenThatCouldBeGuessedIsNotTaken) {
    for (const char* token : {"secret", "a long one\nwith lines", " spaces around it "}) {
        ServeOptions options;
        options.token = token;
        try {
            const RunningStudio studio(root_, options);
            ADD_FAILURE() << token;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
        }
    }
}

TEST_F(ServerTest, WrongTokensHoldNobodyUp) {
    ServeOptions options;
    options.token = "correct horse";
    options.limits.threads = 4;
    RunningStudio studio(root_, options);
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(get(studio.port(), "/api/state", "Authorization: Bearer wrong\r\n").status, 401);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

// Who reads the other of two would see another request.
TEST_F(ServerTest, HeadersThatDecideAreThereOnce) {
    RunningStudio studio(root_);
    const std::string own = cat("Origin: http://127.0.0.1:", studio.port(), "\r\n"),
                      json = "Content-Type: application/json\r\n";
    for (const std::string& headers :
         {own + "Origin: http://evil.example\r\n" + json,
          std::string("Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n") + json,
          std::string("Content-Type: text/plain\r\n") + json,
          std::string("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n") + json})
        EXPECT_EQ(ask(studio.port(), {"POST", "/api/voices", headers, "{\"name\": \"eve\"}"}).status, 400)
            << headers;
    EXPECT_FALSE(fs::exists(root_ / "voices" / "eve"));
}

TEST_F(ServerTest, MalformedAndEndlessRequestsEnd) {
    ServeOptions options;
    options.limits.head = std::chrono::milliseconds(300);
    options.limits.idle = std::chrono::milliseconds(600);
    options.limits.stall = std::chrono::milliseconds(300);
    RunningStudio studio(root_, options);
    const auto status = [&](const std::string& text) {
        Socket socket(studio.port());
        socket.send(text);
        return socket.answer(true, 3).status;
    };
    const std::string host = cat("Host: 127.0.0.1:", studio.port(), "\r\n");
    EXPECT_EQ(status("GET /health HTTP/1.1\r\n" + host + "X: " + std::string(40000, 'a') + "\r\n\r\n"), 431);
    EXPECT_EQ(status(std::string(100000, 'A')), 431);
    EXPECT_EQ(status("GET /" + std::string(8100, 'a') + " HTTP/1.1\r\n" + host + "\r\n"), 414);
    EXPECT_EQ(status("nonsense\r\n\r\n"), 400);
    EXPECT_EQ(status("POST /api/voices HTTP/1.1\r\n" + host +
                     "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
              411);
    EXPECT_EQ(status("GET /health HTTP/1.1\r\nHost: a"), 408);  // and then nothing
    // A body that never comes.
    EXPECT_EQ(status("POST /api/voices HTTP/1.1\r\n" + host +
                     "Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"),
              400);
    EXPECT_EQ(status("POST /api/voices HTTP/1.1\r\n" + host +
                     "Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"),
              413);
    EXPECT_EQ(status("POST /api/voices HTTP/1.1\r\n" + host +
                     "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 3\r\n\r\nabc"),
              415);
    // A head that comes a byte at a time.
    Socket slow(studio.port());
    for (int i = 0; i < 20 && slow.send("G"); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(slow.answer(true, 1).status, 408);
    EXPECT_EQ(get(studio.port(), "/health").status, 200);
}

TEST_F(ServerTest, ThoseWhoSayNothingDoNotKeepOthersOut) {
    ServeOptions options;
    options.limits.threads = 4;
    options.limits.waiting = 8;
    options.limits.head = std::chrono::milliseconds(500);
    RunningStudio studio(root_, options);
    std::vector<std::unique_ptr<Socket>> slow;
    for (int i = 0; i < 60; ++i) {
        slow.push_back(std::make_unique<Socket>(studio.port()));
        if (i % 2) slow.back()->send("GET /health HTTP/1.1\r\nHost: a");
    }
    int status = 0;
    const auto began = std::chrono::steady_clock::now();
    while (status != 200 && std::chrono::steady_clock::now() - began < std::chrono::seconds(10)) {
        for (const auto& each : slow) each->send("b");
        status = get(studio.port(), "/health").status;
    }
    EXPECT_EQ(status, 200);
}

TEST_F(ServerTest, MoreStreamsThanItCanServeAreToldSo) {
    ServeOptions options;
    options.limits.streams = 2;
    RunningStudio studio(root_, options);
    std::vector<std::unique_ptr<Socket>> streams;
    for (int i = 0; i < 2; ++i) {
        streams.push_back(std::make_unique<Socket>(studio.port()));
        streams.back()->send(test::text_of({"GET", "/api/events"}, studio.port()));
        EXPECT_EQ(streams.back()->answer(false).status, 200);
    }
    EXPECT_EQ(kind_of(get(studio.port(), "/api/events")), "environment");
    streams.clear();
    int status = 0;
    for (int i = 0; i < 100 && status != 200; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        Socket again(studio.port());
        again.send(test::text_of({"GET", "/api/events"}, studio.port()));
        status = again.answer(false).status;
    }
    EXPECT_EQ(status, 200);
}

TEST_F(ServerTest, ABodyIsNeverTakenForTheNextRequest) {
    RunningStudio studio(root_);
    const std::string host = cat("Host: 127.0.0.1:", studio.port(), "\r\n");
    const std::string inner = "DELETE /api/voices/ada HTTP/1.1\r\n" + host + "\r\n";
    for (const char* method : {"GET", "DELETE", "POST", "PUT"}) {
        Socket socket(studio.port());
        socket.send(cat(method, " /api/nothing HTTP/1.1\r\n", host,
                        "Content-Type: application/json\r\nContent-Length: ", inner.size(), "\r\n\r\n",
                        inner));
        EXPECT_EQ(socket.answer().status, 404) << method;
        EXPECT_EQ(socket.answer(true, 3).status, 0) << method;
    }
    EXPECT_TRUE(fs::exists(root_ / "voices" / "ada" / "a.wav"));
    // Two requests at once are two answers.
    Socket both(studio.port());
    both.send(cat("GET /health HTTP/1.1\r\n", host, "\r\nGET /api/queue HTTP/1.1\r\n", host, "\r\n"));
    EXPECT_EQ(both.answer().json()["status"], "ok");
    EXPECT_TRUE(both.answer().json().contains("paused"));
}

TEST_F(ServerTest, AudioComesInRanges) {
    RunningStudio studio(root_);
    const std::string file = read_file(root_ / "voices" / "ada" / "a.wav"),
                      target = "/api/voices/ada/recordings/a.wav/audio";
    const auto range = [&](const std::string& value) {
        return get(studio.port(), target, cat("Range: ", value, "\r\n"));
    };
    const Answer all = get(studio.port(), target);
    EXPECT_EQ(all.status, 200);
    EXPECT_EQ(all.body, file);
    EXPECT_EQ(all.headers.at("content-type"), "audio/wav");
    EXPECT_EQ(all.headers.at("accept-ranges"), "bytes");
    const Answer part = range("bytes=100-199");
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, file.substr(100, 100));
    EXPECT_EQ(part.headers.at("content-range"), cat("bytes 100-199/", file.size()));
    EXPECT_EQ(range("bytes=-10").body, file.substr(file.size() - 10));
    EXPECT_EQ(range(cat("bytes=", file.size(), "-")).status, 416);
    EXPECT_EQ(range("bytes=99999999999999-").headers.at("content-range"), cat("bytes */", file.size()));
    EXPECT_EQ(range("bytes=0-1,4-5").body, file);
    for (const char* odd : {"bytes=a-b", "bytes=5-2", "bytes=18446744073709551615-", "bytes=-", "junk"}) {
        const int status = range(odd).status;
        EXPECT_TRUE(status == 200 || status == 416) << odd << " " << status;
    }
    EXPECT_EQ(range("bytes=" + std::string(7000, '1') + "-").status, 200);  // no number: no range
    EXPECT_EQ(get(studio.port(), target, cat("If-None-Match: ", all.headers.at("etag"), "\r\n")).status, 304);
    EXPECT_EQ(get(studio.port(), target, "Range: bytes=0-9\r\nIf-Range: \"other\"\r\n").status, 200);
    const Answer head = ask(studio.port(), {"HEAD", target});
    EXPECT_EQ(head.headers.at("content-length"), cat(file.size()));
}

TEST_F(ServerTest, RecordingsCanBeDrawn) {
    RunningStudio studio(root_);
    const std::string recording = "/api/voices/ada/recordings/a.wav";
    const Json peaks = get(studio.port(), recording + "/peaks?columns=50&form=json").json();
    EXPECT_NEAR(peaks["seconds"].get<double>(), 2.0, 1e-6);
    ASSERT_GE(peaks["high"].size(), 40u);
    EXPECT_NEAR(peaks["high"][10].get<double>(), 99 / 200.0, 0.01);
    EXPECT_EQ(get(studio.port(), recording + "/peaks?columns=50").body.size(), 2 * peaks["high"].size());
    const Answer picture = get(studio.port(), recording + "/spectrogram?from=0.5&to=1.5&columns=40");
    ASSERT_EQ(picture.status, 200);
    EXPECT_EQ(picture.body.size(),
              80u * static_cast<std::size_t>(std::stoi(picture.headers.at("x-columns"))));
    EXPECT_EQ(get(studio.port(), recording + "/spectrogram?from=0&to=61").status, 400);
    EXPECT_EQ(get(studio.port(), recording + "/spectrogram?from=nan&to=1").status, 400);
    EXPECT_EQ(get(studio.port(), recording + "/peaks?columns=99999999").status, 400);
    const Answer wav = get(studio.port(), recording + "/audio?form=wav");
    EXPECT_EQ(wav.body.size(), 44u + 2 * 44100u);
    write_file(root_ / "voices" / "ada" / "broken.mp3", "not a sound");
    EXPECT_EQ(kind_of(get(studio.port(), "/api/voices/ada/recordings/broken.mp3/peaks")), "input");
}

TEST_F(ServerTest, VoicesGoToTheTrash) {
    RunningStudio studio(root_);
    EXPECT_EQ(send_json(studio.port(), "POST", "/api/voices", {{"name", "ada"}}).status, 409);
    EXPECT_EQ(send_json(studio.port(), "POST", "/api/voices", {{"name", "bö b"}}).status, 201);
    EXPECT_EQ(ask(studio.port(), {"DELETE", "/api/voices/ada/recordings/nothing.wav"}).status, 404);
    const Json gone = ask(studio.port(), {"DELETE", "/api/voices/ada/recordings/a.wav"}).json();
    EXPECT_TRUE(fs::exists(root_ / gone["trash"][0].get<std::string>()));
    EXPECT_EQ(ask(studio.port(), {"DELETE", "/api/voices/b%C3%B6%20b"}).status, 200);
    EXPECT_EQ(ask(studio.port(), {"DELETE", "/api/voices/b%C3%B6%20b"}).status, 404);
    EXPECT_EQ(get(studio.port(), "/api/voices").json().size(), 1u);
    // What a job that failed left goes with its voice; a dataset does not, unless that is asked for.
    make_folders(root_ / "training" / "ada");
    write_file(root_ / "training" / "ada" / "events.jsonl", "{}\n");
    EXPECT_EQ(ask(studio.port(), {"DELETE", "/api/voices/ada"}).json()["trash"].size(), 2u);
    EXPECT_EQ(send_json(studio.port(), "POST", "/api/voices", {{"name", "ada"}}).status, 201);
    make_folders(root_ / "training" / "ada");
    write_file(root_ / "training" / "ada" / "whisper.json", "{\"a.wav\": ");
    const Json damaged = get(studio.port(), "/api/voices/ada/recordings").json();
    EXPECT_EQ(damaged["problem"]["kind"], "input") << damaged;
    EXPECT_EQ(ask(studio.port(), {"DELETE", "/api/voices/ada"}).json()["trash"].size(), 1u);
    EXPECT_EQ(ask(studio.port(), {"DELETE", "/api/voices/ada?training=true"}).status, 200);
    EXPECT_EQ(get(studio.port(), "/api/voices").json().size(), 0u);
}

TEST_F(ServerTest, TheTrashIsEmptiedAndNothingElse) {
    RunningStudio studio(root_);
    fs::create_directory_symlink(folder_.path(), root_ / "voices" / "ada" / "out");
    const auto folder = [&](const char* method, const std::string& path, const std::string& name) {
        for (const Json& each : ask(studio.port(), {method, path}).json())
            if (each["name"] == name) return each;
        return Json();
    };
    EXPECT_EQ(folder("GET", "/api/system/folders", "voices")["files"], 1);
    ask(studio.port(), {"DELETE", "/api/voices/ada/recordings/a.wav"});
    const Json trash = folder("GET", "/api/system/folders", "trash");
    EXPECT_EQ(trash["files"], 1);
    EXPECT_EQ(trash["bytes"], 44 + 2 * 44100);
    EXPECT_EQ(ask(studio.port(), {"DELETE", "/api/voices/ada"}).status, 200);
    EXPECT_EQ(folder("DELETE", "/api/trash", "trash")["files"], 0);
    EXPECT_FALSE(fs::exists(root_ / "trash"));
    EXPECT_TRUE(fs::exists(folder_ / "secret.txt"));  // behind a link
}

TEST_F(ServerTest, SettingsAreCheckedAndKept) {
    RunningStudio studio(root_);
    const int port = studio.port();
    const Json schemas = get(port, "/api/schemas").json();
    EXPECT_EQ(schemas["training"][1]["key"], "epochs");
    EXPECT_EQ(schemas["training"][1]["type"], "integer");
    EXPECT_FALSE(schemas["presets"].empty());
    const std::string settings = "/api/voices/ada/dataset-settings";
    EXPECT_EQ(get(port, settings).json()["language"], "en");
    EXPECT_EQ(send_json(port, "PUT", settings, {{"language", "de"}}).json()["language"], "de");
    EXPECT_EQ(get(port, settings).json()["language"], "de");
    EXPECT_EQ(send_json(port, "PUT", settings, {{"min_duration", "x"}}).status, 400);
    EXPECT_EQ(send_json(port, "PUT", settings, {{"nonsense", 1}}).status, 400);
    EXPECT_EQ(send_json(port, "PUT", settings, {{"whisper_model", "tiny.en"}}).status, 200);  // published
    const Answer no_model = send_json(port, "PUT", settings, {{"whisper_model", "no-such"}});
    EXPECT_EQ(no_model.json()["error"]["key"], "whisper_model") << no_model.body;
    EXPECT_EQ(get(port, settings).json()["whisper_model"], "tiny.en");
    for (const auto& [key, value] : std::map<std::string, std::string>{{"device", "gpu9"},
                                                                       {"source_model", "nonsense.pth"},
                                                                       {"tokenizer_json", "nonsense"},
                                                                       {"models_from", "/no/such/folder"}}) {
        const Answer refused = send_json(port, "PUT", "/api/settings", {{key, value}});
        EXPECT_GE(refused.status, 400) << key;
        EXPECT_EQ(refused.json()["error"]["key"], key) << refused.body;
    }
    write_json(root_ / "config" / "exec.json", {{"share", true}});
    EXPECT_EQ(send_json(port, "PUT", "/api/settings", {{"device", "cpu"}}).json()["device"], "cpu");
    EXPECT_EQ(read_json(root_ / "config" / "exec.json")["share"], true);
    EXPECT_EQ(ask(port, {"PUT", "/api/settings", "Content-Type: application/json\r\n", "{\"a\":"}).status,
              400);
    EXPECT_EQ(ask(port, {"PUT", "/api/settings", "Content-Type: application/json\r\n", std::string(300, '[')})
                  .status,
              400);
    EXPECT_EQ(ask(port, {"PUT", "/api/settings", "Content-Type: application/json\r\n", "[]"}).status, 400);
}

TEST_F(ServerTest, EditsMeetWhatIsOnTheDisk) {
    write_file(
        root_ / "training" / "ada" / "whisper.json",
        R"({"a.wav": {"text": " One two.", "segments": [{"id": 0, "start": 0.0, "end": 1.0, "text": " One two."}], "language": "en"}})");
    RunningStudio studio(root_);
    const int port = studio.port();
    const Answer first = get(port, "/api/voices/ada/transcript");
    ASSERT_EQ(first.status, 200) << first.body;
    const std::string digest = first.json()["recordings"][0]["digest"];
    EXPECT_EQ(first.json()["segments"][0]["text"], " One two.");
    EXPECT_EQ(
        get(port, "/api/voices/ada/transcript", cat("If-None-Match: ", first.headers.at("etag"), "\r\n"))
            .status,
        304);
    const Json change = {
        {"edit", "text"}, {"recording", "a.wav"}, {"segment", 0}, {"value", "One, two."}, {"seen", digest}};
    const Answer edited = send_json(port, "POST", "/api/voices/ada/edits", edits(change));
    ASSERT_EQ(edited.status, 200) << edited.body;
    EXPECT_EQ(edited.json()["recordings"][0]["segments"][0]["text"], " One, two.");
    EXPECT_TRUE(edited.json()["history"]["undo"].is_string());
    // The same again was made for what is no longer there.
    const Answer late = send_json(port, "POST", "/api/voices/ada/edits", edits(change));
    EXPECT_EQ(late.status, 409);
    EXPECT_EQ(late.json()["fresh"]["recordings"][0]["segments"][0]["text"], " One, two.");
    EXPECT_EQ(send_json(port, "POST", "/api/voices/ada/edits",
                        edits({{"edit", "nonsense"}, {"recording", "a.wav"}}))
                  .status,
              400);
    EXPECT_EQ(send_json(port, "POST", "/api/voices/ada/edits", {{"edits", Json::array()}}).status, 400);
    const Answer undone = ask(port, {"POST", "/api/voices/ada/undo"});
    EXPECT_EQ(undone.json()["recordings"][0]["segments"][0]["text"], " One two.");
    EXPECT_EQ(ask(port, {"POST", "/api/voices/ada/redo"}).json()["recordings"][0]["segments"][0]["text"],
              " One, two.");
    EXPECT_EQ(get(port, "/api/voices/ada/history").json()["done"], 1);
    {
        const FolderLock job(root_ / "training" / "ada");
        EXPECT_EQ(kind_of(send_json(port, "POST", "/api/voices/ada/edits",
                                    edits({{"edit", "accept"}, {"recording", "a.wav"}}))),
                  "busy");
    }
    write_file(root_ / "training" / "ada" / "whisper.json", "{\n\"a.wav\": {]");
    const Answer broken = get(port, "/api/voices/ada/transcript");
    EXPECT_EQ(broken.status, 422);
    EXPECT_EQ(broken.json()["error"]["line"], 2);
}

TEST_F(ServerTest, GoesToAnyStepOfTheHistory) {
    const auto file = root_ / "training" / "ada" / "whisper.json";
    write_file(
        file,
        R"({"a.wav": {"text": " One.", "segments": [{"id": 0, "start": 0.0, "end": 1.0, "text": " One."}], "language": "en"}})");
    const std::string original = read_file(file);
    RunningStudio studio(root_);
    const int port = studio.port();
    const char* address = "/api/voices/ada/history";
    for (const char* text : {"Two.", "Three.", "Four."})
        ASSERT_EQ(
            send_json(port, "POST", "/api/voices/ada/edits",
                      edits({{"edit", "text"}, {"recording", "a.wav"}, {"segment", 0}, {"value", text}}))
                .status,
            200);
    const std::int64_t second = get(port, address).json()["steps"][1]["number"];
    const Answer back = send_json(port, "POST", address, {{"to", second}});
    ASSERT_EQ(back.status, 200) << back.body;
    EXPECT_EQ(back.json()["recordings"][0]["segments"][0]["text"], " Three.");
    EXPECT_EQ(get(port, address).json()["done"], 2);
    EXPECT_EQ(send_json(port, "POST", address, {{"to", second}}).json()["changed"], false);
    EXPECT_EQ(send_json(port, "POST", address, {{"to", 0}}).status, 200);
    EXPECT_EQ(read_file(file), original);
    const std::int64_t last = get(port, address).json()["steps"][2]["number"];
    EXPECT_EQ(send_json(port, "POST", address, {{"to", last}}).json()["recordings"][0]["segments"][0]["text"],
              " Four.");
    EXPECT_EQ(kind_of(send_json(port, "POST", address, {{"to", last + 1}})), "conflict");
    for (const Json& wrong : {Json(-1), Json("1"), Json(1.5), Json()})
        EXPECT_EQ(send_json(port, "POST", address, {{"to", wrong}}).status, 400);
    EXPECT_EQ(get(port, address).json()["done"], 3);
}

TEST_F(ServerTest, ConfigurationsTellWhereTheyAreWrong) {
    RunningStudio studio(root_);
    const int port = studio.port();
    const Json fresh = get(port, "/api/voices/ada/configuration").json();
    EXPECT_EQ(fresh["exists"], false);
    EXPECT_EQ(fresh["settings"]["epochs"], 500);
    const Answer wrong =
        send_json(port, "PUT", "/api/voices/ada/configuration", {{"settings", {{"epochs", -1}}}});
    EXPECT_EQ(wrong.status, 400);
    EXPECT_EQ(wrong.json()["error"]["key"], "epochs");
    EXPECT_EQ(send_json(port, "PUT", "/api/voices/ada/configuration",
                        {{"settings", Json::object()}, {"seen", "\"other\""}})
                  .status,
              409);
    const std::string plan = "/api/voices/ada/configuration/plan";
    EXPECT_EQ(send_json(port, "POST", plan, {{"settings", Json::object()}}).status, 422);
    write_file(root_ / "training" / "ada" / "train.txt", "audio/a.wav|a\naudio/b.wav|b\naudio/c.wav|c\n");
    const Json count =
        send_json(port, "POST", plan, {{"settings", {{"epochs", 10}, {"batch_size", 2}, {"save_rate", 3}}}})
            .json();
    EXPECT_EQ(count["iterations_per_epoch"], 2);
    EXPECT_EQ(count["iterations"], 20);
    EXPECT_EQ(count["save_every"], 6);
    EXPECT_EQ(count["checkpoints"], 4);  // 6, 12, 18 and the last
    EXPECT_EQ(send_json(port, "POST", plan, {{"settings", {{"epochs", -1}}}}).json()["error"]["key"],
              "epochs");
    for (const char* clip : {"a.wav", "b.wav", "c.wav"})
        write_file(root_ / "training" / "ada" / "audio" / clip, "sound");
    const Answer no_model = send_json(port, "PUT", "/api/voices/ada/configuration",
                                      {{"settings", {{"source_model", "./models/none.pth"}}}});
    EXPECT_EQ(no_model.status, 422);
    EXPECT_EQ(no_model.json()["error"]["key"], "source_model");
    EXPECT_FALSE(fs::exists(root_ / "training" / "ada" / "train.yaml"));
    const Answer yaml = ask(
        port, {"PUT", "/api/voices/ada/yaml", "Content-Type: application/yaml\r\n", "name: ada\nsteps: [\n"});
    EXPECT_EQ(yaml.status, 422);
    EXPECT_TRUE(yaml.json()["error"].contains("line")) << yaml.body;
    EXPECT_FALSE(fs::exists(root_ / "training" / "ada" / "train.yaml"));
    EXPECT_EQ(get(port, "/api/voices/ada/yaml").status, 404);
}

TEST_F(ServerTest, WhatIsLostIsToldOfAllSteps) {
    const Json first = {{"file", "a.wav"}, {"reason", "too short"}},
               second = {{"file", "a.wav"}, {"start", 1.0}, {"end", 1.2}, {"reason", "no speech"}};
    write_json(
        root_ / "training" / "ada" / "report.json",
        {{"slice", {{"rejected", Json::array({first, second})}}},
         {"list", {{"rejected", Json::array({first, 7})}, {"seconds_kept", 12.5}, {"seconds_lost", 3.0}}},
         {"lines",
          Json::array({{{"audio", "audio/a.wav"}, {"list", "train"}, {"verdict", "doubtful"}, {"text", "x"}},
                       {{"verdict", "good"}},
                       3})}});
    RunningStudio studio(root_);
    const Json lost = get(studio.port(), "/api/voices/ada/lost").json();
    EXPECT_EQ(lost["seconds_kept"], 12.5);
    EXPECT_EQ(lost["rejected"].size(), 2u);
    EXPECT_EQ(lost["doubtful"].size(), 1u);
    EXPECT_EQ(get(studio.port(), "/api/voices/ada").json()["seconds_kept"], 12.5);
    EXPECT_EQ(get(studio.port(), "/api/voices/ada").json()["doubtful"], 1);
}

TEST_F(ServerTest, MetricsAreSeries) {
    const fs::path events = root_ / "training" / "ada" / "finetune" / "events.jsonl";
    make_folders(events.parent_path());
    std::ofstream out(events);
    for (int it = 1; it <= 5000; ++it)
        out << Json{{"seq", it},
                    {"time", 1000.0 + it},
                    {"type", "metric"},
                    {"it", it},
                    {"loss_mel_ce", 5.0 - it * 1e-3}}
                   .dump()
            << "\n";
    out << R"({"seq":1,"time":1,"type":"metric","mode":"validation","it":5000,"loss_mel_ce":1.5})"
        << "\n{\"cut" << std::flush;
    RunningStudio studio(root_);
    const Json all = get(studio.port(), "/api/runs/ada/finetune/metrics?points=0").json();
    EXPECT_EQ(all["steps"]["it"].size(), 5000u);
    EXPECT_EQ(all["validation"]["loss_mel_ce"][0], 1.5);
    const Json thin = get(studio.port(), "/api/runs/ada/finetune/metrics?points=100").json();
    EXPECT_EQ(thin["steps"]["it"].size(), 100u);
    EXPECT_EQ(thin["steps"]["it"][99], 5000);
    EXPECT_NEAR(thin["steps"]["loss_mel_ce"][0].get<double>(), 5.0 - 25.5e-3, 1e-3);
    const std::string next = all["next"].dump();
    EXPECT_TRUE(get(studio.port(), "/api/runs/ada/finetune/metrics?after=" + next).json()["steps"].empty());
    EXPECT_EQ(get(studio.port(), "/api/runs/ada/finetune/metrics?after=7").json()["reset"], true);
    EXPECT_EQ(get(studio.port(), "/api/metrics?run=ada/finetune&run=ada/finetune&points=10").json().size(),
              1u);
    EXPECT_EQ(get(studio.port(), "/api/runs/ada/nothing/metrics").status, 404);
    const Answer csv = get(studio.port(), "/api/runs/ada/finetune/graph?form=csv");
    EXPECT_EQ(split_lines(csv.body).size(), 5002u);
}

}  // namespace
}  // namespace testudo::server
