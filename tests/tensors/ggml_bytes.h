#pragma once
// ggml models put together by hand, also wrong ones.
#include <initializer_list>
#include <string>

#include "tensors/builders.h"

namespace testudo::tensors::test::ggml {

using I32 = std::int32_t;

inline std::string numbers(std::initializer_list<I32> values) {
    std::string out;
    for (const I32 value : values) out += packed(value);
    return out;
}

// `vocabulary` tokens; the other sizes are 1, large tensors of `type`.
inline std::string sizes(I32 vocabulary = 3, I32 type = 1) {
    return numbers({0x67676d6c, vocabulary, 1, 1, 1, 1, 1, 1, 1, 1, 1, type});
}

inline std::string filters(I32 bands = 1, I32 bins = 2) {
    return numbers({bands, bins}) + std::string(sizeof(float) * 2, '\0');
}

inline std::string token(const std::string& text) { return numbers({static_cast<I32>(text.size())}) + text; }

inline std::string vocabulary() { return numbers({2}) + token(" the") + token(""); }

// `shape` as ggml has it: the innermost size first.
inline std::string tensor(const std::string& name, I32 type, std::initializer_list<I32> shape,
                          const std::string& data) {
    return numbers({static_cast<I32>(shape.size()), static_cast<I32>(name.size()), type}) + numbers(shape) +
           name + data;
}

inline std::string model_of(const std::string& tensors) {
    return sizes() + filters() + vocabulary() + tensors;
}

}  // namespace testudo::tensors::test::ggml
