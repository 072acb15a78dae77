#include "training/config.h"

#include <gtest/gtest.h>

#include "core/yaml.h"
#include "training/import_settings.h"
#include "training/yaml_reader.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using test::error_of;
using test::Workshop;

std::string yaml_of(const Workshop& shop) { return read_file(shop.paths().yaml); }

void replace(const fs::path& file, const std::string& from, const std::string& to) {
    std::string text = read_file(file);
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    write_file(file, text);
}

TEST(Configure, WritesWhatTheTrainerReads) {
    Workshop shop(10, 3);
    shop.settings.epochs = 5;
    shop.settings.learning_rate = 1e-5;
    shop.settings.text_lr_weight = 0.02;
    shop.settings.gradient_accumulation_size = 2;
    shop.settings.ema = true;
    shop.settings.seed = 99;
    const Json result = shop.configure();
    EXPECT_EQ(result["iterations_per_epoch"], 3);
    EXPECT_EQ(result["iterations"], 15);

    const Config config = read_config(shop.root(), shop.paths().yaml);
    EXPECT_EQ(config.voice, "v");
    EXPECT_EQ(config.iterations, 15);
    EXPECT_EQ(config.epochs, 5);
    EXPECT_EQ(config.batch_size, 4);
    EXPECT_EQ(config.validation_batch_size, 2);
    EXPECT_EQ(config.accumulation, 2);
    EXPECT_EQ(config.save_every, 3);
    EXPECT_EQ(config.validate_every, 3);
    EXPECT_TRUE(config.validation);
    EXPECT_EQ(config.ema_rate, 0.999);
    EXPECT_EQ(config.seed, 99U);
    EXPECT_EQ(config.step.text_weight, 0.02);
    EXPECT_EQ(config.step.clip, 4);
    EXPECT_EQ(config.adamw.beta2, 0.96);
    EXPECT_EQ(config.schedule.base_rate, 1e-5);
    EXPECT_EQ(config.schedule.milestones, (std::vector<std::int64_t>{6, 12, 27, 54, 75, 99, 150}));
    EXPECT_EQ(config.model.layers, 2);
    EXPECT_EQ(config.model.heads, 2);
    EXPECT_EQ(config.train_list, shop.root() / "training/v/train.txt");
    EXPECT_EQ(config.base_model, shop.root() / "models/tortoise/autoregressive.pth");
    EXPECT_TRUE(config.tokenizer.empty());

    // Python's YAML takes a number without a point for a text.
    const YAML::Node yaml = read_yaml(shop.paths().yaml);
    EXPECT_EQ(yaml["steps"]["gpt_train"]["optimizer_params"]["lr"].Scalar(), "1.0e-05");
    EXPECT_EQ(yaml["datasets"]["train"]["path"].Scalar(), "./training/v/train.txt");
    EXPECT_EQ(yaml["path"]["pretrain_model_gpt"].Scalar(), "./models/tortoise/autoregressive.pth");
    EXPECT_FALSE(yaml["path"]["resume_state"].IsDefined());
    const Json json = read_json(shop.paths().json);
    EXPECT_EQ(json["epochs"], 5);
    EXPECT_EQ(read_settings(shop.paths().json).ema, true);
}

TEST(Configure, ArcsThatRestart) {
    Workshop shop(10, 0);
    shop.settings.epochs = 40;
    shop.settings.learning_rate_scheme = "CosineAnnealingLR_Restart";
    shop.configure();
    const auto schedule = read_config(shop.root(), shop.paths().yaml).schedule;
    EXPECT_EQ(schedule.periods, std::vector<std::int64_t>(40, 30));
    EXPECT_EQ(schedule.restarts, (std::vector<std::int64_t>{30, 60, 90, 120}));
    EXPECT_EQ(schedule.restart_weights, (std::vector<double>{0.75, 0.5, 0.25, 0.125}));
    for (const std::int64_t restarts : {1, 2, 39, 40}) {  // the original fails at 1
        shop.settings.learning_rate_restarts = restarts;
        shop.configure();
        EXPECT_EQ(learning_rates(read_config(shop.root(), shop.paths().yaml).schedule, 1, 125).size(), 125U);
    }
    shop.settings.learning_rate_restarts = 41;
    EXPECT_EQ(error_of([&] { shop.configure(); }).kind(), ErrorKind::usage);
}

