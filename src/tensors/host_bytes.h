#pragma once
// Tensors on their way into a file.
#include <ATen/ATen.h>

#include <string>
#include <string_view>

namespace testudo::tensors {

// Error(usage) naming the tensor when it is undefined, sparse, quantised or of a type no format here holds.
void check_writable(const at::Tensor& tensor, std::string_view name, const std::string& file);
// The same elements on the CPU in row-major order; the tensor itself where it already is so.
at::Tensor row_major_on_host(const at::Tensor& tensor);

}  // namespace testudo::tensors
