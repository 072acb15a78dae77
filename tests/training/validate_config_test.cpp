#include "training/validate_config.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "core/available_memory.h"
#include "training/config.h"
#include "training/measure_memory.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using test::replace_in;
using test::Workshop;

Json validate(const Workshop& shop, const ValidateOptions& options = {.voice = "v"}) {
    Events events;
    return validate_configuration(shop.root(), "training/v/train.yaml", options, events);
}

Json finding(const Json& result, const std::string& name) {
    for (const Json& one : result["findings"])
        if (one["name"] == name) return one;
    ADD_FAILURE() << "no finding " << name << "\n" << result.dump(1);
    return Json::object();
}

void expect_no_go(const Json& result, const std::string& name, const std::string& part, int code) {
    EXPECT_EQ(result["verdict"], "no-go");
    EXPECT_EQ(result["exit_code"], code);
    const Json found = finding(result, name);
    EXPECT_EQ(found.value("level", ""), "problem");
    EXPECT_NE(found.value("value", "").find(part), std::string::npos) << found.dump();
    EXPECT_FALSE(found.value("remedy", "").empty());
}

TEST(Validate, AGoodRunIsAGo) {
    Workshop shop(30, 3);
    shop.settings.epochs = 30;  // 240 steps
    shop.settings.learning_rate = 1e-4;
    shop.settings.batch_size = 4;
    shop.settings.save_rate = 5;
    shop.settings.validation_rate = 5;
    shop.configure();
    const std::string yaml = read_file(shop.paths().yaml);
    const Json result = validate(shop);
    EXPECT_EQ(result["verdict"], "go") << result.dump(1);
    EXPECT_EQ(result["exit_code"], 0);
    EXPECT_TRUE(result["suggestions"].empty());
    EXPECT_FALSE(result.contains("command"));
    const Json numbers = result["numbers"];
    EXPECT_EQ(numbers["lines"], 30);
    EXPECT_EQ(numbers["validation_lines"], 3);
    EXPECT_EQ(numbers["iterations_per_epoch"], 8);
    EXPECT_EQ(numbers["iterations"], 240);
    EXPECT_EQ(numbers["checkpoints"], 6);
    EXPECT_EQ(numbers["memory_measured"], true);
    EXPECT_GE(numbers["memory_bytes"].get<double>(), numbers["memory_fixed_bytes"].get<double>());
    EXPECT_EQ(numbers["fitting_clips"], 4);
    // Nothing was written.
    EXPECT_EQ(read_file(shop.paths().yaml), yaml);
    EXPECT_FALSE(fs::exists(shop.paths().finetune));
    EXPECT_FALSE(fs::exists(shop.paths().features));

    shop.train();  // as foretold
    EXPECT_EQ(saved_iterations(shop.paths()).size(), 6u);
    double bytes = 0;
    for (const auto& folder : {shop.paths().models, shop.paths().states})
        for (const auto& file : fs::directory_iterator(folder))
            bytes += static_cast<double>(file.file_size());
    EXPECT_NEAR(bytes / 6, numbers["checkpoint_bytes"].get<double>(), 1.1e6);
}

// Validation and training leave the same lines out, for the same reasons.
TEST(Validate, LeavesOutWhatTrainingLeavesOut) {
    Workshop shop(6, 1);
    shop.configure();
    const fs::path folder = shop.paths().folder;
    audio::Clip clip;
    clip.rate = 22050;
    clip.samples.assign(22050, 0.0f);
    for (const char* name : {"audio/clip_2.wav", "audio/clip_100.wav"})
        audio::write_wav16(folder / name, clip);
    clip.samples.assign(13 * 22050, 0.5f);
    audio::write_wav16(folder / "audio" / "clip_4.wav", clip);
    const Json result = validate(shop, {.voice = "v", .measure = false});
    EXPECT_EQ(result["numbers"]["lines"], 4);
    const std::string lines = finding(result, "lines").value("value", "");
    EXPECT_NE(lines.find("train.txt:3: the clip is silent"), std::string::npos) << lines;
    EXPECT_NE(lines.find("train.txt:5: the clip lasts 13 s, too long: up to 11.61 s"), std::string::npos)
        << lines;
    EXPECT_EQ(finding(result, "validation")["level"], "suggestion");
    shop.train();
    EXPECT_TRUE(shop.said("train.txt:3 is left out: the clip is silent"));
    EXPECT_TRUE(shop.said("train.txt:5 is left out: the clip lasts 13 s, too long: up to 11.61 s"));
    EXPECT_TRUE(shop.said("validation is off"));
}

