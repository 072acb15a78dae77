// The program as a user meets it: help, exit codes, errors. The whole job is in main_job_test.cpp.
#include "support/program.h"

#include <gtest/gtest.h>

#include "core/json.h"
#include "core/strings.h"
#include "support/golden.h"
#include "tensors/safetensors.h"

namespace testudo {
namespace {

using test::run_program;
using test::TemporaryFolder;

TEST(Program, HelpOfEveryVerbHasExamples) {
    const TemporaryFolder folder;
    const auto top = run_program({"--help"}, folder.path());
    EXPECT_EQ(top.code, 0);
    for (const std::string verb : {"transcribe", "slice", "dataset", "prepare", "configure", "train",
                                   "resume", "queue", "models", "tokenizer", "doctor", "bench", "demo"}) {
        EXPECT_NE(top.out.find("  " + verb), std::string::npos) << verb;
        const auto help = run_program({verb, "--help"}, folder.path());
        EXPECT_EQ(help.code, 0) << verb;
        EXPECT_NE(help.out.find("Examples:"), std::string::npos) << verb;
    }
    EXPECT_NE(top.out.find("Exit codes"), std::string::npos);
    EXPECT_EQ(run_program({"--version"}, folder.path()).out, TESTUDO_VERSION "\n");
}

TEST(Program, FlagsComeFromTheSchema) {
    const TemporaryFolder folder;
    const auto help = run_program({"configure", "--help"}, folder.path());
    for (const char* flag : {"--epochs", "--learning-rate", "--text-lr-weight", "--batch-size", "--save-rate",
                             "--validation-enabled", "--keep-states", "--objective"})
        EXPECT_NE(help.out.find(flag), std::string::npos) << flag;
}

TEST(Program, DatasetIsAVerbAndHasVerbsBelow) {
    const TemporaryFolder folder;
    const std::string workspace = folder.path().string();
    const auto run = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"--workspace", workspace});
        return run_program(arguments, folder.path());
    };
    fs::create_directories(folder / "training/stats");
    for (const auto& missing : {run({"dataset", "none"}), run({"dataset", "--", "stats"})}) {
        EXPECT_EQ(missing.code, 3);
        EXPECT_NE(missing.err.find("whisper.json"), std::string::npos) << missing.err;
    }
    const auto stats = run({"dataset", "stats", "stats", "--json"});
    EXPECT_EQ(stats.code, 3);
    EXPECT_NE(stats.err.find("train.txt"), std::string::npos) << stats.err;
    EXPECT_EQ(run({"dataset"}).code, 2);
    EXPECT_EQ(run({"dataset", "stats"}).code, 2);
    EXPECT_EQ(run({"dataset", "stats", "a", "b"}).code, 2);
    EXPECT_EQ(run({"dataset", "stats", "a", "--min-duration", "2"}).code, 2);
    EXPECT_EQ(run({"dataset", "a", "--all"}).code, 2);
    EXPECT_EQ(run({"dataset", "--all"}).code, 3);  // there is no voice
    EXPECT_EQ(run({"dataset", "a", "--cut-points", "anywhere"}).code, 2);
    EXPECT_EQ(run({"dataset", "stats", "--help"}).code, 0);
}

TEST(Program, WrongUseIsTwo) {
    const TemporaryFolder folder;
    const std::string workspace = folder.path().string();
    EXPECT_EQ(run_program({}, folder.path()).code, 2);
    EXPECT_EQ(run_program({"sing"}, folder.path()).code, 2);
    EXPECT_EQ(run_program({"train"}, folder.path()).code, 2);
    EXPECT_EQ(
        run_program({"--workspace", workspace, "configure", "x", "--epochs", "many"}, folder.path()).code, 2);
    EXPECT_EQ(run_program({"--workspace", workspace, "train", "../x"}, folder.path()).code, 2);
    EXPECT_EQ(
        run_program({"--workspace", workspace, "models", "init", "--size", "giant"}, folder.path()).code, 2);
    EXPECT_EQ(run_program({"--workspace", workspace, "models", "pull", "nothing"}, folder.path()).code, 2);
}

