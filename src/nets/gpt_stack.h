#pragma once
// The GPT-2 blocks over packed sequences, forward and backward, keeping between the two only what is dear to
// compute again.
#include "nets/attention.h"
#include "nets/gradients.h"

namespace testudo::nets {

struct GptBlockSaved {
    at::Tensor x;                             // input [tokens, dim]; all that is kept under recompute
    at::Tensor mean1, rstd1, qkv, attended;   // layer norm 1, [tokens, 3 dim], [tokens, dim]
    at::Tensor middle, mean2, rstd2, hidden;  // after attention, layer norm 2, before gelu [tokens, 4 dim]
    AttentionSaved attention;
};

struct GptOptions {
    std::span<const Span> sequences;
    double dropout = 0, attention_dropout = 0;
    std::uint64_t seed = 0;
    bool recompute = false;
    std::size_t first_layer = 0;               // of the backward pass: nothing is kept of those below
    Precision precision = Precision::float32;  // of the products
};

// x [tokens, dim] -> output of the last block. `saved` null: nothing is kept.
at::Tensor gpt_forward(const UnifiedVoice& model, at::Tensor x, const GptOptions& options,
                       std::vector<GptBlockSaved>* saved);
// Gradient of x; consumes `saved`.
at::Tensor gpt_backward(const UnifiedVoice& model, at::Tensor grad, const GptOptions& options,
                        std::vector<GptBlockSaved>& saved, Gradients& gradients);

}  // namespace testudo::nets
