#include "studio/pull.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "asr/tokenizer.h"
#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "nets/whisper.h"
#include "studio/models.h"
#include "support/golden.h"
#include "tensors/ggml.h"
#include "tensors/sidecar.h"

namespace testudo::studio {
namespace {

// A web server of a few lines on this machine: every request gets what `answer` makes of its text.
class TinyServer {
  public:
    using Answer = std::function<std::string(const std::string& request)>;
    explicit TinyServer(Answer answer) : answer_(std::move(answer)) {
        socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket_, 8) != 0)
            throw std::runtime_error("no socket");
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~TinyServer() {
        ::shutdown(socket_, SHUT_RDWR);
        ::close(socket_);
        thread_.join();
    }
    std::string url(const std::string& path) const { return cat("http://127.0.0.1:", port_, path); }
    std::vector<std::string> requests() {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

  private:
    void serve() {
        for (;;) {
            const int client = ::accept(socket_, nullptr, nullptr);
            if (client < 0) return;
            std::string request;
            char block[4096];
            while (request.find("\r\n\r\n") == std::string::npos) {
                const ssize_t got = ::recv(client, block, sizeof block, 0);
                if (got <= 0) break;
                request.append(block, static_cast<std::size_t>(got));
            }
            {
                const std::lock_guard lock(mutex_);
                requests_.push_back(request);
            }
            const std::string reply = answer_(request);
            std::size_t sent = 0;
            while (sent < reply.size()) {
                const ssize_t done = ::send(client, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
                if (done <= 0) break;
                sent += static_cast<std::size_t>(done);
            }
            ::close(client);
        }
    }
    Answer answer_;
    int socket_ = -1, port_ = 0;
    std::thread thread_;
    std::mutex mutex_;
    std::vector<std::string> requests_;
};

std::string reply(const std::string& status, const std::string& body, const std::string& headers = {}) {
    return cat("HTTP/1.1 ", status, "\r\nContent-Length: ", body.size(), "\r\nConnection: close\r\n", headers,
               "\r\n", body);
}

std::size_t range_start(const std::string& request) {
    const auto at = request.find("Range: bytes=");
    return at == std::string::npos ? 0 : std::stoul(request.substr(at + 13));
}

std::string ranged(const std::string& request, const std::string& body) {
    const std::size_t from = range_start(request);
    if (from == 0) return reply("200 OK", body);
    if (from >= body.size()) return reply("416 Range Not Satisfiable", "");
    return reply("206 Partial Content", body.substr(from),
                 cat("Content-Range: bytes ", from, "-", body.size() - 1, "/", body.size(), "\r\n"));
}

struct PullTest : ::testing::Test {
    PullTest() : workspace(folder.path()), body(300000, 'x') {
        for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 + i / 251);
        request_stop(false);
    }
    ModelSource source(const std::string& url) {
        ModelSource out;
        out.name = "m";
        out.licence = "MIT";
        out.files.push_back({"models/tortoise/m.pth", {url}, sha256(body), body.size()});
        return out;
    }
    fs::path target() const { return workspace.root() / "models/tortoise/m.pth"; }
    fs::path part() const { return workspace.root() / "models/tortoise/m.pth.part"; }

    test::TemporaryFolder folder;
    Workspace workspace;
    std::string body;
    Events events;
};

TEST_F(PullTest, FetchesChecksAndTellsTheOrigin) {
    TinyServer server([&](const std::string&) { return reply("200 OK", body); });
    int progress = 0;
    events.listen([&](const Json& event) { progress += event.value("type", "") == "progress"; });
    const auto wanted = source(server.url("/m.pth"));
    EXPECT_EQ(pull_model(workspace, wanted, {}, events), target());
    EXPECT_EQ(read_file(target()), body);
    EXPECT_FALSE(fs::exists(part()));
    EXPECT_GT(progress, 0);
    EXPECT_EQ(tensors::read_sidecar(target()).at("licence"), "MIT");
    pull_model(workspace, wanted, {}, events);  // is there already
    EXPECT_EQ(server.requests().size(), 1u);
    pull_model(workspace, wanted, {.force = true}, events);
    EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(PullTest, GoesOnWhereItEnded) {
    TinyServer server([&](const std::string& request) { return ranged(request, body); });
    write_file(part(), std::string_view(body).substr(0, 100000));
    pull_model(workspace, source(server.url("/m.pth")), {}, events);
    EXPECT_EQ(read_file(target()), body);
    EXPECT_EQ(range_start(server.requests().front()), 100000u);
}

TEST_F(PullTest, TakesTheWholeFileFromAServerThatCannotContinue) {
    TinyServer server([&](const std::string&) { return reply("200 OK", body); });
    write_file(part(), "other bytes");
    pull_model(workspace, source(server.url("/m.pth")), {}, events);
    EXPECT_EQ(read_file(target()), body);
}

TEST_F(PullTest, DistrustsAnotherRangeThanAskedFor) {
    TinyServer server([&](const std::string& request) {
        return range_start(request) == 0
                   ? reply("404 Not Found", "")
                   : reply("206 Partial Content", body, "Content-Range: bytes 5-9/10\r\n");
    });
    write_file(part(), "other bytes");
    EXPECT_THROW(pull_model(workspace, source(server.url("/m.pth")), {}, events), Error);
    EXPECT_EQ(read_file(part()), "other bytes");
}

TEST_F(PullTest, AFinishedPartIsFetchedAfreshWhenTheServerHasNoMore) {
    TinyServer server([&](const std::string& request) { return ranged(request, body); });
    write_file(part(), body + "and more");
    pull_model(workspace, source(server.url("/m.pth")), {}, events);
    EXPECT_EQ(read_file(target()), body);
}

TEST_F(PullTest, ABrokenConnectionIsContinuedAtOnce) {
    std::atomic<int> count{0};
    TinyServer server([&](const std::string& request) {
        std::string whole = ranged(request, body);
        return count++ == 0 ? whole.substr(0, whole.size() / 2) : whole;
    });
    pull_model(workspace, source(server.url("/m.pth")), {}, events);
    EXPECT_EQ(read_file(target()), body);
    EXPECT_GT(range_start(server.requests().back()), 0u);
}

TEST_F(PullTest, KeepsThePartOfADeadConnection) {
    TinyServer server([&](const std::string& request) {
        return range_start(request) == 0 ? reply("200 OK", body).substr(0, 50000) : std::string();
    });
    try {
        pull_model(workspace, source(server.url("/m.pth")), {}, events);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::environment);
    }
    EXPECT_FALSE(fs::exists(target()));
    EXPECT_GT(fs::file_size(part()), 40000u);
}

TEST_F(PullTest, RefusesWrongContents) {
    TinyServer server([&](const std::string&) { return reply("200 OK", std::string(body.size(), 'y')); });
    try {
        pull_model(workspace, source(server.url("/m.pth")), {}, events);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        EXPECT_NE(std::string(error.what()).find("SHA-256"), std::string::npos);
    }
    EXPECT_FALSE(fs::exists(target()));
    EXPECT_FALSE(fs::exists(part()));
}

TEST_F(PullTest, TriesTheNextPlace) {
    TinyServer server([&](const std::string& request) {
        return request.starts_with("GET /good") ? reply("200 OK", body)
                                                : reply("404 Not Found", "nothing here");
    });
    auto wanted = source(server.url("/bad"));
    EXPECT_THROW(pull_model(workspace, wanted, {}, events), Error);
    wanted.files[0].urls.push_back(server.url("/good"));
    pull_model(workspace, wanted, {}, events);
    EXPECT_EQ(read_file(target()), body);
}

TEST_F(PullTest, ARedirectionMayNotLeadToLocalFiles) {
    const fs::path secret = folder / "secret";
    write_file(secret, body);
    TinyServer server([&](const std::string&) {
        return reply("302 Found", "", cat("Location: file://", secret.string(), "\r\n"));
    });
    EXPECT_THROW(pull_model(workspace, source(server.url("/m.pth")), {}, events), Error);
    EXPECT_FALSE(fs::exists(target()));
}

TEST_F(PullTest, FromAFolderAFileUrlAndOffline) {
    const auto wanted = source("http://127.0.0.1:1/unreachable");
    EXPECT_THROW(pull_model(workspace, wanted, {.offline = true}, events), Error);
    write_file(folder / "mirror/m.pth", body);
    pull_model(workspace, wanted, {.from = (folder / "mirror").string(), .offline = true}, events);
    EXPECT_EQ(read_file(target()), body);
    fs::remove(target());
    pull_model(workspace, wanted, {.from = "file://" + (folder / "mirror").string(), .offline = true},
               events);
    EXPECT_EQ(read_file(target()), body);
    fs::remove(target());
    EXPECT_THROW(pull_model(workspace, wanted, {.from = (folder / "nowhere").string()}, events), Error);
    EXPECT_THROW(pull_model(workspace, wanted, {.from = "http://127.0.0.1:1", .offline = true}, events),
                 Error);
}

TEST_F(PullTest, AFetchThatGetsNothingLeavesNoFolders) {
    TinyServer server([&](const std::string&) { return reply("404 Not Found", ""); });
    for (const auto& [url, from, offline] :
         {std::tuple(server.url("/m.pth"), std::string(), false),
          std::tuple(std::string("unused"), (folder / "nowhere").string(), false),
          std::tuple(server.url("/m.pth"), std::string(), true)}) {
        PullOptions options;
        options.from = from;
        options.offline = offline;
        EXPECT_THROW(pull_model(workspace, source(url), options, events), Error);
        EXPECT_FALSE(fs::exists(workspace.root() / "models"));
    }
}

TEST_F(PullTest, ACopyOfAWorkspaceMayHoldAWhisperModelInTheOtherForm) {
    ModelSource whisper;
    whisper.name = "whisper-base";
    whisper.files.push_back({"models/whisper/base/base.pt", {}, sha256("x"), 1});
    const fs::path copy = folder / "copy/models/whisper/base";
    write_file(copy / "model.bin", "weights");
    write_file(copy / "config.json", "{}");
    write_file(copy / "vocabulary.txt", "a");
    write_file(copy / "notes.md", "not for the program");
    const fs::path here = workspace.root() / "models/whisper/base";
    for (const char* from : {"copy", "copy/models", "copy/models/whisper"}) {
        PullOptions options;
        options.from = (folder / from).string();
        EXPECT_EQ(pull_model(workspace, whisper, options, events), here / "model.bin");
        EXPECT_EQ(read_file(here / "model.bin"), "weights");
        EXPECT_TRUE(fs::exists(here / "config.json"));
        EXPECT_TRUE(fs::exists(here / "vocabulary.txt"));
        EXPECT_FALSE(fs::exists(here / "notes.md"));
        EXPECT_NE(tensors::read_sidecar(here / "model.bin").at("origin").get<std::string>().find("copied"),
                  std::string::npos);
        EXPECT_EQ(pull_model(workspace, whisper, options, events), here / "model.bin");  // is there already
        fs::remove_all(here);
    }
    // The published form goes first.
    write_file(copy / "base.pt", "x");
    PullOptions options;
    options.from = (folder / "copy").string();
    EXPECT_EQ(pull_model(workspace, whisper, options, events), here / "base.pt");
}

TEST_F(PullTest, AForeignFileIsNotReplacedUnasked) {
    write_file(target(), "a user's own model");
    write_file(folder / "mirror/m.pth", body);
    PullOptions options{.from = (folder / "mirror").string()};
    EXPECT_THROW(pull_model(workspace, source(""), options, events), Error);
    EXPECT_EQ(read_file(target()), "a user's own model");
    options.force = true;
    pull_model(workspace, source(""), options, events);
    EXPECT_EQ(read_file(target()), body);
}

TEST_F(PullTest, AnErrorPageIsNoTokenizer) {
    TinyServer server([&](const std::string&) { return reply("200 OK", "<html>sign in</html>"); });
    ModelSource wanted;
    wanted.name = "t";
    wanted.files.push_back({"models/whisper/t/tokenizer.json", {server.url("/t")}, "", 0});
    EXPECT_THROW(pull_model(workspace, wanted, {}, events), Error);
    EXPECT_FALSE(fs::exists(workspace.root() / "models/whisper/t/tokenizer.json"));
}

TEST_F(PullTest, Stops) {
    TinyServer server([&](const std::string&) { return reply("200 OK", body); });
    request_stop();
    try {
        pull_model(workspace, source(server.url("/m.pth")), {}, events);
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    }
    request_stop(false);
}

TEST(ModelSources, TheBuiltInTableIsSound) {
    const auto& sources = model_sources();
    EXPECT_GT(sources.size(), 10u);
    for (const auto& source : sources) {
        EXPECT_FALSE(source.licence.empty()) << source.name;
        EXPECT_FALSE(source.target.empty()) << source.name;
        EXPECT_EQ(&model_source(sources, source.name), &source);
        for (const auto& name : source.also) EXPECT_EQ(&model_source(sources, name), &source);
        // The publishers of acoustic models for alignment name no checksums.
        const bool unpublished = source.name.starts_with("align-");
        EXPECT_EQ(source.files.front().sha256.size(), unpublished ? 0u : 64u) << source.name;
        for (const auto& file : source.files) {
            EXPECT_TRUE(file.target.starts_with("models/")) << file.target;
            for (const auto& url : file.urls) {
                EXPECT_TRUE(url.starts_with("https://")) << url;
                // OpenAI's addresses hold the checksum themselves.
                if (url.find("/whisper/models/") != std::string::npos) {
                    EXPECT_NE(url.find(file.sha256), std::string::npos) << url;
                    EXPECT_EQ(file.bytes, source.bytes) << url;
                    EXPECT_GT(file.bytes, 70'000'000u) << url;
                }
            }
        }
    }
    EXPECT_THROW(model_source(sources, "no-such-model"), Error);
}

// The sizes of ggml files follow from the model's and the vocabulary's.
TEST(ModelSources, TheGgmlModelsHaveTheSizesOfTheirForm) {
    const test::TemporaryFolder folder;
    int compared = 0;
    for (const auto& [name, config] : nets::published_whispers()) {
        const ModelSource* source = find_source(model_sources(), "ggml-" + name);
        ASSERT_TRUE(source) << name;
        const auto tokenizer = asr::WhisperTokenizer::load(folder.path(), config.vocabulary);
        std::size_t bytes = 12 * 4 + 2 * 4 + 4 * static_cast<std::size_t>(config.mels) * 201 + 4;
        for (const std::string& token : tokenizer.bytes()) bytes += 4 + token.size();
        // The published English ones list one token more.
        if (!config.multilingual()) bytes += 4 + std::string_view("<|endoftext|>").size();
        for (const auto& [tensor, shape] : nets::whisper_shapes(config)) {
            const bool column = tensors::is_ggml_column(tensor);
            std::size_t elements = 1;
            for (const auto size : shape) elements *= static_cast<std::size_t>(size);
            const bool half = shape.size() > 1 && !tensor.ends_with("positional_embedding");
            bytes += 12 + 4 * (shape.size() + (column ? 1 : 0)) + tensor.size() + elements * (half ? 2 : 4);
        }
        EXPECT_EQ(source->bytes, bytes) << name;
        ++compared;
    }
    EXPECT_GE(compared, 12);
}

TEST(ModelSources, EveryWhisperIsThereInBothForms) {
    for (const auto& [name, config] : nets::published_whispers())
        for (const char* form : {"whisper-", "ggml-"}) {
            const ModelSource* source = find_source(model_sources(), form + name);
            ASSERT_TRUE(source) << form << name;
            EXPECT_EQ(source->files.size(), 1u);
            EXPECT_TRUE(source->target.starts_with("models/whisper/")) << source->target;
            EXPECT_EQ(source->files[0].sha256.size(), 64u);
        }
    EXPECT_EQ(find_source(model_sources(), "whisper-large")->name, "whisper-large-v3");
    EXPECT_EQ(find_source(model_sources(), "whisper-turbo")->name, "whisper-large-v3-turbo");
}

TEST(ModelSources, TheWorkspaceMayHaveItsOwn) {
    const test::TemporaryFolder folder;
    const Workspace workspace(folder.path());
    const auto count = model_sources().size();
    EXPECT_EQ(model_sources(workspace).size(), count);
    write_file(folder / "config/models.json",
               R"({"models":[{"name":"mine","files":[{"target":"models/m.pth","urls":[]}]},
                             {"name":"dvae","files":[{"target":"models/d.pth","urls":[]}]}]})");
    const auto sources = model_sources(workspace);
    EXPECT_EQ(sources.size(), count + 1);
    EXPECT_EQ(model_source(sources, "mine").target, "models/m.pth");
    EXPECT_EQ(model_source(sources, "dvae").target, "models/d.pth");
    write_file(folder / "config/models.json", "{");
    EXPECT_THROW(model_sources(workspace), Error);
}

TEST(ModelSources, RefusesTablesThatLeaveTheWorkspace) {
    const auto table = [](const std::string& target, const std::string& sum) {
        return cat(R"({"models":[{"name":"m","files":[{"target":")", target, R"(","urls":[],"sha256":")", sum,
                   R"("}]}]})");
    };
    EXPECT_NO_THROW(parse_model_sources(table("models/a.pth", ""), "t"));
    for (const char* bad : {"../a", "models/../../a", "/etc/passwd", "", "models/"})
        EXPECT_THROW(parse_model_sources(table(bad, ""), "t"), Error) << bad;
    EXPECT_THROW(parse_model_sources(table("a", "12"), "t"), Error);
    EXPECT_THROW(parse_model_sources("{}", "t"), Error);
    EXPECT_THROW(parse_model_sources(R"({"models":[{"name":5}]})", "t"), Error);
    EXPECT_THROW(parse_model_sources("[", "t"), Error);
}

}  // namespace
}  // namespace testudo::studio
