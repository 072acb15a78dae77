#pragma once
// What the trainer takes from a DLAS training YAML (docs/formats.md lists the keys). Keys of ours stand under
// `testudo:`, which DLAS ignores.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nets/unified_voice.h"
#include "training/adamw.h"
#include "training/schedule.h"
#include "training/step.h"

namespace testudo::training {

namespace fs = std::filesystem;

// Low-rank adapters to train instead of the model (nets/lora.h).
struct AdapterSettings {
    int rank = 0;  // 0: none
    double alpha = 16;
    std::vector<std::string> targets = {"qkv", "out", "up", "down"};
};

// automatic: on where a step would not fit the memory without (decide_checkpointing).
enum class Checkpointing { automatic, on, off };

struct Config {
    fs::path yaml;
    std::string voice;
    std::string hash;  // SHA-256 of the file

    fs::path train_list, validation_list;  // the latter empty when there is none
    fs::path tokenizer;                    // empty: the built-in English vocabulary
    bool validation = false;
    std::int64_t batch_size = 128, validation_batch_size = 32, accumulation = 4;

    AdamWOptions adamw;
    double ema_rate = 0;  // 0: off
    bool half_precision = false;
    PrecisionChoice precision = PrecisionChoice::automatic;  // step.precision is chosen with the device
    ScheduleSettings schedule;
    StepOptions step;  // its checkpointing is off while it is automatic
    Checkpointing checkpointing = Checkpointing::automatic;
    AdapterSettings lora;
    std::vector<std::string> freeze;  // see frozen_parameters

    nets::UnifiedVoiceConfig model;
    fs::path base_model, dvae;
    fs::path resume_state;  // empty: start anew

    std::int64_t iterations = 0;         // train.niter
    std::optional<std::int64_t> epochs;  // testudo.epochs, while train.niter is what was written with it
    std::int64_t save_every = 0, validate_every = 0;
    std::int64_t keep_states = 0, keep_best = 0;
    bool csv = false, tensorboard = false;      // metrics also in these forms
    std::vector<std::string> sample_sentences;  // spoken at each save
    bool save_half = false;
    std::uint64_t seed = 1234;
    std::int64_t gpus = 1;         // processes on this machine, each with a device
    bool shard_optimizer = false;  // each of several keeps a part of the optimizer's states
};

// Paths in the file are relative to the workspace. Error(input) naming file, line and key.
Config read_config(const fs::path& workspace, const fs::path& yaml);

// A configuration as named on the command line: below the workspace when it is there, else where we are.
fs::path find_configuration(const fs::path& workspace, const fs::path& yaml);

// Where a path of the file lies.
// Error(input), with the next step, where there is no such file.
void must_be_configured(const fs::path& file);
fs::path in_workspace(const fs::path& workspace, const std::string& path);

}  // namespace testudo::training
