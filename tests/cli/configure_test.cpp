// configure, states and validate, as a user meets them.
#include <gtest/gtest.h>

#include "support/program.h"
#include "training/workshop.h"

namespace testudo {
namespace {

using training::test::Workshop;

test::Ran run(const Workshop& shop, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--workspace", shop.root().string()});
    return test::run_program(arguments, shop.root());
}

TEST(ConfigureVerb, FlagsWinOverThePresetAndThatOverTheImport) {
    const Workshop shop(10, 3);
    const auto settings = [&] { return training::read_settings(shop.paths().json); };
    auto ran = run(shop, {"configure", "v", "--preset", "robust", "--batch-size", "5", "--epochs", "60"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(settings().epochs, 60);
    EXPECT_EQ(settings().learning_rate, 1e-4);
    EXPECT_EQ(settings().learning_rate_schedule.size(), 8u);

    ran = run(shop, {"configure", "v", "--import", "--keep-states", "3"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(settings().keep_states, 3);
    EXPECT_EQ(settings().epochs, 60);
    EXPECT_EQ(settings().batch_size, 5);
    ran = run(shop, {"configure", "v", "--import", "--preset", "accurate", "--no-validation-enabled"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(settings().keep_states, 3);
    EXPECT_EQ(settings().learning_rate, 1e-5);
    EXPECT_FALSE(settings().validation_enabled);
    ran = run(shop, {"configure", "v", "--import-file", "training/v/train.json", "--seed", "7"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(settings().seed, 7);
    EXPECT_EQ(settings().keep_states, 3);
    // Without them each begins with the defaults.
    ASSERT_EQ(run(shop, {"configure", "v"}).code, 0);
    EXPECT_EQ(settings().keep_states, 0);

    EXPECT_EQ(run(shop, {"configure", "v", "--preset", "quick"}).code, 2);
    EXPECT_EQ(run(shop, {"configure", "v", "--import", "--import-file", "x.yaml"}).code, 2);
    EXPECT_EQ(run(shop, {"configure", "v", "--import-file", "none.yaml"}).code, 3);
    const auto help = run(shop, {"configure", "--help"});
    for (const auto* name : {"robust", "accurate", "new-language"})
        EXPECT_NE(help.out.find(name), std::string::npos) << help.out;
}

TEST(ConfigureVerb, SampleSentencesAreGivenOneByOne) {
    const Workshop shop(10, 0);
    const auto sentences = [&] { return training::read_settings(shop.paths().json).sample_sentences; };
    auto ran =
        run(shop, {"configure", "--sample-sentences", "Hello, Ada: yes.", "--sample-sentences", "Two.", "v"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(sentences(), (std::vector<std::string>{"Hello, Ada: yes.", "Two."}));
    ASSERT_EQ(run(shop, {"configure", "v", "--import"}).code, 0);
    EXPECT_EQ(sentences().size(), 2u);
    ASSERT_EQ(run(shop, {"configure", "v", "--import", "--sample-sentences", ""}).code, 0);
    EXPECT_TRUE(sentences().empty());
    EXPECT_EQ(run(shop, {"configure", "v", "--sample-sentences", std::string(201, 'a')}).code, 2);
    ASSERT_EQ(run(shop, {"configure", "v", "--lora-rank", "4", "--lora-targets", "qkv,out"}).code, 0);
    EXPECT_EQ(training::read_settings(shop.paths().json).lora_targets.size(), 2u) << "names are a list";
}

TEST(StatesVerb, ListsThem) {
    Workshop shop(4, 0);
    shop.configure();
    shop.train();
    auto ran = run(shop, {"states", "v"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.out.find("ITERATION"), std::string::npos);
    EXPECT_LT(ran.out.find("3.state"), ran.out.find("2.state"));
    ran = run(shop, {"--json", "states", "v"});
    const Json states = Json::parse(ran.out);
    ASSERT_EQ(states.size(), 3u);
    EXPECT_EQ(states[0]["iteration"], 3);
    EXPECT_EQ(states[0]["complete"], true);
    write_file(shop.paths().state(2), "x");
    EXPECT_NE(run(shop, {"states", "v"}).out.find("2.state: "), std::string::npos);
    ran = run(shop, {"configure", "v", "--resume-state", "latest", "--epochs", "9"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(read_file(shop.paths().yaml).find("training_state/3.state"), std::string::npos);
    EXPECT_EQ(run(shop, {"states", "../v"}).code, 2);
    EXPECT_EQ(run(shop, {"states", "nobody"}).code, 3);
}

TEST(ValidateVerb, EndsWithItsVerdict) {
    Workshop shop(10, 3);
    shop.settings.gradient_accumulation_size = 3;
    shop.configure();
    auto ran = run(shop, {"validate", "v"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.out.find("verdict: caution"), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("gradient_accumulation_size 3 -> 4"), std::string::npos) << ran.out;

    // The command that it proposes does what it says.
    ran = run(shop, {"--json", "validate", "v", "--no-measure"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const auto lines = split_lines(ran.out);
    ASSERT_FALSE(lines.empty());
    const Json done = Json::parse(lines.back());
    EXPECT_EQ(done["type"], "done");
    auto words = split(done["result"]["command"].get<std::string>(), ' ');
    ASSERT_EQ(words[0], "testudo");
    words.erase(words.begin());
    ran = run(shop, words);
    ASSERT_EQ(ran.code, 0) << ran.err;
    ran = run(shop, {"validate", "v"});
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.out.find("suggestion: "), std::string::npos) << ran.out;

    fs::remove(shop.root() / "models/tortoise/dvae.pth");
    ran = run(shop, {"validate", "v"});
    EXPECT_EQ(ran.code, 3);
    EXPECT_NE(ran.out.find("verdict: no-go"), std::string::npos) << ran.out;
    EXPECT_EQ(run(shop, {"validate", "v", "--device", "tpu"}).code, 3);
}

}  // namespace
}  // namespace testudo
