#pragma once
// Low-rank adapters (Hu et al. 2021, "LoRA"): beside a frozen matrix a trained product of two narrow ones,
//   y = x W + b + s (x A^T) B^T,  A [rank, in], B [out, rank], s = alpha / rank.
// Names and shapes are those of Hugging Face's PEFT. B starts at zero, so the model starts as its base.
#include <cstdint>
#include <span>
#include <vector>

#include "nets/parameters.h"

namespace testudo::nets {

class UnifiedVoice;

struct Adapter {
    std::size_t weight = 0;  // place of W in the model's parameters()
    bool in_first = true;    // W is [in, out], as GPT-2's; else [out, in], as the heads'
    at::Tensor a, b;
};

struct Adapters {
    int rank = 0;  // 0: none
    double alpha = 0;
    std::vector<Adapter> all;  // in the order of the weights

    double scale() const { return alpha / rank; }
};

// For the weights that `targets` names ("qkv" and "out" of attention, "up" and "down" of the MLP, "heads")
// and `frozen` (by parameter; empty: none) leaves; uninitialised. Error(usage) for a target that there is
// not, or when nothing is left.
Adapters make_adapters(const UnifiedVoice& model, int rank, double alpha,
                       std::span<const std::string> targets, const std::vector<bool>& frozen);
// A uniform to 1 / sqrt(in), as PEFT does, B zero.
void initialise_adapters(const Adapters& adapters, std::uint64_t seed);

// A and B of each adapter in turn, named as in PEFT: "gpt.h.0.attn.c_attn.lora_A.weight". A GradientSink
// knows them by these places after the model's own parameters.
Parameters adapter_parameters(const UnifiedVoice& model, const Adapters& adapters);

// W + s B A as a new tensor in the shape of W.
at::Tensor merged_weight(const at::Tensor& weight, const Adapter& adapter, double scale);

}  // namespace testudo::nets
