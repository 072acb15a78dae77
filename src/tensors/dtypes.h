#pragma once
// The element types we read and write, by their names in each format.
#include <ATen/ATen.h>

#include <string_view>

namespace testudo::tensors {

struct ElementType {
    at::ScalarType type;
    std::string_view name;         // torch: "float32"
    std::string_view storage;      // pickles: "FloatStorage"
    std::string_view safetensors;  // "F32"
    std::size_t bytes;
};

// nullptr when the type is not on the list.
const ElementType* element_type(at::ScalarType type);
const ElementType* element_type_of_storage(std::string_view name);
const ElementType* element_type_of_safetensors(std::string_view name);

}  // namespace testudo::tensors
