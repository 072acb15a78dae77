#pragma once
// What a training takes of the memory, by steps of the real code on the longest clips: text and codes of
// their real lengths, values made up (memory depends on lengths alone).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/events.h"
#include "training/config.h"

namespace testudo::training {

struct ClipLength {
    int text = 0;              // tokens
    std::int64_t samples = 0;  // at 22.05 kHz
};

struct MemoryNeed {
    double available = 0;   // bytes that this process may hold in all
    std::string limit;      // what sets that
    double needed = 0;      // bytes at the peak of a step with the longest micro-batch
    bool measured = false;  // false: foretold, because it would not have fitted or was not to be measured
    double fixed = 0;       // of it weights, moments, average, gradients
    std::int64_t micro_batch = 0;  // clips of a micro-batch
    // Clips of a micro-batch that fit with a tenth to spare; nothing when unknown.
    std::optional<std::int64_t> fitting;
    std::optional<double> loss;  // total loss of the last measured step
    double seconds = 0;          // that it took
};

// Weights, moments (bytes), average and gradients of a training of `elements` parameters.
double fixed_bytes(std::int64_t elements, double moments, const Config& config);

// Only what can be told without running a step. `held`: bytes of fixed_bytes() that are taken already.
MemoryNeed foretell_memory(const Config& config, std::int64_t elements, double moments, at::Device device,
                           double held);

// Steps with 1, 2, then all clips of the longest micro-batch, which is run only when the first two say that
// it fits. Changes no file. Throws as load_model.
MemoryNeed measure_memory(const Config& config, const fs::path& weights, std::vector<ClipLength> clips,
                          at::Device device, Events& events);

}  // namespace testudo::training