TEST(Validate, WhatTeachesNothingIsTold) {
    Workshop shop(10, 0);
    const auto level = [&](const char* name) {
        shop.configure();
        return finding(validate(shop, {.voice = "v", .measure = false}), name).value("level", "");
    };
    const TrainingSettings usual = shop.settings;
    shop.settings.learning_rate = 0;
    EXPECT_EQ(level("learning rate"), "problem");
    shop.settings.learning_rate = 1e-30;
    EXPECT_EQ(level("learning rate"), "suggestion");
    shop.settings = usual;
    shop.settings.learning_rate_schedule = {0, 0, 0};
    EXPECT_EQ(level("learning rate"), "suggestion");
    shop.settings = usual;
    EXPECT_EQ(level("learning rate"), "ok");
    shop.settings.mel_lr_weight = 0;
    EXPECT_EQ(level("loss weights"), "suggestion");
    shop.settings.text_lr_weight = 0;
    EXPECT_EQ(level("loss weights"), "problem");
    shop.settings = usual;
    shop.settings.keep_states = shop.settings.keep_best = 1;
    EXPECT_EQ(level("best checkpoints"), "suggestion");
    shop.settings.sample_sentences = {"Well spoken.", "\xf0\x9f\x98\x80"};
    EXPECT_EQ(level("samples"), "suggestion");
}

TEST(Validate, WithoutMeasuringIsAsStrictAboutTheRest) {
    Workshop shop;
    shop.configure();
    Json result = validate(shop, {.voice = "v", .measure = false});
    EXPECT_EQ(result["numbers"]["memory_measured"], false);
    EXPECT_FALSE(result["numbers"].contains("fitting_clips"));
    EXPECT_EQ(finding(result, "memory")["level"], "ok");
    fs::remove(shop.root() / "models/tortoise/dvae.pth");
    result = validate(shop, {.voice = "v", .measure = false});
    expect_no_go(result, "DVAE", "dvae.pth", 3);
}

TEST(Validate, SuggestionsAreACautionAndACommand) {
    Workshop shop(10, 3);
    shop.settings.gradient_accumulation_size = 3;
    shop.configure();
    const Json result = validate(shop);
    EXPECT_EQ(result["verdict"], "caution");
    EXPECT_EQ(result["exit_code"], 0);
    std::map<std::string, Json> found;
    for (const Json& one : result["suggestions"]) found[one["key"].get<std::string>()] = one["to"];
    EXPECT_EQ(found["gradient_accumulation_size"], 4);
    EXPECT_EQ(found["learning_rate"], 1e-4);
    EXPECT_TRUE(found.contains("epochs"));
    const std::string command = result.value("command", "");
    EXPECT_TRUE(command.starts_with("testudo configure v --import-file ")) << command;
    EXPECT_NE(command.find(" --gradient-accumulation-size 4"), std::string::npos) << command;
}

TEST(Validate, WhatCannotWorkIsNamed) {
    Workshop shop(10, 3);
    shop.configure();
    const std::string good = read_file(shop.paths().yaml);
    const auto with = [&](const std::string& from, const std::string& to) {
        write_file(shop.paths().yaml, good);
        replace_in(shop.paths().yaml, from, to);
        return validate(shop);
    };
    expect_no_go(with("  niter: 9", "  niter: x"), "configuration", "train.niter", 3);
    expect_no_go(with("name: v", "name: w"), "configuration", "another voice", 3);
    expect_no_go(with("      layers: 2", "      layers: 3"), "source model", "another shape", 3);
    expect_no_go(with("autoregressive.pth", "none.pth"), "source model", "none.pth", 3);
    expect_no_go(with("train.txt", "none.txt"), "lines", "none.txt", 3);
    expect_no_go(with("number_text_tokens: 256", "number_text_tokens: 200"), "configuration",
                 "start_text_token", 3);
    write_file(shop.paths().yaml, good);
    expect_no_go(validate(shop, {.voice = "v", .device = "cuda:31"}), "device", "cuda:31", 4);
    fs::remove(shop.paths().yaml);
    expect_no_go(validate(shop), "configuration", "train.yaml", 3);
}

TEST(Validate, LinesThatTrainingWouldLeaveOutAndThoseThatStopIt) {
    Workshop shop(10, 3);
    shop.configure();
    const fs::path list = shop.paths().folder / "train.txt";
    const std::string good = read_file(list);
    write_file(list, good + "audio/clip_0.wav|a_b\naudio/clip_1.wav|" + std::string(300, 'x') + "\n");
    Json result = validate(shop);
    EXPECT_EQ(result["verdict"], "caution");
    EXPECT_EQ(result["numbers"]["lines"], 10);
    std::string value = finding(result, "lines")["value"].get<std::string>();
    EXPECT_NE(value.find("10 of 12 lines"), std::string::npos) << value;
    EXPECT_NE(value.find("train.txt:11: "), std::string::npos) << value;
    EXPECT_NE(value.find("train.txt:12: its text has 300"), std::string::npos) << value;

    // More tokens than the model's table of 80 holds: training would refuse the dataset.
    write_file(list, good + "audio/clip_1.wav|" + std::string(120, 'x') + "\n");
    expect_no_go(validate(shop), "lines", "do not fit the model", 3);
    write_file(shop.paths().folder / "audio/broken.wav", "no sound");
    write_file(list, good + "audio/broken.wav|text\n");
    expect_no_go(validate(shop), "lines", "broken.wav", 3);
    write_file(list, "audio/clip_0.wav|a_b\n");
    expect_no_go(validate(shop), "lines", "none of the 1 lines", 3);
    write_file(list, "audio/none.wav|text\n");
    expect_no_go(validate(shop), "lines", "none.wav", 3);
    write_file(list, good);
    write_file(shop.paths().folder / "validation.txt", "");
    EXPECT_EQ(finding(validate(shop), "validation")["level"], "suggestion");
}