TEST(Program, MissingFoldersAndFilesAreThreeWithARemedy) {
    const TemporaryFolder folder;
    const std::string workspace = folder.path().string();
    const std::string whisper = (test::source_dir() / ".deps/models/whisper/tiny.en").string();
    fs::create_directories(folder / "voices/empty");
    fs::create_directories(folder / "training/none");
    struct Case {
        std::vector<std::string> arguments;
        std::string named;
    };
    for (const Case& c : {Case{{"prepare", "nobody", "--whisper-model", whisper}, "nobody"},
                          Case{{"prepare", "empty", "--whisper-model", whisper}, "empty"},
                          Case{{"slice", "none"}, "whisper.json"}, Case{{"dataset", "none"}, "whisper.json"},
                          Case{{"configure", "none"}, "train.txt"}, Case{{"train", "none"}, "train.yaml"},
                          Case{{"models", "inspect", "no.pth"}, "no.pth"}}) {
        std::vector<std::string> arguments = {"--workspace", workspace};
        arguments.insert(arguments.end(), c.arguments.begin(), c.arguments.end());
        const auto ran = run_program(arguments, folder.path());
        EXPECT_EQ(ran.code, 3) << c.arguments[0] << " " << c.arguments[1] << "\n" << ran.err;
        EXPECT_NE(ran.err.find(c.named), std::string::npos) << ran.err;
        const auto error = ran.err.find("error: ");
        ASSERT_NE(error, std::string::npos) << ran.err;
        EXPECT_GE(std::count(ran.err.begin() + static_cast<std::ptrdiff_t>(error), ran.err.end(), '\n'), 2)
            << "no remedy: " << ran.err;
        EXPECT_EQ(ran.err.find("VOICE"), std::string::npos) << ran.err;
    }
}

TEST(Program, ReadOnlyWorkspaceIsFour) {
    const TemporaryFolder folder;
    const auto ran =
        run_program({"--workspace", "/proc/testudo", "models", "init", "--size", "nano"}, folder.path());
    EXPECT_EQ(ran.code, 4) << ran.err;
    EXPECT_NE(ran.err.find("/proc/testudo"), std::string::npos) << ran.err;
}

TEST(Program, ErrorsAsJson) {
    const TemporaryFolder folder;
    const auto ran =
        run_program({"--workspace", folder.path().string(), "--json", "dataset", "nobody"}, folder.path());
    EXPECT_EQ(ran.code, 3);
    const auto at = ran.err.find("{\"error\"");
    ASSERT_NE(at, std::string::npos) << ran.err;
    const Json error = Json::parse(ran.err.substr(at));
    EXPECT_EQ(error["error"]["exit_code"], 3);
    EXPECT_FALSE(error["error"]["hint"].get<std::string>().empty());
}

TEST(Program, WrongUseAsJson) {
    const TemporaryFolder folder;
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--json", "train"},
                                                      {"configure", "x", "--epochs", "nan", "--json"},
                                                      {"--json", "foo"}}) {
        const auto ran = run_program(arguments, folder.path());
        EXPECT_EQ(ran.code, 2);
        EXPECT_EQ(Json::parse(ran.err)["error"]["exit_code"], 2);
    }
}

#ifndef __SANITIZE_ADDRESS__  // which takes terabytes of addresses
TEST(Program, TooLittleMemoryIsSaidInWordsAtAnyMoment) {
    const TemporaryFolder folder;
    int said = 0;
    for (int limit = 500000; limit <= 620000; limit += 15000) {
        const std::string command =
            cat("ulimit -v ", limit, "; exec ", test::program().string(), " --version");
        const auto ran = test::Program({"-c", command}, folder.path(), "/bin/bash").wait();
        // 127: the system could not even load the libraries
        EXPECT_TRUE(ran.code == 0 || ran.code == 4 || ran.code == 127)
            << limit << ": " << ran.code << ran.err;
        if (ran.code != 4) continue;
        EXPECT_NE(ran.err.find("ulimit -v"), std::string::npos) << ran.err;
        ++said;
    }
    EXPECT_GT(said, 0);
}
#endif

