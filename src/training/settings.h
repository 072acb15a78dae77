#pragma once
// What a user may choose about a training. Names, defaults and meanings are those of the original studio's
// page "Generate Configuration", so its train.json can be read; what it lacks is marked "ours".
#include <cstdint>
#include <string>
#include <vector>

#include "core/settings.h"

namespace testudo::training {

constexpr std::int64_t most_epochs = 1000000;

struct TrainingSettings {
    std::string voice;
    std::int64_t epochs = 500;
    double learning_rate = 1e-5;
    double text_lr_weight = 0.01;
    double mel_lr_weight = 1.0;
    std::string learning_rate_scheme = "MultiStepLR";
    std::vector<double> learning_rate_schedule = {2, 4, 9, 18, 25, 33, 50};
    double learning_rate_gamma = 0.5;  // ours
    std::int64_t learning_rate_restarts = 4;
    std::int64_t batch_size = 128;
    std::int64_t gradient_accumulation_size = 4;
    double save_rate = 5;
    double validation_rate = 5;
    bool validation_enabled = true;
    bool half_precision = false;
    bool bitsandbytes = false;
    std::int64_t workers = 2;
    std::int64_t gpus = 1;
    bool shard_optimizer = false;
    std::string source_model;
    std::string resume_state;
    std::string tokenizer_json;
    std::string dvae_model;                     // ours
    std::string gradient_memory = "auto";       // ours
    std::string precision = "auto";             // ours
    bool save_half = false;                     // ours
    std::vector<std::string> sample_sentences;  // ours
    std::int64_t keep_states = 0;          // ours: the original's "Keep X Previous States" of its Run tab
    std::int64_t keep_best = 0;            // ours
    bool csv = false;                      // ours
    bool tensorboard = false;              // ours: the original's use_tb_logger
    bool ema = false;                      // ours
    std::string objective = "consistent";  // ours
    double dropout = 0.1;                  // ours
    std::string checkpointing = "auto";    // ours
    std::int64_t lora_rank = 0;            // ours
    double lora_alpha = 16;                // ours
    std::vector<std::string> lora_targets = {"qkv", "out", "up", "down"};  // ours
    std::vector<std::string> freeze = {};                                  // ours
    std::int64_t seed = 1234;                                              // ours

