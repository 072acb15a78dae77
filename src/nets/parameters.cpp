#include "nets/parameters.h"

#include <unordered_map>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::nets {

Find find_in(const Parameters& parameters) {
    auto index = std::make_shared<std::unordered_map<std::string, const at::Tensor*>>();
    for (const auto& [name, tensor] : parameters) (*index)[name] = &tensor;
    return [index](const std::string& name) -> const at::Tensor* {
        const auto found = index->find(name);
        return found == index->end() ? nullptr : found->second;
    };
}

std::string shape_text(at::IntArrayRef shape) {
    std::string text = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

std::int64_t count_elements(const Parameters& parameters) {
    std::int64_t count = 0;
    for (const auto& entry : parameters) count += entry.second.numel();
    return count;
}

void load_parameters(const Parameters& parameters, const Find& find, const std::string& what) {
    constexpr std::size_t listed_at_most = 8;
    std::vector<std::string> wrong;
    for (const auto& [name, tensor] : parameters) {
        const at::Tensor* source = find(name);
        if (!source || !source->defined())
            wrong.push_back(cat(name, " is missing (should be ", shape_text(tensor.sizes()), ")"));
        else if (source->sizes() != tensor.sizes())
            wrong.push_back(
                cat(name, " is ", shape_text(source->sizes()), ", should be ", shape_text(tensor.sizes())));
        else if (!source->is_floating_point())
            wrong.push_back(cat(name, " does not hold floating-point numbers"));
        else if (!std::isfinite(source->sum(at::kDouble).item<double>()))
            wrong.push_back(cat(name, " holds numbers that are not finite"));
    }
    if (!wrong.empty()) {
        std::string list;
        for (std::size_t i = 0; i < std::min(wrong.size(), listed_at_most); ++i) list += "\n  " + wrong[i];
        if (wrong.size() > listed_at_most) list += cat("\n  and ", wrong.size() - listed_at_most, " more");
        throw input_error(
            cat(what, " does not fit this model:", list),
            "Choose a checkpoint of this model and size, or set the model's sizes to those of the file.");
    }
    at::NoGradGuard no_grad;
    for (const auto& [name, tensor] : parameters) tensor.copy_(*find(name));
}

}  // namespace testudo::nets
