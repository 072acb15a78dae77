// The whole job by the program, on real recordings with a real Whisper: what ./dev demo shows, in small.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "core/events.h"
#include "core/json.h"
#include "support/golden.h"
#include "support/program.h"

namespace testudo {
namespace {

using test::run_program;
using test::TemporaryFolder;

class SlowMainJob : public ::testing::Test {
  protected:
    TemporaryFolder folder;
    const fs::path whisper = test::source_dir() / ".deps/models/whisper/tiny.en";
    const fs::path recordings = test::source_dir() / ".deps/data/asterisk-en/en";

    void SetUp() override {
        if (!fs::exists(whisper) || !fs::exists(recordings)) GTEST_SKIP() << "run ./dev setup first";
        fs::create_directories(folder / "voices/ada");
        for (const char* name :
             {"agent-alreadyon", "agent-newlocation", "agent-user", "auth-incorrect", "conf-getconfno"})
            fs::copy_file(recordings / (std::string(name) + ".g722"),
                          folder / "voices/ada" / (std::string(name) + ".g722"));
    }
    test::Ran testudo(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"--workspace", folder.path().string()});
        return run_program(arguments, folder.path());
    }
    void prepare_and_configure(const std::string& epochs) {
        auto ran = testudo(
            {"prepare", "ada", "--whisper-model", whisper.string(), "--validation-audio-length", "3.35"});
        ASSERT_EQ(ran.code, 0) << ran.err;
        ran = testudo({"models", "init", "--size", "nano", "--name", "tiny"});
        ASSERT_EQ(ran.code, 0) << ran.err;
        ran = testudo({"configure", "ada", "--epochs", epochs, "--batch-size", "2",
                       "--gradient-accumulation-size", "1", "--learning-rate", "1e-3", "--source-model",
                       (folder / "models/tortoise/tiny.pth").string(), "--dvae-model",
                       (folder / "models/tortoise/tiny_dvae.pth").string(), "--save-rate", "1",
                       "--validation-rate", "1"});
        ASSERT_EQ(ran.code, 0) << ran.err;
    }
    std::vector<double> losses() {
        std::vector<double> out;
        for (const Json& event : read_events(folder / "training/ada/finetune/events.jsonl"))
            if (event["type"] == "metric" && event.value("mode", "") != "validation")
                out.push_back(event["loss_gpt_total"].get<double>());
        return out;
    }
};

TEST_F(SlowMainJob, RecordingsBecomeAModel) {
    ASSERT_NO_FATAL_FAILURE(prepare_and_configure("3"));
    const Json transcripts = read_json(folder / "training/ada/whisper.json");
    EXPECT_EQ(transcripts.size(), 5u);
    EXPECT_NE(transcripts.dump().find("agent number followed by the pound key"), std::string::npos);
    const std::string list = read_file(folder / "training/ada/train.txt");
    EXPECT_NE(list.find("audio/agent-user"), std::string::npos) << list;

    auto ran = testudo({"train", "ada"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const auto values = losses();
    ASSERT_GE(values.size(), 3u);
    EXPECT_LT(values.back(), values.front());
    const fs::path models = folder / "training/ada/finetune/models";
    ASSERT_TRUE(fs::exists(models));
    const std::string newest = std::to_string(values.size());
    EXPECT_TRUE(fs::exists(models / (newest + "_gpt.pth")));
    EXPECT_TRUE(fs::exists(folder / ("training/ada/finetune/training_state/" + newest + ".state")));
    const auto inspected =
        testudo({"--json", "models", "inspect", (models / (newest + "_gpt.pth")).string()});
    ASSERT_EQ(inspected.code, 0) << inspected.err;
    EXPECT_EQ(Json::parse(inspected.out)["kind"], "autoregressive");

    ran = testudo({"resume", "ada", "--epochs", "4"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(losses().size(), values.size() / 3 * 4);
    ran = testudo({"train", "ada"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const auto archived = std::count_if(
        fs::directory_iterator(folder / "training/ada"), fs::directory_iterator(),
        [](const auto& entry) { return entry.path().filename().string().starts_with("finetune_archived_"); });
    EXPECT_EQ(archived, 1) << "an old run is moved aside";
    EXPECT_EQ(losses(), values) << "the same seed trains the same way";
}

TEST_F(SlowMainJob, CtrlCSavesAndResumeGoesOnExactly) {
    ASSERT_NO_FATAL_FAILURE(prepare_and_configure("40"));
    auto ran = testudo({"train", "ada"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const auto uninterrupted = losses();

    test::Program program({"--workspace", folder.path().string(), "train", "ada"}, folder.path());
    const fs::path events = folder / "training/ada/finetune/events.jsonl";
    const auto started = std::chrono::steady_clock::now();
    // The log of the first run is archived when the second begins: wait for a few of its own steps.
    for (std::size_t steps = 0; steps < 3 || steps >= uninterrupted.size(); steps = losses().size()) {
        ASSERT_LT(std::chrono::steady_clock::now() - started, std::chrono::minutes(2));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    program.signal(SIGINT);
    ran = program.wait();
    EXPECT_EQ(ran.code, 130) << ran.err;
    EXPECT_LT(losses().size(), uninterrupted.size());
    ran = testudo({"resume", "ada"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(losses(), uninterrupted) << "to the last bit";
}

TEST_F(SlowMainJob, InstalledTreeRunsWhereverItIs) {
    // What `./dev install` copies, moved elsewhere and started with an empty environment.
    const auto installed = test::Program({"--install", test::program_build_folder().string(), "--prefix",
                                          (folder / "a").string()},
                                         folder.path(), "/usr/bin/cmake")
                               .wait();
    ASSERT_EQ(installed.code, 0) << installed.err;
    fs::rename(folder / "a", folder / "b");
    // Nor does it take libraries from the folder it is started in.
    write_file(folder / "libz.so.1", "not a library");
    const auto ran =
        test::Program({"-i", "-C", folder.path().string(), (folder / "b/bin/testudo").string(), "--workspace",
                       (folder / "w").string(), "models", "init", "--size", "nano"},
                      folder.path(), "/usr/bin/env")
            .wait();
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_TRUE(fs::exists(folder / "w/models/tortoise"));
}

}  // namespace
}  // namespace testudo