TEST(Configure, KeepsKeysItDoesNotKnow) {
    Workshop shop;
    shop.configure();
    replace(shop.paths().yaml, "\ntrain:\n", "\ntrain:\n  my_own: [1, two]\n");
    write_file(shop.paths().yaml, yaml_of(shop) + "mine:\n  deep: {a: 1}\n");
    shop.settings.epochs = 9;
    shop.configure();
    const YAML::Node yaml = read_yaml(shop.paths().yaml);
    EXPECT_EQ(yaml["mine"]["deep"]["a"].as<int>(), 1);
    EXPECT_EQ(yaml["train"]["my_own"][1].Scalar(), "two");
    EXPECT_EQ(yaml["train"]["niter"].as<int>(), 27);
}

TEST(Configure, WritesAnewWhatIsNoMap) {
    for (const char* text :
         {"datasets: hi\n", "datasets: {train: 5}\n", "steps: {gpt_train: [1]}\n",
          "networks: {gpt: 5}\ntrain: x\neval: x\nlogger: x\ntestudo: x\n", "just text\n"}) {
        Workshop shop(4, 0);
        shop.configure();
        const std::string right = read_file(shop.paths().yaml);
        write_file(shop.paths().yaml, text);
        shop.configure();
        EXPECT_EQ(read_file(shop.paths().yaml), right) << text;
    }
}

TEST(Configure, AVoiceNamedLikeANumberStaysAText) {
    Workshop shop;
    fs::rename(shop.root() / "training/v", shop.root() / "training/123");
    shop.settings.voice = "123";
    shop.configure();
    EXPECT_EQ(read_config(shop.root(), shop.root() / "training/123/train.yaml").voice, "123");
    EXPECT_NE(read_file(shop.root() / "training/123/train.yaml").find("str"), std::string::npos);
}

TEST(Configure, ReadsTheOriginalsSettings) {
    testudo::test::TemporaryFolder folder;
    write_file(folder / "train.json",
               R"({"epochs": 50, "learning_rate": 0.0001, "learning_rate_scheme": "Cos. Annealing",
                   "learning_rate_schedule": "[2, 4, 9]", "resume_state": null, "half_p": true, "voice": "ada", "gpus": 1})");
    const TrainingSettings settings = read_settings(folder / "train.json");
    EXPECT_EQ(settings.epochs, 50);
    EXPECT_EQ(settings.learning_rate_scheme, "CosineAnnealingLR_Restart");
    EXPECT_EQ(settings.learning_rate_schedule, (std::vector<double>{2, 4, 9}));
    EXPECT_EQ(settings.resume_state, "");
    EXPECT_TRUE(settings.half_precision);
    write_file(folder / "train.json", R"({"epochs": "many"})");
    EXPECT_EQ(error_of([&] { read_settings(folder / "train.json"); }).kind(), ErrorKind::input);
    write_file(folder / "train.json", "[]");
    EXPECT_EQ(error_of([&] { read_settings(folder / "train.json"); }).kind(), ErrorKind::input);
}

TEST(Configure, RefusesWhatCannotBeTrained) {
    Workshop shop(4, 0);
    shop.settings.voice = "../v";
    EXPECT_EQ(error_of([&] { shop.configure(); }).kind(), ErrorKind::usage);
    shop.settings.voice = "nobody";
    EXPECT_EQ(error_of([&] { shop.configure(); }).kind(), ErrorKind::input);
    shop.settings.voice = "v";
    shop.settings.learning_rate = -1;
    EXPECT_EQ(error_of([&] { shop.configure(); }).kind(), ErrorKind::usage);
    shop.settings.learning_rate = 1e-4;
    shop.settings.source_model = "models/none.pth";
    EXPECT_NE(std::string(error_of([&] { shop.configure(); }).what()).find("none.pth"), std::string::npos);
    shop.settings.source_model = "models/tortoise/dvae.pth";  // a model, but not such a one
    EXPECT_EQ(error_of([&] { shop.configure(); }).kind(), ErrorKind::input);
    shop.settings.source_model = "";
    shop.settings.tokenizer_json = "models/tokenizers/none.json";
    EXPECT_EQ(error_of([&] { shop.configure(); }).kind(), ErrorKind::input);
    shop.settings.tokenizer_json = "";
    write_file(shop.paths().folder / "train.txt", "\n\n");
    const Error empty = error_of([&] { shop.configure(); });
    EXPECT_EQ(empty.kind(), ErrorKind::input);
    EXPECT_FALSE(empty.hint().empty());
    EXPECT_FALSE(fs::exists(shop.paths().yaml));
}

