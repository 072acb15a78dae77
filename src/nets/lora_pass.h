#pragma once
// What an adapter adds to a linear layer, forward and backward. Layers without one are left as they are.
#include "nets/gradients.h"

namespace testudo::nets {

bool has_adapter(const UnifiedVoice& model, std::size_t weight);

// out [tokens, out] += s (x A^T) B^T of the adapter of parameter `weight`; x [tokens, in].
void add_adapter(const UnifiedVoice& model, std::size_t weight, const at::Tensor& x, at::Tensor& out);

// grad [tokens, out] is that of the output. Adds to grad_x [tokens, in], hands over A's and B's gradients.
void adapter_backward(const UnifiedVoice& model, std::size_t weight, const at::Tensor& grad,
                      const at::Tensor& x, at::Tensor& grad_x, Gradients& gradients);

// The same for tokens that come in several pieces; finish_adapter() says that all have come.
void adapter_backward_piece(const UnifiedVoice& model, std::size_t weight, const at::Tensor& grad,
                            const at::Tensor& x, at::Tensor& grad_x, Gradients& gradients, bool first);
void finish_adapter(const UnifiedVoice& model, std::size_t weight, Gradients& gradients);

}  // namespace testudo::nets
