#include "training/import_settings.h"

#include <gtest/gtest.h>

#include "training/config.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using test::error_of;
using test::Workshop;

ImportedSettings import(const Workshop& shop) {
    Events events;
    return import_settings(shop.root(), "v", events);
}

// What configure is given, written, and read back.
TEST(Import, WhatConfigureWroteComesBack) {
    Workshop shop(10, 3);
    const auto round = [&] {
        shop.configure();
        Json given = settings_to_json(shop.settings);
        Json back = settings_to_json(settings_of_yaml(shop.root(), shop.paths().yaml));
        // Empty names become those of the defaults.
        for (const char* key : {"source_model", "dvae_model"}) given.erase(key), back.erase(key);
        return std::pair(given, back);
    };
    auto [given, back] = round();
    EXPECT_EQ(given, back);

    shop.settings.epochs = 40;
    shop.settings.learning_rate = 2.5e-5;
    shop.settings.text_lr_weight = 1;
    shop.settings.mel_lr_weight = 0.5;
    shop.settings.learning_rate_schedule = {1, 3, 7};
    shop.settings.learning_rate_gamma = 0.25;
    shop.settings.gradient_accumulation_size = 2;
    shop.settings.save_rate = 5;
    shop.settings.validation_rate = 2;
    shop.settings.validation_enabled = false;
    shop.settings.workers = 5;
    shop.settings.keep_states = 3;
    shop.settings.keep_best = 2;
    shop.settings.csv = true;
    shop.settings.tensorboard = true;
    shop.settings.sample_sentences = {"Hello, world: it's \"me\"", "- 3", "été"};
    shop.settings.ema = true;
    shop.settings.objective = "dlas";
    shop.settings.dropout = 0.2;
    shop.settings.checkpointing = "on";
    shop.settings.lora_rank = 8;
    shop.settings.lora_alpha = 12.5;
    shop.settings.lora_targets = {"qkv", "heads"};
    shop.settings.freeze = {"layers:0", "text_head"};
    shop.settings.gradient_memory = "lean";
    shop.settings.seed = 99;
    std::tie(given, back) = round();
    EXPECT_EQ(given, back);

    shop.settings.learning_rate_scheme = "CosineAnnealingLR_Restart";
    shop.settings.learning_rate_restarts = 3;
    std::tie(given, back) = round();
    for (const char* key : {"learning_rate_schedule", "learning_rate_gamma"})
        given.erase(key), back.erase(key);
    EXPECT_EQ(given, back);
}

TEST(Import, TheLatestTrainingFirstThenTheDataset) {
    Workshop shop(10, 0);
    EXPECT_EQ(error_of([&] { import(shop); }).kind(), ErrorKind::input);
    shop.settings.epochs = 4;
    shop.configure();
    shop.train();
    shop.settings.epochs = 7;
    shop.configure();
    // The configuration that was trained with wins over a later one that was not.
    EXPECT_EQ(import(shop).settings.epochs, 4);
    EXPECT_EQ(import(shop).from.parent_path(), shop.paths().finetune);

    // Copies are told by the moment in their names, day first.
    shop.settings.epochs = 9;
    shop.configure();
    fs::copy_file(shop.paths().yaml, shop.paths().finetune / "01012090_000000_train.yaml");
    fs::copy_file(shop.paths().yaml, shop.paths().finetune / "31122089_000000_train.yaml");
    EXPECT_EQ(import(shop).from.filename(), "01012090_000000_train.yaml");
    EXPECT_EQ(import(shop).settings.epochs, 9);

    // A damaged one is passed over, then the dataset's files count.
    write_file(shop.paths().finetune / "02012090_000000_train.yaml", "name: [");
    EXPECT_EQ(import(shop).from, shop.paths().yaml);
    fs::remove(shop.paths().yaml);
    EXPECT_EQ(import(shop).from, shop.paths().json);
    EXPECT_EQ(import(shop).settings.epochs, 9);
    write_file(shop.paths().json, "[]");
    EXPECT_EQ(error_of([&] { import(shop); }).kind(), ErrorKind::input);
}

TEST(Import, AResumeStateIsTakenOverOnlyFromAFileThatIsNamed) {
    Workshop shop(4, 0);
    shop.configure();
    shop.train();
    shop.settings.resume_state = "latest";
    shop.settings.epochs = 5;
    shop.configure();
    EXPECT_EQ(settings_of_yaml(shop.root(), shop.paths().yaml).resume_state,
              "./training/v/finetune/training_state/3.state");
    EXPECT_EQ(import_settings_of(shop.root(), "v", "training/v/train.yaml").settings.source_model,
              "./models/tortoise/autoregressive.pth");
    shop.train();
    EXPECT_EQ(import(shop).settings.resume_state, "");
    EXPECT_EQ(import(shop).settings.epochs, 5);
}