TEST(Configure, ABatchLargerThanTheDatasetIsAllOfIt) {
    Workshop shop(3, 0);
    shop.settings.batch_size = 128;
    shop.settings.gradient_accumulation_size = 64;
    const Json result = shop.configure();
    EXPECT_EQ(result["batch_size"], 3);
    EXPECT_EQ(result["gradient_accumulation_size"], 3);
    EXPECT_EQ(result["iterations"], 3);
    EXPECT_FALSE(read_config(shop.root(), shop.paths().yaml).validation);
}

TEST(Configuration, AWrongTypeIsNamedWithFileLineAndKey) {
    Workshop shop;
    shop.configure();
    const std::string good = yaml_of(shop);
    const auto lines = split_lines(good);
    struct Case {
        const char *line, *instead, *key;
    };
    for (const Case& c :
         {Case{"  niter: 9", "  niter: lots", "train.niter"},
          Case{"  val_freq: 3", "  val_freq: [3]", "train.val_freq"},
          Case{"  ema_enabled: false", "  ema_enabled: maybe", "train.ema_enabled"},
          Case{"    batch_size: 4", "    batch_size: 0", "datasets.train.batch_size"},
          Case{"      layers: 2", "      layers: 2.5", "networks.gpt.kwargs.layers"},
          Case{"      heads: 2", "      heads: 5", "networks.gpt.kwargs.heads"},
          Case{"  default_lr_scheme: MultiStepLR", "  default_lr_scheme: Steps", "train.default_lr_scheme"},
          Case{"  dropout: 0.1", "  dropout: nan", "testudo.dropout"},
          Case{"  objective: consistent", "  objective: best", "testudo.objective"}}) {
        std::string text;
        std::size_t number = 0;
        for (std::size_t i = 0; i < lines.size(); ++i) {
            const bool here = number == 0 && lines[i] == c.line;
            if (here) number = i + 1;
            text += (here ? std::string(c.instead) : lines[i]) + "\n";
        }
        ASSERT_GT(number, 0U) << c.line << "\n" << good;
        write_file(shop.paths().yaml, text);
        const Error error = error_of([&] { read_config(shop.root(), shop.paths().yaml); });
        EXPECT_EQ(error.kind(), ErrorKind::input);
        EXPECT_NE(std::string(error.what()).find(cat("train.yaml, line ", number, ": ", c.key)),
                  std::string::npos)
            << error.what();
        EXPECT_FALSE(error.hint().empty());
    }
    write_file(shop.paths().yaml, "just a text\n");
    EXPECT_EQ(error_of([&] { read_config(shop.root(), shop.paths().yaml); }).kind(), ErrorKind::input);
    write_file(shop.paths().yaml, "datasets: 3\nname: v\n");
    EXPECT_NE(std::string(error_of([&] { read_config(shop.root(), shop.paths().yaml); }).what())
                  .find("line 1: datasets"),
              std::string::npos);
    write_file(shop.paths().yaml, "a: [1\n");
    EXPECT_EQ(error_of([&] { read_config(shop.root(), shop.paths().yaml); }).kind(), ErrorKind::input);
}

