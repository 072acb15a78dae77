#pragma once
// A training of adapters in its folder: the base they stand beside, what its checkpoints hold, going on from
// one.
#include "training/checkpoint.h"
#include "training/config.h"
#include "training/trainable.h"

namespace testudo::training {

// Error(input) when one trains adapters and the other the model itself, or other adapters.
void check_adapters(const Config& config, const SavedState& saved);

// The base model's file and hash: of the configuration for a new run, of the state for one that goes on; that
// may have moved to where the configuration names it. Error(input) when no such file is there any more.
struct BaseModel {
    fs::path file;
    std::string hash;
};
BaseModel find_base(const fs::path& workspace, const Config& config, const SavedState* saved);

// Live: tensors are shared with the model and the optimizer.
SavedAdapters adapters_of_run(const fs::path& workspace, const Config& config, const BaseModel& base,
                              const nets::UnifiedVoice& model, const AdamW& optimizer);

// A and B, and their average (begun anew when the state has none: false then).
bool restore_adapters(const nets::UnifiedVoice& model, AdamW& optimizer, const SavedState& saved);

}  // namespace testudo::training
