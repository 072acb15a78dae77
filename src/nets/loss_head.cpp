#include "nets/loss_head.h"

#include <algorithm>

#include "nets/lora_pass.h"

namespace testudo::nets {

namespace {
constexpr std::int64_t chunk_bytes = std::int64_t{32} << 20;
}

at::Tensor head_logits(const UnifiedVoice& model, const Head& head, const at::Tensor& rows) {
    at::Tensor logits = at::addmm(model.parameters()[head.weight + 1].second, rows,
                                  model.parameters()[head.weight].second.t());
    add_adapter(model, head.weight, rows, logits);
    return logits;
}

double head_loss(const UnifiedVoice& model, const Head& head, const at::Tensor& rows,
                 const at::Tensor& targets, double weight, Gradients& gradients, at::Tensor* grad_rows) {
    const at::Tensor& matrix = model.parameters()[head.weight].second;
    const std::int64_t count = rows.size(0);
    const std::int64_t chunk =
        std::clamp<std::int64_t>(chunk_bytes / (4 * matrix.size(0)), 1, std::max<std::int64_t>(count, 1));
    if (gradients) *grad_rows = at::empty_like(rows);
    double sum = 0;
    for (std::int64_t start = 0; start < count; start += chunk) {
        const std::int64_t length = std::min(chunk, count - start);
        const at::Tensor part = rows.narrow(0, start, length);
        const at::Tensor target = targets.narrow(0, start, length).unsqueeze(1);
        at::Tensor scores = at::log_softmax(head_logits(model, head, part), 1);
        const at::Tensor chosen = scores.gather(1, target);
        sum -= chosen.sum(at::kDouble).item<double>();
        if (!gradients) continue;
        scores.exp_();
        scores.scatter_(1, target, chosen.exp().sub_(1));
        scores.mul_(weight);
        at::Tensor into = grad_rows->narrow(0, start, length);
        at::mm_out(into, scores, matrix);
        const bool overwrite = start == 0 && gradients.fresh(head.weight);
        const bool overwrite_bias = start == 0 && gradients.fresh(head.weight + 1);
        gradients.accumulate_product(head.weight, scores, part, overwrite);
        if (gradients.wants(head.weight + 1))
            gradients.accumulate(head.weight + 1, scores.sum(0), overwrite_bias);
        adapter_backward_piece(model, head.weight, scores, part, into, gradients, start == 0);
    }
    return sum;
}

}  // namespace testudo::nets
