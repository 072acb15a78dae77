#pragma once
// A moment of AdamW in 8 bits (dynamic_code.h) and the step on a pair of them, on any device.
#include <ATen/core/Tensor.h>

#include "training/dynamic_code.h"

namespace testudo::training {

struct QuantisedMoment {
    at::Tensor codes;    // uint8, in the shape of the weights
    at::Tensor largest;  // float32 [ceil(elements / 256)]: the largest magnitude of each block, row by row
};

QuantisedMoment zero_moment(const at::Tensor& like);
// The book as a tensor [256] on the device.
at::Tensor code_book_tensor(Moment moment, at::Device device);
QuantisedMoment quantise(const at::Tensor& values, Moment moment);
at::Tensor dequantise(const QuantisedMoment& quantised, Moment moment);

struct AdamWNumbers {
    double learning_rate = 0, weight_decay = 0, beta1 = 0, beta2 = 0, eps = 0;
    std::int64_t step = 1;
};
// Elements offset, offset + 1, … (offset a multiple of 256) of `weights`, contiguous float32, by `gradient`
// (flat) times `scale`. On a CPU one pass over memory; elsewhere, or with `plain`, tensor operations that
// round as it does, but for the last bit of the square root.
void quantised_adamw_step(const at::Tensor& weights, QuantisedMoment& first, QuantisedMoment& second,
                          std::int64_t offset, const at::Tensor& gradient, double scale,
                          const AdamWNumbers& numbers, bool plain = false);

}  // namespace testudo::training
