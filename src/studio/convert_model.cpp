#include <string_view>

#include "asr/ggml_model.h"
#include "core/error.h"
#include "core/strings.h"
#include "studio/models.h"
#include "tensors/pickle.h"
#include "tensors/safetensors.h"
#include "tensors/sidecar.h"
#include "tensors/weights.h"

namespace testudo::studio {
namespace {

at::ScalarType precision_of(const std::string& name) {
    if (name == "keep") return at::ScalarType::Undefined;
    if (name == "fp32") return at::kFloat;
    if (name == "fp16") return at::kHalf;
    if (name == "bf16") return at::kBFloat16;
    throw usage_error(cat("there is no precision \"", to_utf8(name), "\""),
                      "Choose keep, fp32, fp16 or bf16.");
}

// Causal masks, which the Python programs rebuild, and the second copy of the weights in TorToiSe's inference
// form.
bool is_needless(std::string_view name, const at::Tensor& tensor) {
    const bool whole = tensor.scalar_type() == at::kBool || tensor.scalar_type() == at::kByte;
    return name.ends_with(".attn.masked_bias") || (name.ends_with(".attn.bias") && whole) ||
           name.starts_with("inference_model.") || name == "gpt.wte.weight";
}

at::Tensor cast(const at::Tensor& tensor, at::ScalarType to) {
    return to == at::ScalarType::Undefined || !tensor.is_floating_point() ? tensor : tensor.to(to);
}

// The same structure with other tensors, so that what Python expects around the weights stays.
tensors::Value transform(const tensors::Value& value, at::ScalarType to, bool strip) {
    using namespace tensors;
    if (const auto* tensor = std::get_if<at::Tensor>(&value.data)) return Value(cast(*tensor, to));
    if (const auto* list = std::get_if<List>(&value.data)) {
        List out;
        for (const auto& item : list->items) out.items.push_back(transform(item, to, strip));
        return Value(std::move(out));
    }
    if (const auto* tuple = std::get_if<Tuple>(&value.data)) {
        Tuple out;
        for (const auto& item : tuple->items) out.items.push_back(transform(item, to, strip));
        return Value(std::move(out));
    }
    if (const auto* dict = std::get_if<Dict>(&value.data)) {
        Dict out;
        out.kind = dict->kind;
        for (const auto& [key, item] : dict->items) {
            const auto* name = std::get_if<std::string>(&key.data);
            const auto* tensor = std::get_if<at::Tensor>(&item.data);
            if (strip && name && tensor && is_needless(*name, *tensor)) continue;
            out.items.emplace_back(key, transform(item, to, strip));
        }
        return Value(std::move(out));
    }
    return value;
}

tensors::NamedTensors flat(const fs::path& from, at::ScalarType to, bool strip) {
    tensors::NamedTensors out;
    for (const auto& [name, tensor] : tensors::read_weights(from))
        if (!strip || !is_needless(name, tensor)) out.set(name, cast(tensor, to));
    return out;
}

}  // namespace

void convert_model(const fs::path& from, const fs::path& to, const ConvertOptions& options) {
    const at::ScalarType precision = precision_of(options.precision);
    const std::string ending = lower_ascii(to.extension().string());
    const bool to_pickle = ending == ".pth" || ending == ".pt", to_ggml = ending == ".bin";
    if (!to_pickle && !to_ggml && ending != ".safetensors")
        throw usage_error(cat("cannot tell from the name ", to, " what form to write"),
                          "End it in .pth, .pt, .safetensors or (Whisper for whisper.cpp) .bin.");
    if (to_ggml && precision == at::kBFloat16)
        throw usage_error("a model for whisper.cpp cannot be of bf16", "Choose fp16 or fp32.");
    std::error_code ignored;
    if (fs::exists(to, ignored) && !options.overwrite)
        throw input_error(cat(to, " is there already"),
                          "Choose another name, or replace it with --overwrite.");
    const auto kind = tensors::kind_of_file(from);
    const bool from_pickle = kind == tensors::FileKind::torch_zip || kind == tensors::FileKind::torch_legacy;
    const Json about = tensors::read_sidecar(from);
    if (to_ggml)
        asr::convert_to_ggml(from, to, precision != at::kFloat);
    else if (to_pickle && from_pickle)
        tensors::write_pickle(to, transform(tensors::read_pickle(from), precision, options.strip_buffers));
    else if (to_pickle)
        tensors::write_pickle(to, tensors::to_value(flat(from, precision, options.strip_buffers)));
    else
        tensors::write_safetensors(to, flat(from, precision, options.strip_buffers), {{"format", "pt"}});
    // from.pth and from.safetensors share the note that lies beside both.
    if (!about.empty() && tensors::read_sidecar(to).empty()) tensors::write_sidecar(to, about);
}

}  // namespace testudo::studio