// A file as the original's page writes it: tags, comments, capital truth values, no section of ours.
TEST(Configuration, OfTheOriginal) {
    Workshop shop;
    write_file(shop.root() / "training/v/train.yaml", R"(name: 'v'
model: extensibletrainer
gpu_ids: [0] # a remark
start_step: 0
fp16: False
bitsandbytes: True
gpus: 1
datasets:
  train:
    name: training
    n_workers: 2
    batch_size: 4
    path: ./training/v/train.txt
    tokenizer_vocab: ./modules/tortoise-tts/tortoise/data/tokenizer.json # default
  val:
    batch_size: 2
    path: ./training/v/validation.txt
steps:
  gpt_train:
    optimizer: adamw
    optimizer_params:
      lr: !!float 1e-05 # originally: 1e-4
      weight_decay: !!float 1e-2
      beta1: 0.9
      beta2: 0.96
    clip_grad_eps: 4
    losses:
      text_ce: {type: direct, weight: 0.01, key: loss_text_ce}
      mel_ce: {type: direct, weight: 1, key: loss_mel_ce}
networks:
  gpt:
    kwargs: {layers: 2, model_dim: 32, heads: 2, max_text_tokens: 80, max_mel_tokens: 260, number_mel_codes: 34, start_mel_token: 32, stop_mel_token: 33, checkpointing: True, tortoise_compat: True}
path:
  strict_load: true
  pretrain_model_gpt: './models/tortoise/autoregressive.pth'
  # resume_state: ''
train:
  niter: 9
  warmup_iter: -1
  mega_batch_factor: 2
  val_freq: 3
  ema_enabled: false
  default_lr_scheme: MultiStepLR
  gen_lr_steps: [6, 12, 27]
  lr_gamma: 0.5
eval:
  pure: True
logger:
  save_checkpoint_freq: 3
)");
    const Config config = read_config(shop.root(), shop.paths().yaml);
    EXPECT_EQ(config.schedule.base_rate, 1e-5);
    EXPECT_EQ(config.adamw.weight_decay, 0.01);
    EXPECT_FALSE(config.epochs);
    EXPECT_TRUE(config.validation);
    EXPECT_TRUE(config.step.checkpointing);
    EXPECT_TRUE(config.tokenizer.empty());
    EXPECT_EQ(config.step.form.objective, nets::Objective::consistent);
    const Json summary = shop.train();
    EXPECT_EQ(summary["iterations"], 9);
    EXPECT_EQ(summary["epochs"], 3);
}

// DLAS without the web UI stops at the first step or save where one of these is missing.
TEST(Configure, ForDlasByItself) {
    Workshop shop(4, 0);
    for (const bool eight_bit : {false, true}) {
        shop.settings.bitsandbytes = eight_bit;
        shop.configure();
        const YAML::Node yaml = read_yaml(shop.paths().yaml);
        EXPECT_EQ(yaml["use_8bit"].as<bool>(), eight_bit);
        EXPECT_GE(yaml["logger"]["print_freq"].as<int>(), 1);
        EXPECT_FALSE(yaml["logger"]["disable_state_saving"].as<bool>());
        EXPECT_EQ(yaml["upgrades"]["number_of_checkpoints_to_save"].as<int>(), 0);
        EXPECT_EQ(yaml["upgrades"]["number_of_states_to_save"].as<int>(), 0);
        replace(shop.paths().yaml, cat("bitsandbytes: ", eight_bit ? "true" : "false", "\n"), "");
        EXPECT_EQ(read_config(shop.root(), shop.paths().yaml).adamw.eight_bit, eight_bit);
        EXPECT_EQ(settings_of_yaml(shop.root(), shop.paths().yaml).bitsandbytes, eight_bit);
    }
}

// The web UI writes one period an epoch: one too few here.
TEST(Configuration, AsManyRestartsAsEpochs) {
    Workshop shop(10, 0);
    shop.settings.epochs = 2;
    shop.settings.learning_rate_scheme = "CosineAnnealingLR_Restart";
    shop.settings.learning_rate_restarts = 2;
    shop.configure();
    ASSERT_NE(yaml_of(shop).find("T_period: [3, 3, 3]"), std::string::npos);
    replace(shop.paths().yaml, "T_period: [3, 3, 3]", "T_period: [3, 3]");
    EXPECT_EQ(read_config(shop.root(), shop.paths().yaml).schedule.periods, std::vector<std::int64_t>(3, 3));
    EXPECT_EQ(shop.train()["iterations"], 6);
}

TEST(Configuration, FloatsForPython) {
    EXPECT_EQ(yaml_float_text(1e-5), "1.0e-05");
    EXPECT_EQ(yaml_float_text(2.5e-6), "2.5e-06");
    EXPECT_EQ(yaml_float_text(0.01), "0.01");
    EXPECT_EQ(yaml_float_text(1), "1.0");
    EXPECT_EQ(yaml_float_text(1e22), "1.0e+22");
}

}  // namespace
}  // namespace testudo::training
