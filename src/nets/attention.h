#pragma once
// Softmax attention over packed sequences with a hand-written backward pass. q, k, v and their gradients are
// [rows, heads, width] views of any row stride. On CPUs with AVX-512 our own kernels run
// (avx512_attention.h), on others the fused one of libtorch, elsewhere and with dropout a plain formula.
#include "nets/packing.h"

namespace testudo::nets {

struct AttentionOptions {
    bool causal = true;
    double dropout = 0;  // of the weights
    std::uint64_t seed = 0;
};

// What the backward pass needs beside q, k, v and the output: for libtorch's kernel one tensor for each run
// of equally long sequences.
using AttentionSaved = std::vector<at::Tensor>;

// Writes softmax(q k^T / sqrt(width)) v to out [rows, heads, width]. Queries of sequence s are rows
// queries[s] of q, its keys rows keys[s] of k and v; causal needs equally many. Both lists in row order
// without gaps where lengths are equal.
void attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::span<const Span> queries,
               std::span<const Span> keys, const AttentionOptions& options, at::Tensor& out,
               AttentionSaved* saved);

// Writes gradients to grad_q, grad_k, grad_v, rows of the sequences only.
void attention_backward(const at::Tensor& grad_out, const at::Tensor& q, const at::Tensor& k,
                        const at::Tensor& v, const at::Tensor& out, std::span<const Span> queries,
                        std::span<const Span> keys, const AttentionOptions& options,
                        const AttentionSaved& saved, at::Tensor grad_q, at::Tensor grad_k, at::Tensor grad_v);

}  // namespace testudo::nets
