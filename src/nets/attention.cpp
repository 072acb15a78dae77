#include "nets/attention.h"

#include <algorithm>
#include <cmath>

#include "nets/avx512_attention.h"
#include "nets/block_math.h"
#include "nets/dropout.h"
#include "nets/share_work.h"

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

// All heads of all sequences, each a task.
class Heads {
  public:
    Heads(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::span<const Span> queries,
          std::span<const Span> keys, bool causal)
        : q_(q), k_(k), v_(v), queries_(queries), keys_(keys) {
        head_.q_stride = q.stride(0), head_.k_stride = k.stride(0), head_.v_stride = v.stride(0);
        head_.width = q.size(2);
        head_.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_.width)));
        head_.causal = causal;
    }

    // Whether the kernels can compute them.
    static bool fit(std::initializer_list<const at::Tensor*> tensors, const AttentionOptions& options) {
        constexpr std::int64_t widest = 64;
        return options.dropout == 0 && std::all_of(tensors.begin(), tensors.end(), [](const at::Tensor* t) {
                   return own_kernels(*t) && t->stride(2) == 1 && t->size(2) <= widest;
               });
    }

    // act(head, first query row, first key row, number of the head, scratch)
    template <class Act>
    void each(std::int64_t (*scratch)(const avx512::Head&), const Act& act) const {
        std::int64_t most = 0, work = 0;
        for (std::size_t i = 0; i < queries_.size(); ++i) {
            const avx512::Head head = sized(i);
            most = std::max(most, scratch(head));
            work += head.queries * head.keys * head.width * q_.size(1);
        }
        const at::Tensor room = at::empty({at::get_num_threads(), most}, q_.options());
        const auto count = static_cast<std::int64_t>(queries_.size()) * q_.size(1);
        share_work(count, work, [&](std::int64_t task, std::int64_t thread) {
            const auto sequence = static_cast<std::size_t>(task / q_.size(1));
            const std::int64_t number = task % q_.size(1);
            avx512::Head head = sized(sequence);
            const std::int64_t query = queries_[sequence].start, key = keys_[sequence].start;
            head.q = place<const float>(q_, query, number);
            head.k = place<const float>(k_, key, number);
            head.v = place<const float>(v_, key, number);
            act(head, query, key, number, room.mutable_data_ptr<float>() + thread * most);
        });
    }

    template <class Number>
    static Number* place(const at::Tensor& rows, std::int64_t row, std::int64_t head) {
        return rows.mutable_data_ptr<float>() + row * rows.stride(0) + head * rows.stride(1);
    }

  private:
    avx512::Head sized(std::size_t sequence) const {
        avx512::Head head = head_;
        head.queries = queries_[sequence].length, head.keys = keys_[sequence].length;
        return head;
    }

    const at::Tensor &q_, &k_, &v_;
    std::span<const Span> queries_, keys_;
    avx512::Head head_;
};

std::uint64_t run_seed(const AttentionOptions& options, std::size_t run) {
    return options.seed + run * 0x9E3779B97F4A7C15u;
}

}  // namespace

void attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::span<const Span> queries,
               std::span<const Span> keys, const AttentionOptions& options, at::Tensor& out,
               AttentionSaved* saved) {
    if (Heads::fit({&q, &k, &v, &out}, options)) {
        Heads(q, k, v, queries, keys, options.causal)
            .each(&avx512::head_scratch, [&](const avx512::Head& head, std::int64_t query, std::int64_t,
                                             std::int64_t number, float* scratch) {
                avx512::head_forward(head, Heads::place<float>(out, query, number), out.stride(0), scratch);
            });
        return;
    }
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
    if (saved.empty() && Heads::fit({&grad_out, &q, &k, &v, &out, &grad_q, &grad_k, &grad_v}, options)) {
        Heads(q, k, v, queries, keys, options.causal)
            .each(&avx512::head_backward_scratch, [&](const avx512::Head& head, std::int64_t query,
                                                      std::int64_t key, std::int64_t number, float* scratch) {
                const avx512::HeadGradients gradients{
                    .out = Heads::place<const float>(out, query, number),
                    .grad_out = Heads::place<const float>(grad_out, query, number),
                    .out_stride = out.stride(0),
                    .grad_out_stride = grad_out.stride(0),
                    .q = Heads::place<float>(grad_q, query, number),
                    .k = Heads::place<float>(grad_k, key, number),
                    .v = Heads::place<float>(grad_v, key, number),
                    .q_stride = grad_q.stride(0),
                    .k_stride = grad_k.stride(0),
                    .v_stride = grad_v.stride(0)};
                avx512::head_backward(head, gradients, scratch);
            });
        return;
    }
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
