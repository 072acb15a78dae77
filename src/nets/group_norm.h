#pragma once
// Group norm of the conditioning encoder over packed clips, with its backward pass: by our kernels where the
// processor has them, else by libtorch's operations.
#include "nets/block_math.h"
#include "nets/packing.h"

namespace testudo::nets {

int group_count(int channels);  // as DLAS and TorToiSe choose it

struct GroupNormed {
    at::Tensor out;           // [frames, channels]
    at::Tensor means, rstds;  // [clips, groups]
};
// x [frames, channels], each clip for itself; epsilon 1e-5.
GroupNormed group_norm(const at::Tensor& x, std::span<const Span> clips, const at::Tensor& weight,
                       const at::Tensor& bias);
// x: the gradient of group_norm's x, plus `rest` where that is defined.
NormGradients group_norm_backward(const at::Tensor& grad, const at::Tensor& x, std::span<const Span> clips,
                                  const at::Tensor& weight, const at::Tensor& means, const at::Tensor& rstds,
                                  const at::Tensor& rest = {});

}  // namespace testudo::nets
