#include "nets/loss_head.h"

#include <algorithm>

#include "nets/lora_pass.h"

namespace testudo::nets {

namespace {
constexpr std::int64_t chunk_bytes = std::int64_t{32} << 20;
}

at::Tensor head_logits(const UnifiedVoice& model, const Head& head, const at::Tensor& rows,
                       Precision precision) {
    at::Tensor logits = product(rows, model.parameters()[head.weight].second.t(),
                                {.bias = model.parameters()[head.weight + 1].second, .precision = precision});
    add_adapter(model, head.weight, rows, logits);
    return logits;
}

double head_loss(const UnifiedVoice& model, const Head& head, const at::Tensor& rows,
                 const at::Tensor& targets, double weight, Precision precision, Gradients& gradients,
                 at::Tensor* grad_rows) {
    const at::Tensor& matrix = model.parameters()[head.weight].second;
    const std::int64_t count = rows.size(0);
    const std::int64_t chunk =
        std::clamp<std::int64_t>(chunk_bytes / (4 * matrix.size(0)), 1, std::max<std::int64_t>(count, 1));
    if (gradients) *grad_rows = at::empty_like(rows);
    double sum = 0;
    for (std::int64_t start = 0; start < count; start += chunk) {
        const std::int64_t length = std::min(chunk, count - start);
        const at::Tensor part = rows.narrow(0, start, length);
        at::Tensor scores = head_logits(model, head, part, precision);
        sum += cross_entropy(scores, targets.narrow(0, start, length), weight);
        if (!gradients) continue;
        at::Tensor into = grad_rows->narrow(0, start, length);
        product_out(into, scores, matrix, {.precision = precision});
        const bool overwrite = start == 0 && gradients.fresh(head.weight);
        const bool overwrite_bias = start == 0 && gradients.fresh(head.weight + 1);
        gradients.accumulate_product(head.weight, scores, part, overwrite);
        if (gradients.wants(head.weight + 1))
            gradients.accumulate(head.weight + 1, column_sums(scores), overwrite_bias);
        adapter_backward_piece(model, head.weight, scores, part, into, gradients, start == 0);
    }
    return sum;
}

}  // namespace testudo::nets
