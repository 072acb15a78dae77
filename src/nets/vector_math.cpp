#include "nets/vector_math.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nets/avx512.h"

namespace testudo::nets {

float largest(std::span<const float> x) {
    static const bool fast = avx512::supported();
    if (fast) return avx512::largest(x.data(), static_cast<std::int64_t>(x.size()));
    float most = -std::numeric_limits<float>::infinity();
    for (const float value : x) most = std::max(most, value);
    return most;
}

float log_sum_exp(std::span<const float> x) {
    static const bool fast = avx512::supported();
    if (fast) return avx512::log_sum_exp(x.data(), static_cast<std::int64_t>(x.size()));
    const float most = largest(x);
    if (std::isinf(most)) return most;
    double sum = 0;
    for (const float value : x) sum += static_cast<double>(std::exp(value - most));
    return most + static_cast<float>(std::log(sum));
}

}  // namespace testudo::nets
