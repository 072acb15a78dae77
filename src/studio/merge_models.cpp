#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "studio/models.h"
#include "tensors/pickle.h"
#include "tensors/safetensors.h"
#include "tensors/sidecar.h"
#include "tensors/weights.h"

namespace testudo::studio {

namespace {

constexpr double progress_step = 16;  // tensors

// What two finetunes of one base differ in are their numbers; positions of a longer form do not fit.
void check_alike(const tensors::NamedTensors& a, const tensors::NamedTensors& b, const fs::path& file_a,
                 const fs::path& file_b) {
    for (const auto& [name, tensor] : a) {
        const at::Tensor* other = b.find(name);
        if (!other)
            throw input_error(cat(file_b, " has no ", printable(name), ", which ", file_a, " has"),
                              "Merge two models of one kind.");
        if (other->sizes() != tensor.sizes())
            throw input_error(cat(printable(name), " has another shape in ", file_b, " than in ", file_a),
                              "Merge two models of one size and vocabulary.");
    }
    for (const auto& [name, tensor] : b)
        if (!a.contains(name))
            throw input_error(cat(file_a, " has no ", printable(name), ", which ", file_b, " has"),
                              "Merge two models of one kind.");
}

}  // namespace

void merge_models(const fs::path& file_a, const fs::path& file_b, double weight, const fs::path& to,
                  bool overwrite, Events& events) {
    if (!(weight >= 0) || !(weight <= 1))
        throw usage_error(cat("a weight of ", weight, " is outside 0 to 1"),
                          "0 is the first model, 1 the second.");
    const std::string ending = lower_ascii(to.extension().string());
    if (ending != ".pth" && ending != ".safetensors")
        throw usage_error(cat("cannot tell from the name ", to, " what form to write"),
                          "End it in .pth or .safetensors.");
    std::error_code ignored;
    if (fs::exists(to, ignored) && !overwrite)
        throw input_error(cat(to, " is there already"),
                          "Choose another name, or replace it with --overwrite.");
    const tensors::NamedTensors a = tensors::read_weights(file_a), b = tensors::read_weights(file_b);
    check_alike(a, b, file_a, file_b);
    tensors::NamedTensors merged;
    double done = 0;
    for (const auto& [name, tensor] : a) {
        const at::Tensor& other = b.at(name);
        // In 32 bits, rounded once; what is no float (masks) is the first's.
        merged.set(
            name, tensor.is_floating_point()
                      ? at::lerp(tensor.to(at::kFloat), other.to(at::kFloat), weight).to(tensor.scalar_type())
                      : tensor);
        if (++done == static_cast<double>(a.size()) || std::fmod(done, progress_step) == 0)
            events.progress("merge", done, static_cast<double>(a.size()), "tensors");
    }
    if (ending == ".pth")
        tensors::write_pickle(to, tensors::to_value(merged));
    else
        tensors::write_safetensors(to, merged, {{"format", "pt"}});
    Json about = tensors::read_sidecar(file_a);
    about["origin"] =
        cat(to_utf8(std::string_view(file_a.filename().string())), " and ",
            to_utf8(std::string_view(file_b.filename().string())), ", merged with weight ", weight);
    tensors::write_sidecar(to, about);
    events.artifact("model", to);
}

}  // namespace testudo::studio
