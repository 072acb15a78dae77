#pragma once
// Checkpoints in DLAS' layout: models/<it>_gpt.pth, models/<it>_gpt_ema.pth, training_state/<it>.state, and
// of a training of adapters models/<it>_lora.safetensors; its models have them merged in. The state is DLAS'
// dict {epoch, iter, total_data_processed, dataset_debugger_state, schedulers, optimizers} plus one key of
// ours, `testudo`, which DLAS ignores.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nets/unified_voice.h"
#include "tensors/pickle.h"
#include "training/adamw.h"
#include "training/counting.h"
#include "training/precision.h"
#include "training/run_paths.h"
#include "training/saved_adapters.h"
#include "training/schedule.h"
#include "training/trainable.h"

namespace testudo::training {

// What DLAS does not keep and an exact resume needs. All random numbers of a run derive from seed, epoch and
// iteration, so they need no state of their own.
struct OwnState {
    std::uint64_t seed = 0;
    std::string dataset;  // fingerprint of lines and clips
    std::int64_t lines = 0, batch_size = 0;
    std::int64_t from_iteration = 0, from_epoch = 0;  // see Counting
    std::string config;                               // SHA-256 of the YAML
    double base_rate = 0;                             // learning rate of the YAML
    double rate_scale = 1;            // of all learning rates; halved by each return to a good state
    std::vector<double> losses = {};  // of the last good steps, see LossWatch
    std::int64_t bad_in_a_row = 0;    // steps skipped up to here
    // Total loss of a validation of these very weights; nothing when there was none. `validated_on` tells
    // losses that can be compared: a hash of clips, weights of the losses, objective and seed.
    std::optional<double> validation_loss = {};
    std::string validated_on = {};
    std::int64_t accumulation = 0;  // larger than the YAML's after steps that ran out of memory; else 0
    std::vector<std::string> freeze = {};        // of the configuration
    std::optional<SavedAdapters> adapters = {};  // trained instead of the model
    LossScale loss_scale = {};
};

struct SavedState {
    fs::path file;
    std::int64_t iteration = 0;          // the last one done
    std::int64_t epoch = 0;              // epochs finished before it (DLAS: of the epoch that runs, from 0)
    std::int64_t samples = 0;            // total_data_processed
    tensors::Value optimizer, schedule;  // none in a file without them
    std::optional<OwnState> own;         // absent in DLAS' files
};

// Error(input) for what is no training state, or for one without exactly one optimizer.
SavedState read_state(const fs::path& file, tensors::Check check = tensors::Check::contents);

// Moments and step into the optimizer, in its precision: 8-bit moments of bitsandbytes' form and of blocks of
// 256 go bit for bit into one that keeps 8 bits, all others are decoded or quantised. Moments of what is
// frozen are left out; those of what was frozen begin at zero. Error(input) when the state is of a model of
// another shape; the optimizer is then as before.
void restore_optimizer(AdamW& optimizer, const SavedState& saved);

// The learning rate that the state's parameter groups hold.
double saved_rate(const SavedState& saved);

struct CheckpointContents {
    std::int64_t iteration = 0, epoch = 0, samples = 0;
    const nets::UnifiedVoice* model = nullptr;
    AdamW* optimizer = nullptr;
    const Schedule* schedule = nullptr;
    OwnState own;
    bool half = false;  // also a copy of the model in half precision
};
tensors::Value state_value(const CheckpointContents& contents);

struct CheckpointFiles {
    // Empty: no average, no adapters, no copy in half precision.
    fs::path model, ema_model, adapters, half_model, state;
};
// Model first, the state last: a state never stands without its model. Each file is read back before this
// returns. Error(environment) when the disk lacks the room, before anything is written; when a write fails
// later, nothing new of this checkpoint stays.
CheckpointFiles save_checkpoint(const RunPaths& paths, const CheckpointContents& contents);
double checkpoint_bytes(const nets::UnifiedVoice& model, const AdamW& optimizer);
double checkpoint_bytes(const TrainedSizes& sizes, const nets::UnifiedVoiceConfig& model, bool average);

// What the checkpoints of iterations after `start` up to `total` will take at most at one time.
struct DiskNeed {
    std::int64_t checkpoints = 0;  // written
    // Of them on the disk at one time: keep_states, keep_best and the one being written.
    std::int64_t together = 0;
    double each = 0, bytes = 0, room = 0;
};
DiskNeed disk_need(const RunPaths& paths, double each, std::int64_t start, std::int64_t total,
                   std::int64_t save_every, std::int64_t keep_states, std::int64_t keep_best);
void check_disk(const RunPaths& paths, double bytes);

// Error(input) for a state that is not of the iteration in its name.
void check_iteration(const SavedState& state, std::int64_t named);
// The newest checkpoint of which model and state can be read; damaged newer ones are named in `problems`.
std::optional<SavedState> newest_state(const RunPaths& paths, std::vector<std::string>& problems);
// The model that belongs to a state: ../models/<it>_gpt.pth beside it, else that of this run. Error(input)
// when there is none.
fs::path model_of_state(const SavedState& saved, const RunPaths& paths, bool ema = false);

}  // namespace testudo::training
