#pragma once
// Reductions over long vectors of floats, -inf allowed, by what the processor does best.
#include <span>

namespace testudo::nets {

float largest(std::span<const float> x);      // -inf when empty
float log_sum_exp(std::span<const float> x);  // ln of the sum of e^x

}  // namespace testudo::nets
