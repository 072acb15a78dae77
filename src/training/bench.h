#pragma once
// `testudo bench train`: seconds of a training step by part, throughput, arithmetic and memory on real data.
#include <filesystem>

#include "core/events.h"
#include "core/settings.h"

namespace testudo::training {

struct BenchOptions {
    int layers = 6, dim = 384, heads = 6, batch = 8, steps = 6;
    int threads = 0;   // 0: as libtorch chooses
    std::string data;  // folder with train.txt; empty: made-up clips of 2-10 s
    bool ema = false, bitsandbytes = false;
    std::string memory = "auto", precision = "float32";
    int lora_rank = 0;
    bool checkpointing = false;
    bool plain = false;

    template <class Visitor>
    static void describe(Visitor&& visit) {
        visit(
            &BenchOptions::layers,
            Setting{.key = "layers", .label = "Layers", .help = "transformer blocks", .min = 1, .max = 1000});
        visit(&BenchOptions::dim,
              Setting{.key = "dim", .label = "Width", .help = "model width", .min = 8, .max = 65536});
        visit(&BenchOptions::heads,
              Setting{.key = "heads", .label = "Heads", .help = "attention heads", .min = 1, .max = 1024});
        visit(&BenchOptions::batch,
              Setting{.key = "batch", .label = "Batch", .help = "clips a step", .min = 1, .max = 65536});
        visit(&BenchOptions::steps, Setting{.key = "steps",
                                            .label = "Steps",
                                            .help = "measured steps, after one that is not",
                                            .min = 1,
                                            .max = 100000});
        visit(&BenchOptions::threads,
              Setting{.key = "threads", .label = "Threads", .help = "0: all cores", .min = 0, .max = 4096});
        visit(&BenchOptions::data, Setting{.key = "data",
                                           .label = "Data",
                                           .help = "folder with train.txt; empty: made-up clips of 2-10 s"});
        visit(&BenchOptions::ema, Setting{.key = "ema", .label = "EMA", .help = "keep averaged weights too"});
        visit(&BenchOptions::bitsandbytes, Setting{.key = "bitsandbytes",
                                                   .label = "BitsAndBytes",
                                                   .help = "keep the optimiser's states in 8 bits"});
        visit(&BenchOptions::memory, Setting{.key = "memory",
                                             .label = "Gradient memory",
                                             .help = "full keeps gradients in 32 bits, lean in 16",
                                             .choices = {"auto", "full", "lean"}});
        visit(&BenchOptions::lora_rank, Setting{.key = "lora_rank",
                                                .label = "LoRA rank",
                                                .help = "train adapters of this rank; 0: the whole model",
                                                .min = 0,
                                                .max = 4096});
        visit(&BenchOptions::checkpointing, Setting{.key = "checkpointing",
                                                    .label = "Gradient checkpointing",
                                                    .help = "compute activations twice"});
        visit(&BenchOptions::precision, Setting{.key = "precision",
                                                .label = "Precision",
                                                .help = "of the large products",
                                                .choices = {"float32", "bfloat16"}});
        visit(&BenchOptions::plain, Setting{.key = "plain",
                                            .label = "Plain",
                                            .help = "only libtorch's operations, none of our kernels"});
    }
};

Json bench_training(const BenchOptions& options, Events& events);

}  // namespace testudo::training
