#pragma once
// Mixed precision: weights, moments, norms, softmax and losses stay in float32, the factors of the large
// products are rounded (nets/products.h). float16 has few exponents, so losses are scaled up before the
// backward pass and gradients down after it (Micikevicius et al. 2018), by the rule of PyTorch's GradScaler.
#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "nets/products.h"

namespace testudo::training {

enum class PrecisionChoice { automatic, float32, bfloat16, float16 };

// automatic: float32, or with half_precision what the device is good at: float16 on GPUs, as the original has
// it, else bfloat16.
nets::Precision precision_on(PrecisionChoice choice, bool half_precision, at::Device device);

// What the user is told at the start; empty for float32.
std::string precision_notice(nets::Precision precision, at::Device device);

// Factor of the losses: halved when a gradient was not finite, doubled after 2000 steps in which all were.
struct LossScale {
    static constexpr double initial = 65536;
    static constexpr std::int64_t good_steps_to_double = 2000;

    double scale = initial;
    std::int64_t good_steps = 0;

    void update(bool finite);
};

}  // namespace testudo::training
