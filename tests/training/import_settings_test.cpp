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
    EXPECT_EQ(import_settings_of(shop.root(), "training/v/train.yaml").settings.source_model,
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

}  // namespace
}  // namespace testudo::training
