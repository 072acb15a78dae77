// Models that are not there: fetched first, from a local folder here, or said clearly when that may not be.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/hash.h"
#include "core/json.h"
#include "core/strings.h"
#include "support/golden.h"
#include "support/program.h"

namespace testudo {
namespace {

using test::run_program;

class Variable {
  public:
    Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
    ~Variable() { ::unsetenv(name_); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    const char* name_;
};

struct PullOnDemand : ::testing::Test {
    void SetUp() override {
        if (!fs::exists(models / "tiny.en/model.bin")) GTEST_SKIP() << "run ./dev setup first";
        fs::create_directories(folder / "voices/ada");
        fs::copy(test::golden_file_or_default("asr/audio/en_short.flac"), folder / "voices/ada/short.flac");
    }
    // A table of the workspace's own, in which tiny.en is the model that is on this disk.
    void publish_tiny() {
        Json files = Json::array();
        for (const char* name : {"model.bin", "config.json", "tokenizer.json"})
            files.push_back({{"target", cat("models/whisper/tiny.en/", name)},
                             {"urls", Json::array()},
                             {"sha256", sha256_of_file(models / "tiny.en" / name)}});
        write_json(folder / "config/models.json",
                   {{"models", {{{"name", "whisper-tiny.en"}, {"licence", "MIT"}, {"files", files}}}}});
    }
    test::Ran transcribe(std::vector<std::string> more = {}) {
        std::vector<std::string> arguments = {
            "--workspace", folder.path().string(), "transcribe", "ada", "--whisper-model", "tiny", "--json"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_program(arguments, folder.path());
    }
    const fs::path models = test::source_dir() / ".deps/models/whisper";
    test::TemporaryFolder folder;
};

TEST_F(PullOnDemand, OfflineItIsSaidWhatIsMissing) {
    for (const bool flag : {true, false}) {
        const Variable offline("TESTUDO_OFFLINE", flag ? "0" : "1");
        const auto ran =
            transcribe(flag ? std::vector<std::string>{"--offline"} : std::vector<std::string>{});
        EXPECT_EQ(ran.code, 4) << ran.err;
        EXPECT_NE(ran.err.find("tiny.en.pt is not there, and the network may not be used"), std::string::npos)
            << ran.err;
        EXPECT_NE(ran.err.find("TESTUDO_MODELS_FROM"), std::string::npos) << ran.err;
    }
}

TEST_F(PullOnDemand, AWrongFileOfTheFolderIsNotTaken) {
    write_file(folder / "mirror/tiny.en.pt", "not the model");
    const Variable from("TESTUDO_MODELS_FROM", (folder / "mirror").string());
    const auto ran = transcribe();
    EXPECT_EQ(ran.code, 3) << ran.err;
    EXPECT_NE(ran.err.find("SHA-256"), std::string::npos) << ran.err;
    EXPECT_FALSE(fs::exists(folder / "models/whisper/tiny.en/tiny.en.pt"));
}

TEST_F(PullOnDemand, SlowAFolderServesAsMirror) {
    publish_tiny();
    const auto missing = transcribe({"--offline"});
    EXPECT_EQ(missing.code, 4) << missing.err;
    // By the settings of the workspace, for whisper.cpp under the original's name: fetched, then converted.
    write_json(folder / "config/exec.json", {{"models_from", models.string()}, {"offline", true}});
    const auto ran = transcribe({"--whisper-backend", "lightmare/whispercpp"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.out.find("\"stage\":\"fetch model.bin\""), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("for whisper.cpp, once"), std::string::npos) << ran.out;
    EXPECT_TRUE(fs::exists(folder / "models/whisper/ggml-tiny.en.bin"));
    const Json heard = read_json(folder / "training/ada/whisper.json");
    EXPECT_EQ(heard["short.flac"]["language"], "en");
    EXPECT_EQ(lower_ascii(heard["short.flac"]["text"].get<std::string>()).find("activated"), 1u);
    // Both forms are there now: nothing more is fetched or converted.
    const auto again = transcribe({"--whisper-backend", "openai/whisper", "--offline"});
    EXPECT_EQ(again.code, 0) << again.err;
    EXPECT_EQ(again.out.find("fetch"), std::string::npos) << again.out;
    const auto list =
        run_program({"--workspace", folder.path().string(), "models", "list", "--json"}, folder.path());
    EXPECT_NE(list.out.find("\"form\": \"ggml\""), std::string::npos) << list.out;
}

TEST_F(PullOnDemand, BrokenSettingsAreNamed) {
    for (const char* text : {"[]", "{\"offline\": 3}", "{\"models_from\": true}", "{"}) {
        write_file(folder / "config/exec.json", text);
        const auto ran = transcribe();
        EXPECT_EQ(ran.code, 3) << text << ran.err;
        EXPECT_NE(ran.err.find("exec.json"), std::string::npos) << ran.err;
    }
}

TEST_F(PullOnDemand, SlowWhisperModelsAreConvertedAndShown) {
    const std::string workspace = folder.path().string(), to = (folder / "ggml-own.bin").string();
    const auto ran = run_program(
        {"--workspace", workspace, "models", "convert", (models / "tiny.en").string(), to}, folder.path());
    EXPECT_EQ(ran.code, 0) << ran.err;
    const auto shown =
        run_program({"--workspace", workspace, "models", "inspect", to, "--json"}, folder.path());
    EXPECT_EQ(shown.code, 0) << shown.err;
    const Json found = Json::parse(shown.out);
    EXPECT_EQ(found["kind"], "whisper");
    EXPECT_EQ(found["form"], "ggml");
    EXPECT_EQ(found["config"]["n_state"], 384);
    const auto other = run_program({"--workspace", workspace, "models", "convert", to,
                                    (folder / "x.bin").string(), "--precision", "bf16"},
                                   folder.path());
    EXPECT_EQ(other.code, 2) << other.err;
}

}  // namespace
}  // namespace testudo
