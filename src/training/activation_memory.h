#pragma once
// What a step's activations take, foretold from lengths alone: nothing is run.
#include <vector>

#include "training/config.h"

namespace testudo::training {

// The positions (text + codes) of the clips of the largest micro-batch of a rank, given those of all clips.
std::vector<int> longest_micro_batch(const Config& config, std::vector<int> lengths, int ranks);

// Bytes at the peak of a step over one micro-batch, beside weights, moments, average and waiting gradients;
// `recompute`: with gradient checkpointing.
double activation_bytes(const Config& config, const std::vector<int>& lengths, bool recompute);

}  // namespace testudo::training