TEST(Validate, AVocabularyThatIsTooLargeForTheModel) {
    Workshop shop(10, 3);
    shop.configure();
    fs::create_directories(shop.root() / "models/tokenizers");
    Json tokenizer = read_json(testudo::test::source_dir() / "data/tokenizers/bpe_lowercase_asr_256.json");
    tokenizer["model"]["vocab"]["zzz"] = 400;
    write_json(shop.root() / "models/tokenizers/large.json", tokenizer);
    std::string yaml = read_file(shop.paths().yaml);
    const std::string name = "./modules/tortoise-tts/tortoise/data/tokenizer.json";
    for (auto at = yaml.find(name); at != std::string::npos; at = yaml.find(name))
        yaml.replace(at, name.size(), "./models/tokenizers/large.json");
    write_file(shop.paths().yaml, yaml);
    expect_no_go(validate(shop), "vocabulary", "401 tokens", 3);
}

TEST(Validate, AStateThatIsGoneOrComplete) {
    Workshop shop(4, 0);
    shop.configure();
    shop.train();
    shop.settings.resume_state = "latest";
    shop.settings.epochs = 4;
    shop.configure();
    const Json result = validate(shop);
    EXPECT_EQ(result["exit_code"], 0) << result.dump(1);
    EXPECT_EQ(result["numbers"]["start"], 3);
    EXPECT_EQ(result["numbers"]["checkpoints"], 1);
    shop.settings.epochs = 3;
    shop.configure();
    expect_no_go(validate(shop), "length", "3 iterations", 3);
    fs::remove(shop.paths().state(3));
    expect_no_go(validate(shop), "resume state", "3.state", 3);
}

// Prediction and measurement agree with each other and grow with the batch.
TEST(Validate, RanksOnACpuDivideItsMemoryAndItsThreads) {
    Workshop shop(8, 2);
    shop.settings.gpus = 2;
    shop.configure();
    const Json one = validate(shop);
    EXPECT_NE(finding(one, "memory")["value"].get<std::string>().find("divided among 2 processes"),
              std::string::npos)
        << one.dump(1);
    shop.settings.gpus = 64;
    shop.configure();
    const int threads = at::get_num_threads();
    at::set_num_threads(2);
    const Json many = validate(shop);
    at::set_num_threads(threads);
    EXPECT_EQ(finding(many, "ranks")["level"], "suggestion");
    EXPECT_LT(many["numbers"]["memory_available_bytes"].get<double>(),
              one["numbers"]["memory_available_bytes"].get<double>());
}

TEST(Measure, MoreClipsTakeMore) {
    if (!reset_peak_resident()) GTEST_SKIP() << "the peak cannot be reset here";
    nets::UnifiedVoiceConfig model = test::tiny_model();
    model.model_dim = 128;
    model.layers = 4;
    model.number_mel_codes = 1026;
    model.start_mel_token = 1024;
    model.stop_mel_token = 1025;
    Workshop shop(10, 0, model);
    shop.settings.batch_size = 4;
    shop.configure();
    Config config = read_config(shop.root(), shop.paths().yaml);
    Events events;
    const std::vector<ClipLength> clips(64, {60, 22050 * 10});
    double before = 0;
    for (const std::int64_t batch : {1, 8, 64}) {
        config.batch_size = batch;
        const MemoryNeed need = measure_memory(config, config.base_model, clips, at::kCPU, events);
        EXPECT_TRUE(need.measured);
        EXPECT_EQ(need.micro_batch, batch);
        EXPECT_EQ(need.fitting, batch);
        EXPECT_TRUE(std::isfinite(*need.loss));
        EXPECT_GT(need.needed, before);
        before = need.needed;
    }
    config.accumulation = 8;  // in parts of eight, as a batch of eight
    const MemoryNeed parts = measure_memory(config, config.base_model, clips, at::kCPU, events);
    EXPECT_EQ(parts.micro_batch, 8);
}

TEST(Measure, WhatWillNotFitIsForetold) {
    Workshop shop;
    shop.configure();
    const Config config = read_config(shop.root(), shop.paths().yaml);
    const std::int64_t huge = std::int64_t{1} << 42;
    const MemoryNeed need =
        foretell_memory(config, {huge, 0, huge, 8.0 * static_cast<double>(huge)}, at::kCPU, 0, {});
    EXPECT_GT(need.needed, need.available);
    EXPECT_EQ(need.fixed, 14.0 * static_cast<double>(huge));  // weights, two moments, gradients in halves
    EXPECT_EQ(fixed_bytes({1000, 0, 1000, 8000}, config), 16000);
    EXPECT_EQ(fixed_bytes({1000, 0, 1000, 2100}, config), 10100);
    EXPECT_EQ(fixed_bytes({1000, 10, 10, 80}, config), 4000 + 40 + 80 + 40);  // adapters
}

}  // namespace
}  // namespace testudo::training
