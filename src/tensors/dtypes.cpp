#include "tensors/dtypes.h"

#include <algorithm>
#include <array>

namespace testudo::tensors {

namespace {

constexpr std::array types{
    ElementType{at::kFloat, "float32", "FloatStorage", "F32", 4},
    ElementType{at::kDouble, "float64", "DoubleStorage", "F64", 8},
    ElementType{at::kHalf, "float16", "HalfStorage", "F16", 2},
    ElementType{at::kBFloat16, "bfloat16", "BFloat16Storage", "BF16", 2},
    ElementType{at::kLong, "int64", "LongStorage", "I64", 8},
    ElementType{at::kInt, "int32", "IntStorage", "I32", 4},
    ElementType{at::kShort, "int16", "ShortStorage", "I16", 2},
    ElementType{at::kChar, "int8", "CharStorage", "I8", 1},
    ElementType{at::kByte, "uint8", "ByteStorage", "U8", 1},
    ElementType{at::kBool, "bool", "BoolStorage", "BOOL", 1},
};

template <class Field>
const ElementType* find(Field ElementType::*field, const Field& value) {
    const auto found = std::find_if(types.begin(), types.end(),
                                    [&](const ElementType& type) { return type.*field == value; });
    return found == types.end() ? nullptr : &*found;
}

}  // namespace

const ElementType* element_type(at::ScalarType type) { return find(&ElementType::type, type); }
const ElementType* element_type_of_storage(std::string_view name) {
    return find(&ElementType::storage, name);
}
const ElementType* element_type_of_safetensors(std::string_view name) {
    return find(&ElementType::safetensors, name);
}

}  // namespace testudo::tensors
