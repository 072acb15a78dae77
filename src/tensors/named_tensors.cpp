#include "tensors/named_tensors.h"

#include "core/error.h"
#include "core/strings.h"
#include "tensors/damage.h"

namespace testudo::tensors {

const at::Tensor* NamedTensors::find(std::string_view name) const {
    const auto found = index_.find(std::string(name));
    return found == index_.end() ? nullptr : &items_[found->second].second;
}

const at::Tensor& NamedTensors::at(std::string_view name) const {
    if (const at::Tensor* tensor = find(name)) return *tensor;
    throw input_error(cat("there is no tensor ", name), "Check that the file holds the right kind of model.");
}

void NamedTensors::set(std::string name, at::Tensor tensor) {
    const auto [found, added] = index_.emplace(name, items_.size());
    if (added)
        items_.emplace_back(std::move(name), std::move(tensor));
    else
        items_[found->second].second = std::move(tensor);
}

bool NamedTensors::erase(std::string_view name) {
    const auto found = index_.find(std::string(name));
    if (found == index_.end()) return false;
    const std::size_t gone = found->second;
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(gone));
    index_.erase(found);
    for (auto& [other, place] : index_)
        if (place > gone) --place;
    return true;
}

NamedTensors state_dict_of(const Value& value, const std::string& where, std::string_view part) {
    const auto no_weights = [&](const std::string& what) {
        return input_error(cat(where, ": ", what), "Name a file with the weights of a model.");
    };
    const Value* weights = &value;
    if (!part.empty()) {
        weights = value.find(part);
        if (!weights) throw no_weights(cat("it has no part ", part));
    } else {
        for (const char* key : {"state_dict", "model_state_dict"})
            if (const Value* inner = value.find(key); inner && inner->dict()) weights = inner;
    }
    const Dict* dict = weights->dict();
    if (!dict) throw no_weights(cat("it holds a ", weights->type_name(), " instead of named weights"));
    NamedTensors out;
    for (const auto& [key, entry] : dict->items) {
        if (!key.text() || !entry.tensor()) continue;
        constexpr std::string_view prefix = "module.";
        std::string name = key.text()->starts_with(prefix) ? key.text()->substr(prefix.size()) : *key.text();
        if (out.contains(name)) throw no_weights(cat("it holds the tensor ", shown(name), " twice"));
        out.set(std::move(name), *entry.tensor());
    }
    if (out.empty()) throw no_weights("there are no weights in it");
    return out;
}

Value to_value(const NamedTensors& tensors) {
    Dict dict;
    dict.kind = Dict::Kind::ordered;
    for (const auto& [name, tensor] : tensors) dict.items.emplace_back(name, tensor);
    return dict;
}

}  // namespace testudo::tensors
