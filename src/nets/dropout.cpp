#include "nets/dropout.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "nets/avx512_training.h"
#include "nets/block_math.h"

namespace testudo::nets {

namespace {

// "lowbias32" of C. Wellons' hash prospector, twice with different keys: enough mixing for dropout, and it
// vectorises.
inline std::uint32_t mix32(std::uint32_t x) {
    x = (x ^ (x >> 16)) * 0x7feb352dU;
    x = (x ^ (x >> 15)) * 0x846ca68bU;
    return x ^ (x >> 16);
}

}  // namespace

std::uint64_t mix_seed(std::uint64_t seed, std::uint64_t number) {  // splitmix64
    std::uint64_t z = seed + (number + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

std::uint32_t dropout_threshold(double p) {
    return static_cast<std::uint32_t>(std::min(p * 4294967296.0, 4294967295.0));
}

at::Tensor dropout_scale(std::uint64_t seed, at::IntArrayRef shape, double p,
                         const at::TensorOptions& options) {
    at::Tensor scale = at::empty(shape, at::kFloat);
    float* const out = scale.data_ptr<float>();
    const auto low = static_cast<std::uint32_t>(seed), high = static_cast<std::uint32_t>(seed >> 32);
    const std::uint32_t threshold = dropout_threshold(p);
    const auto keep = static_cast<float>(1.0 / (1.0 - p));
    at::parallel_for(0, scale.numel(), 1 << 15, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const std::uint32_t random = mix32(mix32(static_cast<std::uint32_t>(i) ^ low) + high);
            out[i] = random < threshold ? 0.0F : keep;
        }
    });
    return options.device().is_cpu() ? scale : scale.to(options.device());
}

at::Tensor dropout(const at::Tensor& x, std::uint64_t seed, double p) {
    if (p <= 0) return x;
    if (!own_kernels(x) || !x.is_contiguous()) return x * dropout_scale(seed, x.sizes(), p, x.options());
    const avx512::Drop drop{seed, dropout_threshold(p), static_cast<float>(1.0 / (1.0 - p))};
    at::Tensor out = at::empty_like(x);
    const float* from = x.const_data_ptr<float>();
    float* to = out.mutable_data_ptr<float>();
    at::parallel_for(0, x.numel(), 1 << 15, [&](std::int64_t begin, std::int64_t end) {
        avx512::dropout(drop, from + begin, nullptr, begin, end - begin, to + begin);
    });
    return out;
}

}  // namespace testudo::nets
