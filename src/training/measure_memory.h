#pragma once
// What a training takes of the memory, by steps of the real code on the longest clips: text and codes of
// their real lengths, values made up (memory depends on lengths alone).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/events.h"
#include "training/config.h"
#include "training/trainable.h"

namespace testudo::training {

struct ClipLength {
    int text = 0;              // tokens
    std::int64_t samples = 0;  // at 22.05 kHz
};

// Of one process; ranks on the CPU of one machine divide what that has.
struct MemoryNeed {
    double available = 0;   // bytes that it may hold in all
    std::string limit;      // what sets that
    double needed = 0;      // bytes at the peak of a step with the longest micro-batch
    bool measured = false;  // false: foretold, because it would not have fitted or was not to be measured
    bool refused = false;   // a step was begun and ran out of memory
    double fixed = 0;       // of it weights, moments, average, gradients
    std::int64_t micro_batch = 0;  // clips of a micro-batch
    // Clips of a micro-batch that fit with a tenth to spare; nothing when unknown.
    std::optional<std::int64_t> fitting;
    bool checkpointing = false;  // the configuration's choice, or what automatic comes to
    std::optional<double> loss;  // total loss of the last measured step
    double seconds = 0;          // that it took
};

// Weights, adapters, moments, average and gradients.
double fixed_bytes(const TrainedSizes& sizes, const Config& config);

// What can be told without running a step. `held`: bytes of fixed_bytes() that are taken already. `lengths`:
// positions (text + codes) of all clips; empty: without activations.
MemoryNeed foretell_memory(const Config& config, const TrainedSizes& sizes, at::Device device, double held,
                           const std::vector<int>& lengths);

// "6.2 GiB (the limit of the control group /x)".
std::string memory_limit(const Config& config, at::Device device);

// What may help a step that does not fit; `parts`: smaller ones are possible.
std::string memory_remedy(const Config& config, bool parts, bool checkpointing);

// Steps with 1, 2, then all clips of the longest micro-batch, which is run only when the first two say that
// it fits. Changes no file. Throws as load_model.
MemoryNeed measure_memory(const Config& config, const fs::path& weights, std::vector<ClipLength> clips,
                          at::Device device, Events& events);

}  // namespace testudo::training
