// Jobs over the API, with the real program: started, followed, failed, queued.
#include <gtest/gtest.h>

#include <thread>

#include "core/files.h"
#include "server/running_studio.h"

namespace testudo::server {
namespace {

using test::Answer;
using test::ask;
using test::get;
using test::RunningStudio;
using test::send_json;
using test::Socket;

class ServerJobs : public ::testing::Test {
  protected:
    Json wait_for(int port, const std::string& id) {
        for (int i = 0; i < 600; ++i) {
            const Json job = get(port, "/api/jobs/" + id).json();
            const std::string state = job.value("state", "");
            if (state != "running" && state != "waiting" && state != "stopping") return job;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        return {};
    }
    Json run(int port, const Json& request) {
        const Answer started = send_json(port, "POST", "/api/jobs", request);
        EXPECT_EQ(started.status, 202) << started.body;
        return started.status == 202 ? wait_for(port, started.json()["id"]) : Json();
    }
    test::TemporaryFolder folder_;
    fs::path root_ = folder_ / "studio";
};

TEST_F(ServerJobs, ModelsAreMadeMergedAndConverted) {
    RunningStudio studio(root_);
    const int port = studio.port();
    const Answer state = get(port, "/api/state");
    Socket events(port);
    events.send(
        test::text_of({"GET", cat("/api/events?cursor=", state.json()["cursor"].get<std::string>())}, port));
    for (const char* name : {"one", "two"}) {
        const Json made = run(port, {{"action", "init"}, {"size", "nano"}, {"name", name}, {"seed", *name}});
        EXPECT_EQ(made["state"], "done") << made;
        EXPECT_EQ(made["title"], cat("init ", name));
    }
    const Json merged = run(port, {{"action", "merge"},
                                   {"a", "models/tortoise/one.pth"},
                                   {"b", "models/tortoise/two.pth"},
                                   {"weight", 0.25},
                                   {"to", "between"}});
    EXPECT_EQ(merged["state"], "done") << merged;
    EXPECT_TRUE(fs::exists(root_ / "models/finetunes/between.pth"));
    const Json converted = run(port, {{"action", "convert"},
                                      {"from", "models/finetunes/between.pth"},
                                      {"to", "models/finetunes/half.safetensors"},
                                      {"precision", "fp16"}});
    EXPECT_EQ(converted["state"], "done") << converted;
    const Json again = run(port, {{"action", "merge"},
                                  {"a", "models/tortoise/one.pth"},
                                  {"b", "models/tortoise/two.pth"},
                                  {"weight", 0.25},
                                  {"to", "between"}});
    EXPECT_EQ(again["state"], "failed");
    EXPECT_NE(again["error"]["what"].get<std::string>().find("is there already"), std::string::npos) << again;
    const Json wide = run(
        port,
        {{"action", "init"}, {"size", "nano"}, {"name", "one"}, {"text_tokens", 300}, {"overwrite", true}});
    EXPECT_EQ(wide["state"], "done") << wide;
    EXPECT_EQ(
        get(port, "/api/models/inspect?path=models/tortoise/one.pth").json()["config"]["number_text_tokens"],
        300);
    const Json models = get(port, "/api/models").json();
    EXPECT_GE(models.size(), 4u);
    EXPECT_EQ(get(port, "/api/models/inspect?path=models/finetunes/between.pth").json()["kind"],
              "autoregressive");
    // All of it came by the stream, too: each job's own `done`, once.
    int done = 0;
    for (int i = 0; i < 100 && done < 5; ++i) {
        events.receive(0.2);
        done = 0;
        for (auto at = events.received.find("\"type\":\"done\""); at != std::string::npos;
             at = events.received.find("\"type\":\"done\"", at + 1))
            ++done;
    }
    EXPECT_EQ(done, 5);
    EXPECT_NE(events.received.find("event: jobs"), std::string::npos);
    const std::string id = merged["id"];
    const Json console = get(port, cat("/api/jobs/", id, "/events?types=done")).json();
    EXPECT_EQ(console["events"].size(), 1u);
    EXPECT_EQ(ask(port, {"DELETE", "/api/jobs/" + id}).status, 204);
    EXPECT_EQ(get(port, "/api/jobs/" + id).status, 404);
}

TEST_F(ServerJobs, TheQueueIsHeldMovedAndStopped) {
    RunningStudio studio(root_);
    const int port = studio.port();
    EXPECT_EQ(send_json(port, "PUT", "/api/queue", {{"paused", true}}).json()["paused"], true);
    EXPECT_EQ(send_json(port, "PUT", "/api/queue", {{"paused", 7}}).status, 400);
    std::vector<std::string> ids;
    for (const char* name : {"a", "b", "c"}) {
        const Answer added =
            send_json(port, "POST", "/api/jobs",
                      {{"action", "init"}, {"size", "nano"}, {"name", name}, {"queue", true}});
        ASSERT_EQ(added.status, 202) << added.body;
        EXPECT_EQ(added.json()["state"], "waiting");
        ids.push_back(added.json()["id"]);
    }
    const Json moved = send_json(port, "POST", cat("/api/jobs/", ids[2], "/move"), {{"position", 0}}).json();
    EXPECT_EQ(moved["waiting"], Json(std::vector<std::string>{ids[2], ids[0], ids[1]}));
    EXPECT_EQ(send_json(port, "POST", cat("/api/jobs/", ids[1], "/stop"), Json::object()).status, 202);
    EXPECT_EQ(get(port, cat("/api/jobs/", ids[1])).json()["state"], "stopped");
    EXPECT_EQ(send_json(port, "POST", cat("/api/jobs/", ids[1], "/stop"), Json::object()).status, 409);
    EXPECT_EQ(send_json(port, "POST", "/api/jobs/99/stop", Json::object()).status, 404);
    EXPECT_EQ(send_json(port, "PUT", "/api/queue", {{"paused", false}}).json()["paused"], false);
    EXPECT_EQ(wait_for(port, ids[0])["state"], "done");
    EXPECT_EQ(wait_for(port, ids[2])["state"], "done");
    EXPECT_EQ(send_json(port, "POST", "/api/jobs", {{"action", "train"}, {"voice", "nobody"}}).status, 422);
}

// What a flag would swallow or a name would be made of is refused before it becomes a job.
TEST_F(ServerJobs, SettingsOfToolsHaveTheirTypes) {
    RunningStudio studio(root_);
    const int port = studio.port();
    const auto refused = [&](const Json& request) {
        const Answer answer = send_json(port, "POST", "/api/jobs", request);
        EXPECT_EQ(answer.status, 400) << request << answer.body;
        return answer.json()["error"].value("key", "");
    };
    EXPECT_EQ(refused({{"action", "init"}, {"nonsense", 1}}), "");
    EXPECT_EQ(refused({{"action", "init"}, {"name", 1e308}}), "name");
    EXPECT_EQ(refused({{"action", "init"}, {"overwrite", 1.5}}), "overwrite");
    EXPECT_EQ(refused({{"action", "init"}, {"size", true}}), "size");
    EXPECT_EQ(refused({{"action", "init"}, {"size", "enormous"}}), "size");
    EXPECT_EQ(refused({{"action", "init"}, {"seed", 1e300}}), "seed");
    EXPECT_EQ(refused({{"action", "init"}, {"seed", 18446744073709551615u}}), "seed");
    EXPECT_EQ(refused({{"action", "tokenizer"}, {"voice", "ada"}, {"language", true}}), "language");
    EXPECT_EQ(refused({{"action", "merge"}, {"a", "x"}, {"b", "y"}, {"to", "z"}, {"weight", true}}),
              "weight");
    EXPECT_EQ(refused({{"action", "merge"}, {"a", "x"}, {"b", "y"}, {"to", "z"}, {"weight", 2}}), "weight");
    EXPECT_EQ(refused({{"action", "merge"}, {"a", "x"}, {"b", "y"}, {"to", "z"}}), "weight");
    EXPECT_EQ(refused({{"action", "pull"}, {"names", true}}), "names");
    EXPECT_EQ(refused({{"action", "pull"}, {"names", Json::array()}}), "names");
    EXPECT_EQ(refused({{"action", "import"}, {"folder", "/tmp"}, {"how", "move"}}), "how");
    EXPECT_EQ(refused({{"action", "hear"},
                       {"voice", "ada"},
                       {"recording", "a.wav"},
                       {"segment", "../../../../etc/passwd"}}),
              "segment");
    EXPECT_EQ(refused({{"action", "train"}, {"voice", "ada"}, {"epochs", -1}}), "epochs");
    EXPECT_EQ(get(port, "/api/jobs").json()["jobs"].size(), 0u);
}

}  // namespace
}  // namespace testudo::server
