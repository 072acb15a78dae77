#pragma once
// Dropout by counting: whether an entry is dropped is a hash of (seed, index), so that the backward pass
// needs no stored mask and every device and thread count drops the same entries.
#include <ATen/ATen.h>

#include <cstdint>

namespace testudo::nets {

// 0 with probability p, else 1 / (1 - p). float32.
at::Tensor dropout_scale(std::uint64_t seed, at::IntArrayRef shape, double p,
                         const at::TensorOptions& options);

// x times dropout_scale; x itself when p is 0.
at::Tensor dropout(const at::Tensor& x, std::uint64_t seed, double p);

// Random 32-bit numbers below it drop an entry.
std::uint32_t dropout_threshold(double p);

std::uint64_t mix_seed(std::uint64_t seed, std::uint64_t number);  // an independent seed for each number

}  // namespace testudo::nets
