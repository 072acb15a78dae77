#include "nets/attention.h"

#include <cmath>

#include "nets/dropout.h"

namespace testudo::nets {

namespace {

// Sequences first .. first + count - 1 have the same lengths and lie end to end: one call serves them all.
struct Run {
    std::size_t first = 0, count = 0;
};

std::vector<Run> runs_of(std::span<const Span> queries, std::span<const Span> keys) {
    std::vector<Run> runs;
    for (std::size_t i = 0; i < queries.size(); ++i) {
        const auto follows = [&](std::span<const Span> spans) {
            return spans[i].length == spans[i - 1].length &&
                   spans[i].start == spans[i - 1].start + spans[i - 1].length;
        };
        if (i > 0 && follows(queries) && follows(keys))
            ++runs.back().count;
        else
            runs.push_back({i, 1});
    }
    return runs;
}

// [batch, heads, length, width] view of the run's rows.
at::Tensor view_of(const at::Tensor& rows, std::span<const Span> spans, const Run& run) {
    const Span& first = spans[run.first];
    const auto batch = static_cast<std::int64_t>(run.count);
    return rows.narrow(0, first.start, batch * first.length)
        .view({batch, first.length, rows.size(1), rows.size(2)})
        .transpose(1, 2);
}

bool fused(const at::Tensor& q, const AttentionOptions& options) {
    return q.device().is_cpu() && options.dropout == 0;
}

at::Tensor weights_of(const at::Tensor& q, const at::Tensor& k, const AttentionOptions& options) {
    at::Tensor scores =
        at::matmul(q, k.transpose(-1, -2)).mul_(1.0 / std::sqrt(static_cast<double>(q.size(-1))));
    if (options.causal) {
        const std::int64_t n = q.size(-2);
        scores.masked_fill_(at::ones({n, n}, q.options().dtype(at::kBool)).triu_(1), -INFINITY);
    }
    return at::softmax(scores, -1);
}

std::uint64_t run_seed(const AttentionOptions& options, std::size_t run) {
    return options.seed + run * 0x9E3779B97F4A7C15u;
}

}  // namespace

void attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::span<const Span> queries,
               std::span<const Span> keys, const AttentionOptions& options, at::Tensor& out,
               AttentionSaved* saved) {
    for (const Run& run : runs_of(queries, keys)) {
        const at::Tensor rq = view_of(q, queries, run), rk = view_of(k, keys, run),
                         rv = view_of(v, keys, run);
        at::Tensor target = view_of(out, queries, run);
        if (fused(q, options)) {
            auto [result, log_sums] =
                at::_scaled_dot_product_flash_attention_for_cpu(rq, rk, rv, 0.0, options.causal);
            target.copy_(result);
            if (saved) saved->push_back(log_sums);
        } else {
            at::Tensor weights = weights_of(rq, rk, options);
            if (options.dropout > 0)
                weights = weights * dropout_scale(run_seed(options, run.first), weights.sizes(),
                                                  options.dropout, q.options());
            target.copy_(at::matmul(weights, rv));
        }
    }
}

void attention_backward(const at::Tensor& grad_out, const at::Tensor& q, const at::Tensor& k,
                        const at::Tensor& v, const at::Tensor& out, std::span<const Span> queries,
                        std::span<const Span> keys, const AttentionOptions& options,
                        const AttentionSaved& saved, at::Tensor grad_q, at::Tensor grad_k,
                        at::Tensor grad_v) {
    std::size_t number = 0;
    for (const Run& run : runs_of(queries, keys)) {
        const at::Tensor rq = view_of(q, queries, run), rk = view_of(k, keys, run),
                         rv = view_of(v, keys, run);
        const at::Tensor go = view_of(grad_out, queries, run), o = view_of(out, queries, run);
        at::Tensor gq = view_of(grad_q, queries, run), gk = view_of(grad_k, keys, run),
                   gv = view_of(grad_v, keys, run);
        if (fused(q, options)) {
            auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
                go, rq, rk, rv, o, saved[number++], 0.0, options.causal);
            gq.copy_(dq), gk.copy_(dk), gv.copy_(dv);
            continue;
        }
        const at::Tensor weights = weights_of(rq, rk, options);
        at::Tensor grad_weights = at::matmul(go, rv.transpose(-1, -2)), used = weights;
        if (options.dropout > 0) {
            const at::Tensor scale =
                dropout_scale(run_seed(options, run.first), weights.sizes(), options.dropout, q.options());
            used = weights * scale;
            grad_weights.mul_(scale);
        }
        gv.copy_(at::matmul(used.transpose(-1, -2), go));
        const at::Tensor grad_scores = weights * (grad_weights - (grad_weights * weights).sum({-1}, true)) *
                                       (1.0 / std::sqrt(static_cast<double>(q.size(-1))));
        gq.copy_(at::matmul(grad_scores, rk));
        gk.copy_(at::matmul(grad_scores.transpose(-1, -2), rq));
    }
}

}  // namespace testudo::nets
