#pragma once
// Weights by name, in the order of the file.
#include <ATen/ATen.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tensors/value.h"

namespace testudo::tensors {

struct NamedTensors {
    using Item = std::pair<std::string, at::Tensor>;

    const at::Tensor* find(std::string_view name) const;  // nullptr when absent
    const at::Tensor& at(std::string_view name) const;    // Error(input) naming the tensor when absent
    bool contains(std::string_view name) const { return find(name) != nullptr; }
    void set(std::string name, at::Tensor tensor);  // replaces in place, or appends
    bool erase(std::string_view name);              // false when absent

    std::size_t size() const { return items_.size(); }
    bool empty() const { return items_.empty(); }
    const std::vector<Item>& items() const { return items_; }
    auto begin() const { return items_.begin(); }
    auto end() const { return items_.end(); }

  private:
    std::vector<Item> items_;
    std::unordered_map<std::string, std::size_t> index_;
};

// The weights of a checkpoint: the dict itself, or the one under "state_dict" or "model_state_dict" where it
// holds one; with `part` given, the dict under that key ("model_g", "generator", …). A leading "module." of a
// name is dropped, as DLAS does; entries that are no tensors are left out. `where` (a file name) stands in
// the errors: Error(input) when there is no such dict, no tensor in it, or two names become one.
NamedTensors state_dict_of(const Value& value, const std::string& where, std::string_view part = {});
Value to_value(const NamedTensors& tensors);  // an OrderedDict

}  // namespace testudo::tensors
