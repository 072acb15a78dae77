#pragma once
// Softmax attention of one head of one sequence with its backward pass, on processors with AVX-512: as
// products of avx512.h over operands that fit the second cache. One thread; nothing here may be called where
// avx512::supported() is false.
#include <cstdint>

namespace testudo::nets::avx512 {

// Queries [queries, width] and keys and values [keys, width], width at most 64, rows `stride` floats apart;
// out and its gradient as the queries.
struct Head {
    const float *q = nullptr, *k = nullptr, *v = nullptr;
    std::int64_t q_stride = 0, k_stride = 0, v_stride = 0;
    std::int64_t queries = 0, keys = 0, width = 0;
    float scale = 1;      // of q · k
    bool causal = false;  // query i sees keys 0 ... i
};

std::int64_t head_scratch(const Head& head);           // floats
std::int64_t head_backward_scratch(const Head& head);  // floats

// out = softmax(scale q · k) v
void head_forward(const Head& head, float* out, std::int64_t out_stride, float* scratch);

struct HeadGradients {
    const float *out = nullptr, *grad_out = nullptr;
    std::int64_t out_stride = 0, grad_out_stride = 0;
    float *q = nullptr, *k = nullptr, *v = nullptr;
    std::int64_t q_stride = 0, k_stride = 0, v_stride = 0;
};
void head_backward(const Head& head, const HeadGradients& gradients, float* scratch);

}  // namespace testudo::nets::avx512
