#pragma once
// The training itself: a configuration, a dataset and a base model become checkpoints.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/events.h"
#include "core/json.h"
#include "training/samples.h"

namespace testudo::training {

struct TrainOptions {
    bool resume = false;                      // go on from the newest complete checkpoint of the voice
    std::optional<std::int64_t> epochs = {};  // instead of the YAML's
    std::string voice = {};                   // Error(input) when the YAML is of another; empty: any
    std::string device = "auto";              // auto, cpu, cuda, cuda:1, …
    MakeSpeak speak = {};                     // how testudo.sample_sentences are spoken; none: they are not
    double save_again_seconds = 60;           // after a save that failed, at the latest the next due one
    // Several devices (launch.h): how long all ranks have to come; the program that the others are started
    // by; the last thing to do in a process that has to be ended because another one is lost.
    double join_seconds = 120;
    std::filesystem::path program = "/proc/self/exe";
    std::function<void(const Error&)> last_words = {};
};

// Runs what `yaml` (relative to the workspace, or absolute) describes. Without resume (and without
// path.resume_state in the YAML) an existing run is moved aside first. Once the run's folder stands, events
// are appended to training/<voice>/finetune/events.jsonl as well (Events::append_to): pass Events without a
// file. Writes no `done` event: its caller does, with the summary returned here:
//   {voice, stopped, iterations, epochs, first_iteration, seconds, model, state, ema_model?, adapters?,
//    losses: {first, last, validation_first?, validation_last?}, archived?, skipped_steps, returns}.
// "stopped": true after stop_requested() (Ctrl-C): the step was finished and saved.
// Events: metric {it, epoch, step, steps, loss_text_ce, loss_mel_ce, loss_gpt_total, lr, iteration_seconds,
// grad_norm, grad_norm_decay, grad_norm_rest, clips, clips_per_second, text_tokens, mel_tokens,
// tokens_per_second, memory_bytes, …}, metric {mode: "validation", it, epoch, loss_text_ce, loss_mel_ce,
// loss_gpt_total, clips, seconds}, progress {stage: "train", done, total, unit: "iterations", epoch, epochs,
// batch, batches, rate, milestones, next_milestone, next_save, next_validation, eta_seconds, losses},
// artifact {kind: model|ema_model|half_model|adapters|state}, those of write_samples() after each save but
// that of a stop, remark {name, message, it}. A step that runs out of memory is computed again in smaller
// parts (make_steps_smaller), and so are all after it. A step is skipped, and its clips named, when a number
// is not finite or the loss leaps out of the recent ones (LossWatch). After three in a row the run goes back
// to its newest readable checkpoint with half the learning rate. Errors: input (lists, model, tokenizer,
// YAML), environment (disk, memory, another job on this voice), diverged (three in a row with no checkpoint
// to go back to, or three returns to the same one, or a learning rate halved ten times; the last checkpoint
// stays). A checkpoint that cannot be written is tried again; only that of the end (or of a stop) must
// succeed.
//
// With gpus above 1, or torchrun's variables in the environment, several processes train (launch.h). Rank 0
// does all that is said above. Another one computes its part and says only that; its summary is as far as it
// knows.
Json train_voice(const std::filesystem::path& workspace, const std::filesystem::path& yaml, Events& events,
                 TrainOptions options = {});

// train_voice of training/<voice>/train.yaml with resume.
Json resume_voice(const std::filesystem::path& workspace, const std::string& voice, Events& events,
                  TrainOptions options = {});

}  // namespace testudo::training
