#pragma once
// A vocabulary head and its cross entropy in one go, a chunk of rows at a time: the logits of the whole batch
// never exist at once.
#include "nets/gradients.h"

namespace testudo::nets {

struct Head {
    std::size_t weight = 0;  // index in parameters(): [vocabulary, dim]; its bias follows
};

// Sum of the cross entropies of `targets` [n] given rows [n, dim]. With gradients also those of weight * the
// sum: of `rows` to grad_rows (same shape), of the head's parameters to their buffers, without ready().
double head_loss(const UnifiedVoice& model, const Head& head, const at::Tensor& rows,
                 const at::Tensor& targets, double weight, Precision precision, Gradients& gradients,
                 at::Tensor* grad_rows);

at::Tensor head_logits(const UnifiedVoice& model, const Head& head, const at::Tensor& rows,
                       Precision precision = Precision::float32);

}  // namespace testudo::nets
