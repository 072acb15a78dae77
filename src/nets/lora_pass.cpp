#include "nets/lora_pass.h"

namespace testudo::nets {

namespace {

const Adapter* adapter_of(const UnifiedVoice& model, std::size_t weight) {
    const int place = model.adapter_place(weight);
    return place < 0 ? nullptr : &model.adapters().all[static_cast<std::size_t>(place)];
}

// In the order of a GradientSink; B follows.
std::size_t place_of_a(const UnifiedVoice& model, std::size_t weight) {
    return model.parameters().size() + 2 * static_cast<std::size_t>(model.adapter_place(weight));
}

}  // namespace

bool has_adapter(const UnifiedVoice& model, std::size_t weight) { return adapter_of(model, weight); }

void add_adapter(const UnifiedVoice& model, std::size_t weight, const at::Tensor& x, at::Tensor& out) {
    const Adapter* adapter = adapter_of(model, weight);
    if (adapter) out.addmm_(at::mm(x, adapter->a.t()), adapter->b.t(), 1, model.adapters().scale());
}

void adapter_backward_piece(const UnifiedVoice& model, std::size_t weight, const at::Tensor& grad,
                            const at::Tensor& x, at::Tensor& grad_x, Gradients& gradients, bool first) {
    const Adapter* adapter = adapter_of(model, weight);
    if (!adapter) return;
    const double scale = model.adapters().scale();
    const std::size_t a = place_of_a(model, weight);
    const at::Tensor narrow = at::mm(grad, adapter->b).mul_(scale);  // [tokens, rank]
    gradients.accumulate_product(a, narrow, x, first && gradients.fresh(a));
    gradients.accumulate_product(a + 1, grad, at::mm(x, adapter->a.t()).mul_(scale),
                                 first && gradients.fresh(a + 1));
    grad_x.addmm_(narrow, adapter->a);
}

void finish_adapter(const UnifiedVoice& model, std::size_t weight, Gradients& gradients) {
    if (!adapter_of(model, weight)) return;
    const std::size_t a = place_of_a(model, weight);
    gradients.ready(a);
    gradients.ready(a + 1);
}

void adapter_backward(const UnifiedVoice& model, std::size_t weight, const at::Tensor& grad,
                      const at::Tensor& x, at::Tensor& grad_x, Gradients& gradients) {
    adapter_backward_piece(model, weight, grad, x, grad_x, gradients, true);
    finish_adapter(model, weight, gradients);
}

}  // namespace testudo::nets
