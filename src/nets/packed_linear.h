#pragma once
// Linear layers on a CPU, in float32 or int8: the weights are laid out once for the kernels of avx512.h, and
// each product takes its rows as plain floats. int8: weights symmetric per output, rows symmetric per row and
// quantised as they come (as CTranslate2 does), sums exact in 32 bits.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "nets/avx512.h"

namespace testudo::nets {

struct Norm {
    at::Tensor weight, bias;
};

struct PackedLinear {
    avx512::Element element = avx512::Element::float32;
    std::int64_t outputs = 0, inputs = 0;
    at::Tensor matrix;         // lanes, in panels
    at::Tensor scale, offset;  // int8 only
    at::Tensor bias;           // [outputs] or undefined

    bool defined() const { return matrix.defined(); }
};

// weight [outputs, inputs] float32, bias [outputs] or undefined. int8: inputs must be a multiple of 16.
PackedLinear pack(const at::Tensor& weight, const at::Tensor& bias, avx512::Element element);

struct LinearOptions {
    const Norm* norm = nullptr;   // of the rows, before the product; inputs must be a multiple of 16
    std::int64_t row_stride = 0;  // floats from row to row; 0: inputs (rows may overlap, as in a convolution)
    bool gelu = false, add = false;
};
// x [rows, inputs] -> out [rows, outputs], on all threads where it is worth it.
void linear(const PackedLinear& layer, const float* x, std::int64_t rows, float* out,
            const LinearOptions& options = {});

// act(first, last) over [0, count), on all threads where `work` (multiplications) is worth waking them.
template <class Act>
void in_parallel(std::int64_t count, std::int64_t work, const Act& act) {
    if (work < 1'000'000)
        act(std::int64_t{0}, count);
    else
        at::parallel_for(0, count, 1, act);
}

}  // namespace testudo::nets
