#pragma once
// Matrix products of training. On processors with AVX-512 by our own kernels, which take operands as they lie
// in memory (libtorch's library has the fast instructions for one maker's processors only); else, and for
// tensors that do not fit them, by libtorch. Results do not depend on the number of threads.
#include <ATen/ATen.h>

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

}  // namespace testudo::nets
