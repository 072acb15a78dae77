#include "nets/packed_linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nets/vector_math.h"

namespace testudo::nets {
namespace {

using avx512::Element;

double difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

at::Tensor apply(const PackedLinear& layer, const at::Tensor& x, at::Tensor out,
                 const LinearOptions& options = {}) {
    linear(layer, x.const_data_ptr<float>(), x.size(0), out.mutable_data_ptr<float>(), options);
    return out;
}

// Rows around the group of six and the block of 48, outputs around a panel of 64.
constexpr std::pair<int, int> sizes[] = {{1, 64}, {5, 100}, {6, 128}, {7, 24}, {49, 130}, {100, 64}};

TEST(PackedLinear, Float32EqualsLibtorch) {
    if (!avx512::supported()) GTEST_SKIP();
    at::manual_seed(1);
    for (const auto& [rows, outputs] : sizes) {
        const at::Tensor x = at::randn({rows, 80}), weight = at::randn({outputs, 80}),
                         bias = at::randn({outputs});
        const PackedLinear layer = pack(weight, bias, Element::float32);
        const at::Tensor expected = at::addmm(bias, x, weight.t()), before = at::randn({rows, outputs});
        EXPECT_LT(difference(apply(layer, x, at::empty({rows, outputs})), expected), 1e-4) << rows;
        EXPECT_LT(difference(apply(layer, x, before.clone(), {.gelu = true, .add = true}),
                             at::gelu(expected) + before),
                  1e-4)
            << rows;
        const Norm norm{at::randn({80}), at::randn({80})};
        EXPECT_LT(
            difference(apply(layer, x * 3 + 1, at::empty({rows, outputs}), {.norm = &norm}),
                       at::addmm(bias, at::layer_norm(x * 3 + 1, {80}, norm.weight, norm.bias), weight.t())),
            1e-3)
            << rows;
    }
}

TEST(PackedLinear, RowsMayOverlapAsAConvolutionsDo) {
    if (!avx512::supported()) GTEST_SKIP();
    const at::Tensor x = at::randn({1, 16, 22}), weight = at::randn({64, 16, 3}), bias = at::randn({64});
    const at::Tensor frames = x[0].t().contiguous();
    const PackedLinear layer = pack(weight.transpose(1, 2).reshape({64, 48}), bias, Element::float32);
    at::Tensor out = at::empty({10, 64});
    linear(layer, frames.const_data_ptr<float>(), 10, out.mutable_data_ptr<float>(), {.row_stride = 32});
    EXPECT_LT(difference(out, at::conv1d(x, weight, bias, 2)[0].t()), 1e-4);
}

// The sums of int8 products are exact, so the result is known to the rounding of floats.
TEST(PackedLinear, Int8IsTheProductOfTheRoundedNumbers) {
    if (!avx512::supported()) GTEST_SKIP();
    at::manual_seed(2);
    const auto rounded = [](const at::Tensor& x) {
        const at::Tensor scale = (x.abs().amax(1, true) / 127).clamp_min(1e-30);
        return (x / scale).round() * scale;
    };
    for (const auto& [rows, outputs] : sizes) {
        at::Tensor x = at::randn({rows, 96}), weight = at::randn({outputs, 96});
        x[0].fill_(0);
        weight[3].fill_(0);
        const at::Tensor bias = at::randn({outputs});
        const at::Tensor expected = at::addmm(bias, rounded(x), rounded(weight).t());
        EXPECT_LT(
            difference(apply(pack(weight, bias, Element::int8), x, at::empty({rows, outputs})), expected),
            1e-3)
            << rows;
        EXPECT_LT(difference(expected, at::addmm(bias, x, weight.t())), 0.5);
    }
}

TEST(PackedLinear, AttentionEqualsLibtorch) {
    if (!avx512::supported()) GTEST_SKIP();
    at::manual_seed(3);
    for (const Element element : {Element::float32, Element::bfloat16}) {
        if (element == Element::bfloat16 && !avx512::bfloat16_supported()) continue;
        for (const std::int64_t count : {1, 31, 64, 83}) {
            const at::Tensor q = at::randn({13, 64}), k = at::randn({count, 64}), v = at::randn({count, 64});
            std::vector<float> keys(avx512::key_lanes(element, count)),
                values(avx512::value_lanes(element, count)), scratch(avx512::attention_scratch(count));
            avx512::pack_keys(element, k.const_data_ptr<float>(), 64, count, keys.data());
            avx512::pack_values(element, v.const_data_ptr<float>(), 64, count, values.data());
            at::Tensor out = at::empty({13, 64}), scores = at::empty({13, count});
            avx512::attention(element, q.const_data_ptr<float>(), 64, 13, keys.data(), values.data(), count,
                              out.mutable_data_ptr<float>(), 64, scratch.data(),
                              scores.mutable_data_ptr<float>(), count);
            const double tolerance = element == Element::float32 ? 1e-5 : 0.03;
            const at::Tensor expected = at::matmul(q, k.t()) / 8;
            EXPECT_LT(difference(scores, expected), tolerance) << count;
            EXPECT_LT(difference(out, at::matmul(at::softmax(expected, 1), v)), tolerance) << count;

            if (element != Element::float32) continue;
            std::vector<std::int64_t> offset;
            for (std::int64_t i = 0; i < count; ++i) offset.push_back(64 * i);
            at::Tensor apart = at::empty({64});
            avx512::attention_apart(q.const_data_ptr<float>(), k.const_data_ptr<float>(),
                                    v.const_data_ptr<float>(), offset.data(), count,
                                    apart.mutable_data_ptr<float>(), scratch.data());
            EXPECT_LT(difference(apart, out[0]), 1e-5) << count;
        }
    }
}

TEST(VectorMath, EqualsLibtorch) {
    at::manual_seed(4);
    for (const std::int64_t count : {1, 15, 16, 17, 51864}) {
        at::Tensor x = at::randn({count}) * 8;
        if (count > 20) x.narrow(0, 5, 9).fill_(-std::numeric_limits<float>::infinity());
        const std::span<const float> values(x.const_data_ptr<float>(), static_cast<std::size_t>(count));
        EXPECT_EQ(largest(values), x.max().item<float>());
        EXPECT_NEAR(log_sum_exp(values), x.logsumexp(0).item<float>(), 1e-4);
    }
    const std::vector<float> nothing(20, -std::numeric_limits<float>::infinity());
    EXPECT_TRUE(std::isinf(log_sum_exp(nothing)));
    EXPECT_TRUE(std::isinf(largest({})));
}

}  // namespace
}  // namespace testudo::nets
