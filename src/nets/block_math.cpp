#include "nets/block_math.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <vector>

#include "nets/avx512_training.h"
#include "nets/dropout.h"

namespace testudo::nets {

namespace {

constexpr double eps = 1e-5;
constexpr std::int64_t grain = std::int64_t{1} << 15;  // numbers worth a thread
constexpr std::int64_t lanes = 16;

std::atomic<int> plain_users = 0;

bool whole(const at::Tensor& x) { return own_kernels(x) && x.is_contiguous(); }

std::int64_t rows_of_grain(std::int64_t columns) { return std::max<std::int64_t>(1, grain / columns); }

}  // namespace

PlainMath::PlainMath() { ++plain_users; }
PlainMath::~PlainMath() { --plain_users; }

bool own_kernels(const at::Tensor& tensor) {
    static const bool supported = avx512::supported();
    return supported && plain_users == 0 && tensor.device().is_cpu() && tensor.scalar_type() == at::kFloat;
}

at::Tensor gelu_tanh(const at::Tensor& x) {
    if (!whole(x)) return at::gelu(x, "tanh");
    at::Tensor out = at::empty_like(x);
    const float* from = x.const_data_ptr<float>();
    float* to = out.mutable_data_ptr<float>();
    at::parallel_for(0, x.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
        avx512::gelu_tanh(from + begin, end - begin, to + begin);
    });
    return out;
}

void gelu_tanh_backward(at::Tensor& x, at::Tensor& grad) {
    if (!whole(x) || !whole(grad)) {
        grad = at::gelu_backward(grad, x, "tanh");
        x = at::gelu(x, "tanh");
        return;
    }
    float *value = x.mutable_data_ptr<float>(), *gradient = grad.mutable_data_ptr<float>();
    at::parallel_for(0, x.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
        avx512::gelu_tanh_backward(value + begin, gradient + begin, end - begin);
    });
}

void dropout_and_add(at::Tensor& x, std::uint64_t seed, double p, const at::Tensor& rest) {
    if (p <= 0 || !whole(x) || !whole(rest)) {
        x = dropout(x, seed, p);
        x += rest;
        return;
    }
    const avx512::Drop drop{seed, dropout_threshold(p), static_cast<float>(1.0 / (1.0 - p))};
    float* value = x.mutable_data_ptr<float>();
    const float* other = rest.const_data_ptr<float>();
    at::parallel_for(0, x.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
        avx512::dropout(drop, value + begin, other + begin, begin, end - begin, value + begin);
    });
}

Normed layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    const std::int64_t rows = x.size(0), dim = x.size(1);
    if (!whole(x) || dim % lanes != 0) {
        auto [out, mean, rstd] = at::native_layer_norm(x, {dim}, weight, bias, eps);
        return {out, mean, rstd};
    }
    Normed normed{at::empty_like(x), at::empty({rows, 1}, x.options()), at::empty({rows, 1}, x.options())};
    at::parallel_for(0, rows, rows_of_grain(dim), [&](std::int64_t begin, std::int64_t end) {
        avx512::layer_norm_forward(
            x.const_data_ptr<float>() + begin * dim, end - begin, dim, weight.const_data_ptr<float>(),
            bias.const_data_ptr<float>(), normed.out.mutable_data_ptr<float>() + begin * dim,
            normed.mean.mutable_data_ptr<float>() + begin, normed.rstd.mutable_data_ptr<float>() + begin);
    });
    return normed;
}

NormGradients layer_norm_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& mean,
                                  const at::Tensor& rstd, const at::Tensor& weight, const at::Tensor& bias,
                                  const at::Tensor& rest) {
    const std::int64_t rows = x.size(0), dim = x.size(1);
    if (!whole(x) || !whole(grad) || (rest.defined() && !whole(rest)) || dim % lanes != 0) {
        auto [grad_x, grad_weight, grad_bias] =
            at::native_layer_norm_backward(grad, x, {dim}, mean, rstd, weight, bias, {true, true, true});
        if (rest.defined()) grad_x += rest;
        return {grad_x, grad_weight, grad_bias};
    }
    // Sums of blocks of a fixed size: the result does not depend on the number of threads.
    constexpr std::int64_t block = 64;
    const std::int64_t blocks = (rows + block - 1) / block;
    at::Tensor out = at::empty_like(x), sums = at::zeros({blocks, 2 * dim}, x.options());
    at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t row = i * block, start = row * dim;
            float* sum = sums.mutable_data_ptr<float>() + i * 2 * dim;
            avx512::layer_norm_backward(grad.const_data_ptr<float>() + start,
                                        x.const_data_ptr<float>() + start, std::min(block, rows - row), dim,
                                        mean.const_data_ptr<float>() + row,
                                        rstd.const_data_ptr<float>() + row, weight.const_data_ptr<float>(),
                                        rest.defined() ? rest.const_data_ptr<float>() + start : nullptr,
                                        out.mutable_data_ptr<float>() + start, sum, sum + dim);
        }
    });
    const at::Tensor all = column_sums(sums);
    return {out, all.narrow(0, 0, dim), all.narrow(0, dim, dim)};
}

at::Tensor column_sums(const at::Tensor& rows) {
    if (!whole(rows) || rows.dim() != 2) return rows.sum(0);
    const std::int64_t count = rows.size(0), columns = rows.size(1), pieces = avx512::panels(columns);
    at::Tensor sums = at::empty({columns}, rows.options());
    const std::int64_t piece_grain =
        std::max<std::int64_t>(1, grain / std::max<std::int64_t>(1, count * avx512::panel));
    at::parallel_for(0, pieces, piece_grain, [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t first = begin * avx512::panel, last = std::min(end * avx512::panel, columns);
        avx512::column_sums(rows.const_data_ptr<float>() + first, count, columns, last - first,
                            sums.mutable_data_ptr<float>() + first);
    });
    return sums;
}

double cross_entropy(at::Tensor& logits, const at::Tensor& targets, double weight) {
    const std::int64_t rows = logits.size(0), classes = logits.size(1);
    if (!whole(logits)) {
        const at::Tensor target = targets.unsqueeze(1);
        logits = at::log_softmax(logits, 1);
        const at::Tensor chosen = logits.gather(1, target);
        const double sum = -chosen.sum(at::kDouble).item<double>();
        logits.exp_();
        logits.scatter_(1, target, chosen.exp().sub_(1));
        logits.mul_(weight);
        return sum;
    }
    std::vector<double> losses(static_cast<std::size_t>(rows));
    const auto* target = targets.const_data_ptr<std::int64_t>();
    float* values = logits.mutable_data_ptr<float>();
    at::parallel_for(0, rows, rows_of_grain(classes), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
            losses[static_cast<std::size_t>(i)] =
                avx512::cross_entropy(values + i * classes, classes, target[i], static_cast<float>(weight));
    });
    return std::accumulate(losses.begin(), losses.end(), 0.0);
}

}  // namespace testudo::nets
