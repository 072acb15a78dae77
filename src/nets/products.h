#pragma once
// Matrix products of training. On processors with AVX-512 by our own kernels, which take operands as they lie
// in memory (libtorch's library has the fast instructions for one maker's processors only); else, and for
// tensors that do not fit them, by libtorch. Results do not depend on the number of threads.
#include <ATen/ATen.h>

#include <optional>

namespace testudo::nets {

// What the factors are rounded to before they are multiplied; sums are in float32 (float16: as the device
// does it). bfloat16 and float16: Micikevicius et al. 2018, Kalamkar et al. 2019.
enum class Precision { float32, bfloat16, float16 };

// Whether the processor (for CPU tensors) multiplies in this precision itself, that is faster than float32.
bool fast_precision(Precision precision);

// out = a · b (+ bias) (+ out, with `add`); a [m, k], b [k, n], bias [n] or undefined, out [m, n], float32.
struct ProductOptions {
    at::Tensor bias = {};
    bool add = false;
    Precision precision = Precision::float32;
};
void product_out(at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const ProductOptions& options);
at::Tensor product(const at::Tensor& a, const at::Tensor& b, const ProductOptions& options = {});

// The power of two that brings numbers of at most `limit` below half precision's largest (65504), with a
// factor of two to spare: none can overflow, and small ones are as far from vanishing as can be.
double half_scale(double limit);

// a · b as half-precision numbers [m, n] of product * scale, rounded while it is computed, so that it never
// stands in memory in float32; the scale is of the largest number that the norms of a's rows and b's columns
// allow (Cauchy-Schwarz). The squared norm is that of the unrounded product. Nothing where the processor or
// the layout (a [m, k] turned, b [k, n] not, as in gradients of weights) has no kernel for it.
struct HalfProduct {
    at::Tensor half;
    double scale = 1, squared_norm = 0;
};
std::optional<HalfProduct> half_product(const at::Tensor& a, const at::Tensor& b,
                                        Precision precision = Precision::float32);

}  // namespace testudo::nets
