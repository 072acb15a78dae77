#include "training/saved_adapters.h"

#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "tensors/safetensors.h"

namespace testudo::training {

namespace {

using tensors::Dict;
using tensors::List;
using tensors::Value;

constexpr const char* peft_prefix = "base_model.model.";

Value to_value(const std::vector<std::string>& texts) {
    List list;
    for (const std::string& text : texts) list.items.emplace_back(text);
    return list;
}

Value to_value(const nets::Parameters& parameters) {
    Dict dict;
    for (const auto& [name, tensor] : parameters) dict.set(name, tensor);
    return dict;
}

}  // namespace

Value to_value(const SavedAdapters& adapters) {
    Dict dict;
    dict.set("rank", adapters.rank);
    dict.set("alpha", adapters.alpha);
    dict.set("targets", to_value(adapters.targets));
    dict.set("freeze", to_value(adapters.freeze));
    dict.set("base", adapters.base);
    dict.set("base_sha256", adapters.base_hash);
    dict.set("tensors", to_value(adapters.tensors));
    if (!adapters.average.empty()) dict.set("average", to_value(adapters.average));
    return dict;
}

SavedAdapters adapters_of(const Value& value, const fs::path& file) {
    const auto bad = [&](const char* key) {
        return input_error(cat(file, " cannot be resumed from: \"", key, "\" of its adapters is not valid"),
                           "Choose another .state file.");
    };
    const auto find = [&](const char* key) -> const Value& {
        const Value* found = value.find(key);
        if (!found) throw bad(key);
        return *found;
    };
    const auto text = [&](const char* key) {
        const std::string* found = find(key).text();
        if (!found) throw bad(key);
        return *found;
    };
    const auto texts = [&](const char* key) {
        std::vector<std::string> out;
        for (const Value& item : find(key).elements()) {
            if (!item.text()) throw bad(key);
            out.push_back(*item.text());
        }
        return out;
    };
    const auto named = [&](const char* key) {
        const Dict* dict = find(key).dict();
        if (!dict) throw bad(key);
        nets::Parameters out;
        for (const auto& [name, tensor] : dict->items) {
            if (!name.text() || !tensor.tensor()) throw bad(key);
            out.emplace_back(*name.text(), *tensor.tensor());
        }
        return out;
    };
    SavedAdapters adapters;
    adapters.rank = find("rank").integer().value_or(0);
    adapters.alpha = find("alpha").number().value_or(0);
    if (adapters.rank < 1 || adapters.rank > (1 << 20)) throw bad("rank");
    if (!std::isfinite(adapters.alpha) || adapters.alpha <= 0) throw bad("alpha");
    adapters.targets = texts("targets");
    adapters.freeze = texts("freeze");
    adapters.base = text("base");
    adapters.base_hash = text("base_sha256");
    adapters.tensors = named("tensors");
    if (value.find("average")) adapters.average = named("average");
    return adapters;
}

void write_adapters(const fs::path& file, const SavedAdapters& adapters) {
    tensors::NamedTensors named;
    for (const auto& [name, tensor] : adapters.tensors) named.set(peft_prefix + name, tensor);
    tensors::write_safetensors(file, named,
                               {{"format", "pt"},
                                {"rank", cat(adapters.rank)},
                                {"alpha", cat(adapters.alpha)},
                                {"targets", join(adapters.targets, ",")},
                                {"base", to_utf8(adapters.base)},
                                {"base_sha256", adapters.base_hash}});
}

}  // namespace testudo::training
