#pragma once
// CTranslate2 models put together by hand, also wrong ones.
#include <string>

#include "tensors/support.h"

namespace testudo::tensors::test::ct2 {

using U8 = std::uint8_t;
using U16 = std::uint16_t;
using U32 = std::uint32_t;

inline std::string text(const std::string& value) {
    return packed(static_cast<U16>(value.size() + 1)) + value + '\0';
}

template <class... Sizes>
std::string variable(const std::string& name, U8 type, const std::string& data, Sizes... sizes) {
    return text(name) +
           packed(static_cast<U8>(sizeof...(sizes)), static_cast<U32>(sizes)..., type,
                  static_cast<U32>(data.size())) +
           data;
}

inline std::string model_of(U32 count, const std::string& variables,
                            const std::string& aliases = packed(U32{0}), U32 version = 6) {
    return packed(version) + text("WhisperSpec") + packed(U32{3}) + packed(count) + variables + aliases;
}

}  // namespace testudo::tensors::test::ct2
