#pragma once
// Adapters as a state keeps them, and as a file of their own beside the merged model.
#include <filesystem>
#include <string>
#include <vector>

#include "nets/unified_voice.h"
#include "tensors/value.h"

namespace testudo::training {

namespace fs = std::filesystem;

struct SavedAdapters {
    std::int64_t rank = 0;
    double alpha = 0;
    std::vector<std::string> targets, freeze;  // of the configuration
    std::string base, base_hash;               // the model they stand beside: its file, SHA-256 of it
    nets::Parameters tensors, average;         // the average is empty without EMA
};

tensors::Value to_value(const SavedAdapters& adapters);
// Error(input) naming `file` when it is no such value.
SavedAdapters adapters_of(const tensors::Value& value, const fs::path& file);

// safetensors with PEFT's names and shapes; rank, alpha, targets and base are in its metadata.
void write_adapters(const fs::path& file, const SavedAdapters& adapters);

}  // namespace testudo::training
