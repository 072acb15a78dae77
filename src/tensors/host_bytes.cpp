#include "tensors/host_bytes.h"

#include "core/error.h"
#include "core/strings.h"
#include "tensors/dtypes.h"

namespace testudo::tensors {

void check_writable(const at::Tensor& tensor, std::string_view name, const std::string& file) {
    const auto cannot = [&](const std::string& why) {
        return usage_error(
            cat(file, ": the tensor ", to_utf8(name), " cannot be written: ", why),
            "Convert it to a dense tensor of float, half, bfloat16, whole numbers or bool first.");
    };
    if (!tensor.defined()) throw cannot("it is empty of meaning (undefined)");
    if (tensor.layout() != at::kStrided || tensor.is_quantized()) throw cannot("it is not dense");
    if (tensor.is_meta()) throw cannot("it has no data");
    if (!element_type(tensor.scalar_type()))
        throw cannot(cat("its type is ", at::toString(tensor.scalar_type())));
}

at::Tensor row_major_on_host(const at::Tensor& tensor) {
    return tensor.detach().resolve_neg().to(at::kCPU).contiguous();
}

}  // namespace testudo::tensors