// Iterations that someone wrote by hand, as the original's files have them, become epochs of the list.
TEST(Import, IterationsOfAnOriginalFile) {
    Workshop shop(10, 0);
    shop.configure();
    std::string text = read_file(shop.paths().yaml);
    text.resize(text.find("\ntestudo:") + 1);  // our section is the last
    write_file(shop.paths().yaml, text);
    const TrainingSettings settings = settings_of_yaml(shop.root(), shop.paths().yaml);
    EXPECT_EQ(settings.epochs, 3);
    EXPECT_EQ(settings.save_rate, 1);
    EXPECT_EQ(settings.learning_rate_schedule, (std::vector<double>{2, 4, 9, 18, 25, 33, 50}));
}

// As the web UI of the original writes it, of a voice that is not here: its own list is missing.
constexpr const char* of_the_original = R"(name: ada
model: extensibletrainer
scale: 1
gpu_ids: [0]
fp16: false
bitsandbytes: true
gpus: 1
datasets:
  train:
    n_workers: 2
    batch_size: 5
    path: ./training/ada/train.txt
    tokenizer_vocab: ./models/tokenizers/japanese.json
    load_conditioning: True
    use_bpe_tokenizer: True
    load_aligned_codes: False
steps:
  gpt_train:
    optimizer_params: {lr: 1e-4, weight_decay: 0.05}
    losses:
      text_ce: {weight: 1}
path:
  pretrain_model_gpt: './models/tortoise/autoregressive.pth'
  resume_state: ~
train:
  niter: 40
  mega_batch_factor: 2
  val_freq: 10
  default_lr_scheme: MultiStepLR
  gen_lr_steps: [4, 8]
  lr_gamma: 0.5
  warmup_iter: -1
eval: {pure: true}
logger:
  save_checkpoint_freq: 20
  wandb: true
)";

ImportedSettings import_text(const Workshop& shop, const std::string& text,
                             const std::string& name = "given.yaml") {
    return import_settings_text(shop.root(), "v", text, name);
}

TEST(Import, ATextFromElsewhereSaysWhatWasNotUnderstood) {
    Workshop shop(10, 0);
    const ImportedSettings imported = import_text(shop, of_the_original);
    const TrainingSettings& settings = imported.settings;
    EXPECT_EQ(settings.epochs, 20) << "40 iterations, two an epoch with the ten lines of v";
    EXPECT_EQ(settings.save_rate, 10);
    EXPECT_EQ(settings.validation_rate, 5);
    EXPECT_EQ(settings.learning_rate_schedule, (std::vector<double>{2, 4}));
    EXPECT_EQ(settings.learning_rate, 1e-4);
    EXPECT_EQ(settings.text_lr_weight, 1);
    EXPECT_EQ(settings.batch_size, 5);
    EXPECT_TRUE(settings.bitsandbytes);
    EXPECT_TRUE(settings.validation_enabled);
    EXPECT_EQ(settings.tokenizer_json, "./models/tokenizers/japanese.json");
    EXPECT_EQ(settings.resume_state, "");
    ASSERT_EQ(imported.not_understood.size(), 2u);
    EXPECT_EQ(imported.not_understood[0].key, "steps.gpt_train.optimizer_params.weight_decay");
    EXPECT_EQ(imported.not_understood[0].line, 19);
    EXPECT_EQ(imported.not_understood[1].key, "logger.wandb");
    EXPECT_EQ(imported.not_understood[1].why, "is not known");
    ASSERT_EQ(imported.remarks.size(), 2u);
    EXPECT_NE(imported.remarks[0].find("10 lines of training/v/train.txt"), std::string::npos);
    EXPECT_NE(imported.remarks[1].find("japanese.json"), std::string::npos);

    // Without any list iterations stay iterations.
    fs::remove(shop.paths().folder / "train.txt");
    const ImportedSettings alone = import_text(shop, of_the_original);
    EXPECT_EQ(alone.settings.epochs, TrainingSettings().epochs);
    EXPECT_EQ(alone.not_understood.size(), 6u);
}

