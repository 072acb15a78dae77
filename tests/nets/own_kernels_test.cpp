#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nets/attention.h"
#include "nets/avx512_training.h"
#include "nets/block_math.h"
#include "nets/dropout.h"
#include "nets/group_norm.h"
#include "nets/products.h"
#include "support/unified_voice_case.h"

// Our kernels against libtorch's operations, on processors that have them.
namespace testudo::nets {
namespace {

double difference(const at::Tensor& a, const at::Tensor& b) {
    return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

bool no_kernels() { return !own_kernels(at::zeros({1})); }

struct Shape {
    std::int64_t m, k, n;
};
// Around groups of 6 rows, panels of 64 columns, vectors of 16, and panels that are laid out in parts.
constexpr Shape shapes[] = {{1, 1, 1},     {5, 17, 63},     {6, 16, 64},
                            {13, 31, 130}, {100, 1100, 65}, {260, 40, 200}};

// Every combination of operands as they lie and turned.
template <class Act>
void each_layout(const Shape& shape, const Act& act) {
    for (const bool a_turned : {false, true})
        for (const bool b_turned : {false, true})
            act(a_turned ? at::randn({shape.k, shape.m}).t() : at::randn({shape.m, shape.k}),
                b_turned ? at::randn({shape.n, shape.k}).t() : at::randn({shape.k, shape.n}));
}

TEST(OwnKernels, ProductsOfAnyLayout) {
    if (no_kernels()) GTEST_SKIP();
    at::manual_seed(1);
    for (const Shape& shape : shapes)
        each_layout(shape, [&](const at::Tensor& a, const at::Tensor& b) {
            const at::Tensor exact = at::mm(a.to(at::kDouble), b.to(at::kDouble)),
                             bias = at::randn({shape.n}), before = at::randn({shape.m, shape.n});
            const double tolerance = 1e-6 * static_cast<double>(shape.k) + 1e-5;
            EXPECT_LT(difference(product(a, b), exact), tolerance) << shape.m << " " << shape.k;
            EXPECT_LT(difference(product(a, b, {.bias = bias}), exact + bias), tolerance);
            at::Tensor sum = before.clone();
            product_out(sum, a, b, {.bias = bias, .add = true});
            EXPECT_LT(difference(sum, exact + bias + before), tolerance);
        });
}

TEST(OwnKernels, ProductsInBfloat16SumInFloat32) {
    if (no_kernels() || !avx512::bfloat16_supported()) GTEST_SKIP();
    at::manual_seed(2);
    for (const Shape& shape : shapes)
        each_layout(shape, [&](const at::Tensor& a, const at::Tensor& b) {
            const auto rounded = [](const at::Tensor& t) { return t.to(at::kBFloat16).to(at::kDouble); };
            EXPECT_LT(
                difference(product(a, b, {.precision = Precision::bfloat16}), at::mm(rounded(a), rounded(b))),
                1e-6 * static_cast<double>(shape.k) + 1e-5)
                << shape.m << " " << shape.k << " " << shape.n;
        });
}

TEST(OwnKernels, ProductsDoNotDependOnTheNumberOfThreads) {
    if (no_kernels()) GTEST_SKIP();
    const at::Tensor a = at::randn({300, 700}), b = at::randn({500, 700}).t();
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    const at::Tensor one = product(a, b);
    at::set_num_threads(3);
    const at::Tensor three = product(a, b);
    at::set_num_threads(threads);
    EXPECT_TRUE(at::equal(one, three));
}

// Half precision has 11 significant bits down to 2^-14, less below.
void expect_halves_of(const HalfProduct& product, const at::Tensor& exact) {
    const at::Tensor halves = product.half.to(at::kDouble), scaled = exact * product.scale;
    const at::Tensor allowed = scaled.abs() * std::ldexp(1.001, -11) + std::ldexp(1.0, -25);
    EXPECT_TRUE(((halves - scaled).abs() <= allowed + 1e-5 * scaled.abs().max()).all().item<bool>());
    EXPECT_LE(halves.abs().max().item<double>(), 32768);
    const double norm = exact.pow(2).sum().item<double>();
    EXPECT_NEAR(product.squared_norm, norm, 1e-5 * norm + 1e-30);
}

TEST(OwnKernels, ProductsAsHalfPrecisionWithTheirNorm) {
    if (no_kernels()) GTEST_SKIP();
    at::manual_seed(12);
    constexpr Shape more[] = {{1100, 50, 70}, {2064, 9, 64}};
    for (const double size : {1.0, 1e-9, 1e7}) {
        const auto check = [&](const Shape& shape) {
            const at::Tensor left = at::randn({shape.k, shape.m}) * size,
                             right = at::randn({shape.k, shape.n});
            const auto product = half_product(left.t(), right);
            ASSERT_TRUE(product);
            expect_halves_of(*product, at::mm(left.t().to(at::kDouble), right.to(at::kDouble)));
        };
        for (const Shape& shape : shapes) check(shape);
        for (const Shape& shape : more) check(shape);
    }
    // one number alone as large as the norms allow, rows that lie apart, and what has no number
    const at::Tensor wide = at::zeros({40, 90}), narrow = wide.narrow(1, 10, 50), right = at::zeros({40, 20});
    wide[7][12] = 3.0f;
    right[7][5] = 1e4f;
    const auto peak = half_product(narrow.t(), right);
    ASSERT_TRUE(peak);
    expect_halves_of(*peak, at::mm(narrow.t().to(at::kDouble), right.to(at::kDouble)));
    EXPECT_EQ(peak->half[2][5].item<double>(), 3e4 * peak->scale);
    wide[7][12] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(half_product(narrow.t(), right)->squared_norm));
    EXPECT_EQ(half_product(at::zeros({30, 8}).t(), at::zeros({30, 9}))->squared_norm, 0);
    EXPECT_FALSE(half_product(at::zeros({30, 8}), at::zeros({8, 9})));
}

TEST(OwnKernels, HalfProductsDoNotDependOnTheNumberOfThreads) {
    if (no_kernels()) GTEST_SKIP();
    const at::Tensor left = at::randn({300, 1200}), right = at::randn({300, 500});
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    const auto one = half_product(left.t(), right);
    at::set_num_threads(3);
    const auto three = half_product(left.t(), right);
    at::set_num_threads(threads);
    ASSERT_TRUE(one && three);
    EXPECT_TRUE(at::equal(one->half, three->half));
    EXPECT_EQ(one->squared_norm, three->squared_norm);
    EXPECT_EQ(one->scale, three->scale);
}

TEST(OwnKernels, NotANumberStaysOne) {
    at::Tensor logits = at::zeros({2, 50});
    logits[1][7] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(cross_entropy(logits, at::zeros({2}, at::kLong), 1)));
    at::Tensor x = at::full({20}, std::numeric_limits<float>::quiet_NaN()), grad = at::ones({20});
    EXPECT_TRUE(gelu_tanh(x).isnan().all().item<bool>());
    gelu_tanh_backward(x, grad);
    EXPECT_TRUE(grad.isnan().all().item<bool>());
}

TEST(OwnKernels, GeluAndItsGradient) {
    if (no_kernels()) GTEST_SKIP();
    const at::Tensor x = at::linspace(-30, 30, 5001), grad = at::cos(x);
    at::Tensor value = x.clone(), slope = grad.clone(), plain_value = x.clone(), plain_slope = grad.clone();
    gelu_tanh_backward(value, slope);
    EXPECT_LT(difference(gelu_tanh(x), value), 1e-7);
    const PlainMath plain;
    gelu_tanh_backward(plain_value, plain_slope);
    EXPECT_LT(difference(value, plain_value), 1e-6);
    EXPECT_LT(difference(slope, plain_slope), 2e-6);
}

TEST(OwnKernels, DropoutDropsTheSame) {
    if (no_kernels()) GTEST_SKIP();
    const at::Tensor x = at::randn({37, 29}), rest = at::randn({37, 29});
    constexpr std::uint64_t seed = 0x123456789abcdef0u;
    const at::Tensor own = dropout(x, seed, 0.3);
    at::Tensor sum = x.clone();
    dropout_and_add(sum, seed, 0.3, rest);
    const PlainMath plain;
    EXPECT_TRUE(at::equal(own, dropout(x, seed, 0.3)));
    EXPECT_LT(difference(sum, own + rest), 1e-6);
}

TEST(OwnKernels, LayerNormAndItsGradients) {
    if (no_kernels()) GTEST_SKIP();
    at::manual_seed(3);
    for (const std::int64_t dim : {16, 48, 384}) {
        const at::Tensor x = at::randn({150, dim}) * 2 + 1, grad = at::randn({150, dim}),
                         rest = at::randn({150, dim}), weight = at::randn({dim}), bias = at::randn({dim});
        const auto all = [&] {
            const Normed normed = layer_norm(x, weight, bias);
            const NormGradients gradients =
                layer_norm_backward(grad, x, normed.mean, normed.rstd, weight, bias, rest);
            return std::vector<at::Tensor>{normed.out, gradients.x, gradients.weight, gradients.bias};
        };
        const auto own = all();
        const PlainMath plain;
        const auto expected = all();
        for (std::size_t i = 0; i < own.size(); ++i)
            EXPECT_LT(difference(own[i], expected[i]), 5e-5) << dim << " " << i;
    }
}

TEST(OwnKernels, GroupNormAndItsGradients) {
    if (no_kernels()) GTEST_SKIP();
    at::manual_seed(6);
    const std::vector<Span> clips{{0, 1}, {1, 50}, {51, 99}};
    for (const std::int64_t channels : {32, 384}) {
        const at::Tensor x = at::randn({150, channels}) * 2 + 1, grad = at::randn({150, channels}),
                         rest = at::randn({150, channels}), weight = at::randn({channels}),
                         bias = at::randn({channels});
        const auto all = [&] {
            const GroupNormed normed = group_norm(x, clips, weight, bias);
            const NormGradients gradients =
                group_norm_backward(grad, x, clips, weight, normed.means, normed.rstds, rest);
            return std::vector<at::Tensor>{normed.out, gradients.x, gradients.weight, gradients.bias};
        };
        const auto own = all();
        const PlainMath plain;
        const auto expected = all();
        for (std::size_t i = 0; i < own.size(); ++i)
            // Of a group of two numbers, almost equal, the gradient is thousands.
            EXPECT_LT(difference(own[i], expected[i]), 2e-5 * (1 + expected[i].abs().max().item<double>()))
                << channels << " " << i;
    }
}

TEST(OwnKernels, CrossEntropyAndSums) {
    if (no_kernels()) GTEST_SKIP();
    at::manual_seed(4);
    const at::Tensor logits = at::randn({33, 1003}) * 5, targets = at::randint(1003, {33}, at::kLong);
    at::Tensor own = logits.clone(), expected = logits.clone();
    const double loss = cross_entropy(own, targets, 0.25);
    const at::Tensor sums = column_sums(logits);
    const PlainMath plain;
    EXPECT_NEAR(loss, cross_entropy(expected, targets, 0.25), 1e-3);
    EXPECT_LT(difference(own, expected), 1e-6);
    EXPECT_LT(difference(sums, column_sums(logits)), 1e-3);
}

TEST(OwnKernels, AttentionAndItsGradients) {
    if (no_kernels()) GTEST_SKIP();
    at::manual_seed(5);
    const std::vector<Span> rows{{0, 70}, {70, 1}, {71, 130}}, single{{0, 1}, {1, 1}, {2, 1}};
    for (const std::int64_t width : {8, 64})
        for (const bool causal : {true, false})
            for (const bool one_query : {true, false}) {
                if (causal && one_query) continue;
                const std::span<const Span> queries = one_query ? single : rows;
                const std::int64_t count = one_query ? 3 : 201;
                const at::Tensor q = at::randn({count, 3, width}), kv = at::randn({201, 2, 3, width}),
                                 grad = at::randn({count, 3, width});
                const auto all = [&] {
                    at::Tensor out = at::empty_like(q), grad_q = at::empty_like(q),
                               grad_kv = at::empty_like(kv);
                    AttentionSaved saved;
                    attention(q, kv.select(1, 0), kv.select(1, 1), queries, rows, {.causal = causal}, out,
                              &saved);
                    attention_backward(grad, q, kv.select(1, 0), kv.select(1, 1), out, queries, rows,
                                       {.causal = causal}, saved, grad_q, grad_kv.select(1, 0),
                                       grad_kv.select(1, 1));
                    return std::vector<at::Tensor>{out, grad_q, grad_kv};
                };
                const auto own = all();
                const PlainMath plain;
                const auto expected = all();
                for (std::size_t i = 0; i < own.size(); ++i)
                    EXPECT_LT(difference(own[i], expected[i]), 2e-5) << width << causal << one_query << i;
            }
}

UnifiedVoiceConfig small_config() {
    return {.layers = 2, .model_dim = 64, .heads = 2, .max_text_tokens = 40, .max_mel_tokens = 60};
}

Batch small_batch() {
    Batch batch;
    for (int clip = 0; clip < 3; ++clip) {
        Example example;
        for (int i = 0; i < 9 + 7 * clip; ++i) example.text.push_back(1 + i * 7 % 250);
        example.codes = at::arange(20 + 9 * clip, at::kLong) * 37 % 8192;
        for (int c = 0; c < 2; ++c)
            example.conditioning.push_back(
                at::sin(at::arange(80 * 60, at::kFloat) * (0.7 + clip + 0.1 * c)).view({80, -1}));
        batch.push_back(std::move(example));
    }
    return batch;
}

struct PassResult {
    Losses losses;
    std::vector<at::Tensor> gradients;
};
PassResult pass_of(const UnifiedVoice& model, Precision precision) {
    test::KeepAll sink(model.parameters());
    PassResult result;
    result.losses = run_pass(model, small_batch(), {.dropout = 0.1, .seed = 9, .precision = precision},
                             {0.01, 0.02}, &sink);
    for (std::size_t i = 0; i < model.parameters().size(); ++i)
        result.gradients.push_back(sink.buffer(i).clone());
    return result;
}

// Distance of all gradients over their length.
double relative_distance(const PassResult& a, const PassResult& b) {
    double distance = 0, length = 0;
    for (std::size_t i = 0; i < a.gradients.size(); ++i) {
        distance += (a.gradients[i] - b.gradients[i]).pow(2).sum().item<double>();
        length += b.gradients[i].pow(2).sum().item<double>();
    }
    return std::sqrt(distance / length);
}

TEST(OwnKernels, AWholePassIsThatOfLibtorch) {
    if (no_kernels()) GTEST_SKIP();
    UnifiedVoice model(small_config());
    model.initialise(1);
    const PassResult own = pass_of(model, Precision::float32);
    const PlainMath plain;
    const PassResult expected = pass_of(model, Precision::float32);
    EXPECT_NEAR(own.losses.text, expected.losses.text, 1e-5);
    EXPECT_NEAR(own.losses.mel, expected.losses.mel, 1e-5);
    EXPECT_LT(relative_distance(own, expected), 1e-5);
}

// Eight significant bits in each factor, eleven in float16: losses within 0.5 and 0.05 %, gradients 3 and 0.3
// %.
TEST(MixedPrecision, LossesAndGradientsAreCloseToFloat32) {
    UnifiedVoice model(small_config());
    model.initialise(1);
    const PassResult exact = pass_of(model, Precision::float32);
    const auto check = [&](Precision precision, double loss_share, double gradient_share) {
        const PassResult rounded = pass_of(model, precision);
        EXPECT_NEAR(rounded.losses.text, exact.losses.text, loss_share * exact.losses.text);
        EXPECT_NEAR(rounded.losses.mel, exact.losses.mel, loss_share * exact.losses.mel);
        const double distance = relative_distance(rounded, exact);
        EXPECT_LT(distance, gradient_share);
        EXPECT_GT(distance, 1e-6);  // it is another precision
    };
    check(Precision::bfloat16, 0.005, 0.03);
    check(Precision::float16, 0.0005, 0.003);
    const PlainMath plain;
    check(Precision::bfloat16, 0.005, 0.03);
}

}  // namespace
}  // namespace testudo::nets