    template <class Visitor>
    static void describe(Visitor&& visit) {
        using S = TrainingSettings;
        visit(&S::voice, Setting{.key = "voice", .label = "Voice", .help = "Folder of training/ to train."});
        visit(&S::epochs, Setting{.key = "epochs",
                                  .label = "Epochs",
                                  .help = "How many times every line of the dataset is trained on.",
                                  .min = 1,
                                  .max = most_epochs});
        visit(
            &S::learning_rate,
            Setting{
                .key = "learning_rate",
                .label = "Learning rate",
                .help = "How far a step moves the weights. 1e-5 is safe; 1e-4 is fast but may fry the model.",
                .min = 0,
                .max = 1});
        visit(&S::text_lr_weight,
              Setting{.key = "text_lr_weight",
                      .label = "Text LR weight",
                      .help = "Weight of the text loss: 0.01 for English, 1 to teach another language.",
                      .min = 0,
                      .max = 100});
        visit(&S::mel_lr_weight, Setting{.key = "mel_lr_weight",
                                         .label = "Mel LR weight",
                                         .help = "Weight of the speech loss.",
                                         .min = 0,
                                         .max = 100});
        visit(&S::learning_rate_scheme, Setting{.key = "learning_rate_scheme",
                                                .label = "Learning rate scheme",
                                                .help = "Falling in steps, or in cosine arcs that restart.",
                                                .choices = {"MultiStepLR", "CosineAnnealingLR_Restart"}});
        visit(&S::learning_rate_schedule,
              Setting{.key = "learning_rate_schedule",
                      .label = "Learning rate schedule",
                      .unit = "epochs",
                      .help = "MultiStepLR: the epochs at which the learning rate is multiplied by gamma."});
        visit(&S::learning_rate_gamma, Setting{.key = "learning_rate_gamma",
                                               .label = "Learning rate gamma",
                                               .help = "MultiStepLR: the factor at each milestone.",
                                               .min = 0,
                                               .max = 1,
                                               .advanced = true});
        visit(&S::learning_rate_restarts,
              Setting{.key = "learning_rate_restarts",
                      .label = "Learning rate restarts",
                      .help = "CosineAnnealingLR_Restart: how often the arc starts again, each time lower.",
                      .min = 1,
                      .max = 1000});
        visit(&S::batch_size,
              Setting{.key = "batch_size",
                      .label = "Batch size",
                      .unit = "clips",
                      .help = "Clips a step learns from; larger than the dataset means all of it.",
                      .min = 1,
                      .max = 65536});
        visit(&S::gradient_accumulation_size,
              Setting{.key = "gradient_accumulation_size",
                      .label = "Gradient accumulation size",
                      .unit = "parts",
                      .help = "Parts a batch is computed in, to need less memory; the result is the same.",
                      .min = 1,
                      .max = 65536});
        visit(&S::save_rate, Setting{.key = "save_rate",
                                     .label = "Save frequency",
                                     .unit = "epochs",
                                     .help = "How often a checkpoint is written; fractions are allowed.",
                                     .min = 0.0001,
                                     .max = 1000000});
        visit(&S::validation_rate,
              Setting{.key = "validation_rate",
                      .label = "Validation frequency",
                      .unit = "epochs",
                      .help = "How often the validation lines are tried; fractions are allowed.",
                      .min = 0.0001,
                      .max = 1000000});
        visit(&S::validation_enabled,
              Setting{.key = "validation_enabled",
                      .label = "Validation",
                      .help = "Measure the loss over validation.txt during training."});
        visit(&S::half_precision,
              Setting{.key = "half_p",
                      .label = "Half precision",
                      .help = "Products in 16 bits: float16 on GPUs, bfloat16 on CPUs; weights stay in 32.",
                      .advanced = true});
        visit(&S::bitsandbytes,
              Setting{.key = "bitsandbytes",
                      .label = "BitsAndBytes",
                      .help = "Keep the optimiser's states in 8 bits: a quarter of their memory and disk.",
                      .advanced = true});
        visit(&S::workers,
              Setting{.key = "workers",
                      .label = "Worker processes",
                      .help = "Kept in the file for the originals; features are computed once here.",
                      .min = 0,
                      .max = 256,
                      .advanced = true});
        visit(&S::gpus,
              Setting{.key = "gpus",
                      .label = "GPUs",
                      .help = "GPUs of this machine to train on; without a GPU, processes on its CPU.",
                      .min = 1,
                      .max = 64,
                      .advanced = true});
        visit(&S::shard_optimizer,
              Setting{.key = "shard_optimizer",
                      .label = "Shared optimiser states",
                      .help = "With several GPUs each keeps a part of the optimiser's states: less memory.",
                      .advanced = true});
        visit(
            &S::source_model,
            Setting{
                .key = "source_model",
                .label = "Source model",
                .help = "Autoregressive model to start from; empty: ./models/tortoise/autoregressive.pth."});
        visit(&S::resume_state,
              Setting{.key = "resume_state",
                      .label = "Resume state",
                      .help = "A .state file to go on from, or latest; empty: start anew."});
        visit(&S::tokenizer_json,
              Setting{.key = "tokenizer_json",
                      .label = "Tokenizer JSON",
                      .help = "Vocabulary of the text; empty: the English one TorToiSe was trained with."});
        visit(&S::dvae_model, Setting{.key = "dvae_model",
                                      .label = "DVAE model",
                                      .help = "Turns speech into codes; empty: ./models/tortoise/dvae.pth.",
                                      .advanced = true});
        visit(&S::keep_states, Setting{.key = "keep_states",
                                       .label = "Keep X previous states",
                                       .help = "Keep only so many checkpoints; 0 keeps all.",
                                       .min = 0,
                                       .max = 100000});
        visit(
            &S::keep_best,
            Setting{.key = "keep_best",
                    .label = "Keep X best states",
                    .help = "Of the checkpoints that keep_states would delete, keep those among the so many "
                            "with the lowest validation loss; each save is then validated.",
                    .min = 0,
                    .max = 100000});
        visit(&S::csv, Setting{.key = "csv",
                               .label = "CSV",
                               .help = "Also write the metrics to finetune/metrics.csv, for a spreadsheet.",
                               .advanced = true});
        visit(&S::tensorboard,
              Setting{.key = "tensorboard",
                      .label = "TensorBoard",
                      .help = "Also write the metrics to finetune/tb_logger, for TensorBoard.",
                      .advanced = true});
        visit(&S::sample_sentences,
              Setting{.key = "sample_sentences",
                      .label = "Sample sentences",
                      .help =
                          "Text to speak with each checkpoint: up to 8, of 200 characters at most; as a flag "
                          "give one each time, and \"\" for none.",
                      .sentences = true});
        visit(&S::ema, Setting{.key = "ema",
                               .label = "EMA",
                               .help = "Also keep a moving average of the weights (N_gpt_ema.pth)."});
        visit(&S::objective,
              Setting{.key = "objective",
                      .label = "Objective",
                      .help = "consistent: what generation uses; dlas: the original's, to the digit.",
                      .choices = {"consistent", "dlas"},
                      .advanced = true});
        visit(&S::dropout, Setting{.key = "dropout",
                                   .label = "Dropout",
                                   .help = "Share of activations left out in training.",
                                   .min = 0,
                                   .max = 0.9,
                                   .advanced = true});
        visit(&S::checkpointing,
              Setting{.key = "checkpointing",
                      .label = "Gradient checkpointing",
                      .help = "Compute activations twice instead of keeping them: a third slower, less "
                              "memory; auto: where a step would not fit without.",
                      .choices = {"auto", "on", "off"},
                      .aliases = {{"true", "on"}, {"false", "off"}},
                      .advanced = true});
        visit(&S::lora_rank,
              Setting{.key = "lora_rank",
                      .label = "LoRA rank",
                      .help = "Train low-rank adapters of this rank instead of the whole model, with a "
                              "fraction of the memory; 0: the whole model.",
                      .min = 0,
                      .max = 65536,
                      .advanced = true});
        visit(&S::lora_alpha, Setting{.key = "lora_alpha",
                                      .label = "LoRA alpha",
                                      .help = "What adapters add counts times alpha / rank.",
                                      .min = 1e-6,
                                      .max = 1e6,
                                      .advanced = true});
        visit(&S::lora_targets, Setting{.key = "lora_targets",
                                        .label = "LoRA targets",
                                        .help = "Matrices that get adapters: qkv, out, up, down, heads.",
                                        .advanced = true});
        visit(&S::freeze,
              Setting{.key = "freeze",
                      .label = "Freeze",
                      .help = "Parts left as they are: conditioning, text_embedding, mel_embedding, layers, "
                              "layers:0-9, attention, mlp, norms, heads, text_head, mel_head.",
                      .advanced = true});
        visit(
            &S::gradient_memory,
            Setting{.key = "gradient_memory",
                    .label = "Gradient memory",
                    .help = "full keeps gradients in 32 bits until the step's end, lean in 16: less memory.",
                    .choices = {"auto", "full", "lean"},
                    .advanced = true});
        visit(&S::save_half,
              Setting{.key = "save_half",
                      .label = "Save half models",
                      .help = "Also save each model in half precision (N_gpt_half.pth): half the size.",
                      .advanced = true});
        visit(&S::precision,
              Setting{.key = "precision",
                      .label = "Precision",
                      .help = "Of products; auto: 32 bits, or with half precision what suits the device.",
                      .choices = {"auto", "float32", "bfloat16", "float16"},
                      .advanced = true});
        visit(&S::seed, Setting{.key = "seed",
                                .label = "Seed",
                                .help = "Of the order of clips, crops and dropout.",
                                .min = 0,
                                .max = 4294967295.0,
                                .advanced = true});
    }
};

}  // namespace testudo::training