TEST(Import, TextsOfOurOwn) {
    Workshop shop(10, 3);
    shop.configure();
    const ImportedSettings yaml = import_text(shop, read_file(shop.paths().yaml));
    EXPECT_EQ(settings_to_json(yaml.settings),
              settings_to_json(settings_of_yaml(shop.root(), shop.paths().yaml)));
    EXPECT_TRUE(yaml.not_understood.empty()) << yaml.not_understood[0].key;
    EXPECT_TRUE(yaml.remarks.empty()) << yaml.remarks[0];
    for (const char* name : {"train.json", "pasted"}) {
        const ImportedSettings json = import_text(shop, read_file(shop.paths().json), name);
        EXPECT_EQ(json.settings.epochs, shop.settings.epochs);
        EXPECT_TRUE(json.not_understood.empty());
    }
    const ImportedSettings other = import_text(shop, "{\n \"epochs\": 7,\n \"colour\": 1}", "x.json");
    EXPECT_EQ(other.settings.epochs, 7);
    ASSERT_EQ(other.not_understood.size(), 1u);
    EXPECT_EQ(other.not_understood[0].line, 3);
}

TEST(Import, WhatCannotBeTakenIsToldAtItsLine) {
    Workshop shop(4, 0);
    const auto refused = [&](const std::string& text, const std::string& words,
                             const std::string& name = "given.yaml") {
        const Error error = error_of([&] { import_text(shop, text, name); });
        EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
        EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
        EXPECT_NE(error.hint(), "");
    };
    refused("name: [", "line");
    refused("name: v\ndatasets:\n  train:\n    batch_size: many\n", "line 4: datasets.train.batch_size");
    refused("name: v\ndatasets:\n  train:\n    batch_size: 0\n", "line 4: datasets.train.batch_size");
    refused("name: v\ndatasets: 7\n", "line 2: datasets must be a map");
    refused("steps:\n  gpt_train:\n    optimizer_params: {lr: [1]}",
            "line 3: steps.gpt_train.optimizer_params.lr");
    refused("train:\n  default_lr_scheme: Wild\n", "line 2: train.default_lr_scheme");
    refused("train:\n  niter: 99999999999999999999\n", "line 2: train.niter");
    refused("train: {val_freq: .nan}\n", "line 1: train.val_freq");
    refused("recipe: pancakes\n", "no training configuration");
    refused("- a\n- b\n", "no training configuration");
    refused("", "no training configuration");
    refused("{\n\"epochs\": \"many\"}", "line 2, column 11: epochs must be", "train.json");
    refused("{\n\"epochs\": 0}", "line 2, column 11: epochs is 0", "train.json");
    refused("{\"epochs\"", "line 1", "train.json");
    refused("{}", "no training configuration", "train.json");
    refused(std::string("name: v\0", 8), "is no text");
    refused("name: \xff\xfe\n", "is no text");
    refused(std::string(longest_import + 1, 'a'), "larger than");
}

// Aliases that grow without end, circles, depth without end: an answer at once.
TEST(Import, BombsAreNoDanger) {
    Workshop shop(4, 0);
    std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        laughs += cat("a", i, ": &a", i, " [");
        for (int j = 0; j < 9; ++j) laughs += cat(j ? ", " : "", "*a", i - 1);
        laughs += "]\n";
    }
    std::string maps = "m0: &m0 {a: 1, b: 2}\n";
    for (int i = 1; i < 40; ++i) maps += cat("m", i, ": &m", i, " {a: *m", i - 1, ", b: *m", i - 1, "}\n");
    std::string wide;
    for (int i = 0; wide.size() < longest_import - 20; ++i) wide += cat("k", i, ": 1\n");
    const std::string deep(100000, '[');
    std::string nested;
    for (int i = 0; i < 100; ++i) nested += "{a: ";
    nested += "1" + std::string(100, '}');
    const std::string dashes = [] {
        std::string text;
        for (int i = 0; i < 100000; ++i) text += "- ";
        return text;
    }();
    for (const std::string& text : {laughs, maps, wide, deep, nested, dashes, std::string("a: &a [*a]\n"),
                                    std::string("a: &a {b: *a}\n")}) {
        const auto began = std::chrono::steady_clock::now();
        EXPECT_EQ(error_of([&] { import_text(shop, text); }).kind(), ErrorKind::input) << text.substr(0, 40);
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20)) << text.substr(0, 40);
    }
    std::string keys = "{\"epochs\": 3";
    for (int i = 0; keys.size() < longest_import - 20; ++i) keys += cat(",\"k", i, "\":1");
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(import_text(shop, keys + "}", "train.json").not_understood.size(), most_not_understood);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
    // A list outside the workspace is not looked at.
    const ImportedSettings outside = import_text(
        shop, "train: {niter: 4}\ndatasets: {train: {path: ../../../../../../etc/passwd, batch_size: 2}}\n");
    EXPECT_EQ(outside.settings.epochs, 2) << "by the voice's own four lines";
}

}  // namespace
}  // namespace testudo::training