TEST(Program, OutputThatCannotBeWrittenIsFourButAReaderMayLeave) {
    const TemporaryFolder folder;
    const std::string command = test::program().string() + " --json models pull";
    EXPECT_EQ(test::Program({"-c", command + " >/dev/full"}, folder.path(), "/bin/bash").wait().code, 4);
    const auto left =
        test::Program({"-o", "pipefail", "-c", command + " | true"}, folder.path(), "/bin/bash").wait();
    EXPECT_EQ(left.code, 0) << left.err;
}

TEST(Program, HostileCheckpointsAreRefusedByTheProgram) {
    const TemporaryFolder folder;
    const fs::path bad = test::source_dir() / "tests/golden/ar/ckpt/bad";
    for (const auto& entry : fs::directory_iterator(bad)) {
        const auto ran = run_program({"models", "inspect", entry.path().string()}, folder.path());
        EXPECT_EQ(ran.code, 3) << entry.path() << "\n" << ran.err;
        EXPECT_NE(ran.err.find(entry.path().filename().string()), std::string::npos) << ran.err;
    }
}

TEST(Program, TellsTheSizesOfPublishedModelsThatAreKnown) {
    const TemporaryFolder folder;
    const auto text = run_program({"models", "pull"}, folder.path());
    EXPECT_EQ(text.code, 0);
    EXPECT_NE(text.out.find("whisper-base "), std::string::npos);
    EXPECT_NE(text.out.find("139 MiB"), std::string::npos) << text.out;
    EXPECT_EQ(text.out.find('?'), std::string::npos) << text.out;
    EXPECT_EQ(text.out.find("0 B"), std::string::npos) << text.out;
    const Json models = Json::parse(run_program({"--json", "models", "pull"}, folder.path()).out);
    for (const Json& model : models)
        if (model.at("name") == "whisper-base") {
            EXPECT_EQ(model.at("bytes"), 145262807);
        } else if (model.contains("bytes")) {
            EXPECT_GT(model.at("bytes").get<std::uint64_t>(), 0u);
        }
}

TEST(Program, TensorNamesCannotCommandTheTerminal) {
    const TemporaryFolder folder;
    tensors::NamedTensors weights;
    weights.set("red \x1b[31m\n", at::ones({1}));
    tensors::write_safetensors(folder / "x.safetensors", weights);
    const auto ran =
        run_program({"models", "inspect", (folder / "x.safetensors").string(), "--tensors"}, folder.path());
    EXPECT_EQ(ran.code, 0);
    EXPECT_NE(ran.out.find("red ?[31m?"), std::string::npos) << ran.out;
}

TEST(Program, LinksNoPython) {
    const TemporaryFolder folder;
    const auto ran = test::Program({test::program().string()}, folder.path(), "/usr/bin/ldd").wait();
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.out.find("libtorch_cpu"), std::string::npos);
    EXPECT_EQ(ran.out.find("libpython"), std::string::npos);
    EXPECT_EQ(ran.out.find("not found"), std::string::npos) << ran.out;
}

TEST(SlowProgram, DoctorFindsThisMachineFit) {
    const TemporaryFolder folder;
    const auto ran = run_program({"--workspace", folder.path().string(), "--json", "doctor"}, folder.path());
    const Json report = Json::parse(ran.out);
    EXPECT_NE(report["verdict"], "problem") << ran.out;
    EXPECT_EQ(ran.code, 0);
    EXPECT_TRUE(report.contains("self_test"));
}

TEST(SlowProgram, BenchTrainPrintsItsNumbers) {
    const TemporaryFolder folder;
    const auto ran = run_program({"--json", "bench", "train", "--layers", "1", "--dim", "64", "--heads", "1",
                                  "--batch", "2", "--steps", "2"},
                                 folder.path());
    ASSERT_EQ(ran.code, 0) << ran.err;
    const Json numbers = Json::parse(ran.out);
    EXPECT_TRUE(numbers.is_object());
    EXPECT_NE(ran.out.find("peak"), std::string::npos);
}

}  // namespace
}  // namespace testudo
