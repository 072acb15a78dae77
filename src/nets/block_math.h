#pragma once
// What stands between the products of a transformer block, each thing done in one pass over memory: by the
// kernels of avx512_training.h where the processor has them, else by libtorch's operations.
#include <ATen/ATen.h>

#include <cstdint>

namespace testudo::nets {

// Float32 tensors on a CPU whose processor has the kernels.
bool own_kernels(const at::Tensor& tensor);

// While one lives libtorch computes everything, also products: for comparisons.
class PlainMath {
  public:
    PlainMath();
    ~PlainMath();
    PlainMath(const PlainMath&) = delete;
    PlainMath& operator=(const PlainMath&) = delete;
};

at::Tensor gelu_tanh(const at::Tensor& x);
// grad becomes the gradient of x, and x becomes gelu_tanh(x).
void gelu_tanh_backward(at::Tensor& x, at::Tensor& grad);

// x becomes dropout(x) (dropout.h) + rest.
void dropout_and_add(at::Tensor& x, std::uint64_t seed, double p, const at::Tensor& rest);

struct Normed {
    at::Tensor out, mean, rstd;
};
// Over the last dimension of x [rows, dim], epsilon 1e-5.
Normed layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);
struct NormGradients {
    at::Tensor x, weight, bias;
};
// x: the gradient of layer_norm's x, plus `rest` where that is defined.
NormGradients layer_norm_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& mean,
                                  const at::Tensor& rstd, const at::Tensor& weight, const at::Tensor& bias,
                                  const at::Tensor& rest = {});

at::Tensor column_sums(const at::Tensor& rows);  // [n, dim] -> [dim]

// Sum over rows of the cross entropy of softmax(logits[row]) with targets[row] (int64); the logits become the
// gradient of weight * that.
double cross_entropy(at::Tensor& logits, const at::Tensor& targets, double weight);

}  // namespace testudo::nets
