#pragma once
// What a training changes: the model's own parameters, less the frozen ones, or low-rank adapters beside
// them.
#include <cstdint>
#include <vector>

#include "nets/unified_voice.h"
#include "training/adamw.h"
#include "training/config.h"

namespace testudo::training {

struct Trainable {
    nets::Parameters parameters;  // the model's, then those of its adapters
    std::vector<bool> frozen;     // of each; with adapters all of the model's are
};

// Gives the model new adapters when the configuration asks for some. Error(usage) when nothing is left to
// train.
Trainable make_trainable(nets::UnifiedVoice& model, const Config& config);

// The trained part of the average: of adapters, or of the parameters that are not frozen.
nets::Parameters trained_average(const AdamW& optimizer);

struct TrainedSizes {
    std::int64_t model = 0, adapters = 0;  // elements held
    std::int64_t trained = 0;              // elements with gradients, moments and an average of their own
    double moments = 0;                    // bytes
};
TrainedSizes sizes_of(const nets::UnifiedVoice& model, const AdamW& optimizer);
TrainedSizes sizes_of(const Config& config);

}  // namespace testudo::training
