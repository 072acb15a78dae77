#pragma once
// The conditioning encoder: mel -> 1x1 convolution -> six attention blocks with group norm -> time step 0.
// All clips run packed through each matrix product, and the last block computes its output for time step 0
// only.
#include "nets/attention.h"
#include "nets/gradients.h"

namespace testudo::nets {

struct ConditioningBlockSaved {
    at::Tensor x, normed;      // [frames, dim]
    at::Tensor means, rstds;   // [clips, groups]
    at::Tensor qkv, attended;  // [frames, 3 dim], [frames or clips, dim]
    AttentionSaved attention;
};

struct ConditioningSaved {
    at::Tensor input;  // [frames, 80]
    std::vector<Span> clips;
    std::vector<ConditioningBlockSaved> blocks;
};

// Latents [clips, dim]. raw_residual: TorToiSe's x + attention; else DLAS' norm(x) + attention.
at::Tensor conditioning_forward(const UnifiedVoice& model, std::span<const at::Tensor> mels,
                                bool raw_residual, ConditioningSaved* saved);
void conditioning_backward(const UnifiedVoice& model, const at::Tensor& grad_latents, bool raw_residual,
                           ConditioningSaved& saved, Gradients& gradients);

}  // namespace testudo::nets
