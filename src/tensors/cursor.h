#pragma once
// Reads little-endian fields off a span of bytes and never past its end.
#include <bit>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "tensors/damage.h"

namespace testudo::tensors {

static_assert(std::endian::native == std::endian::little, "weights are read in place, as little endian");

class Cursor {
  public:
    // `file` stands in the error when the bytes end too early; it must outlive the cursor.
    Cursor(std::span<const std::byte> bytes, const std::string& file, std::size_t at = 0)
        : bytes_(bytes), file_(&file), at_(at) {}

    std::size_t position() const { return at_; }
    std::size_t rest() const { return bytes_.size() - at_; }

    std::span<const std::byte> take(std::uint64_t count) {
        if (at_ > bytes_.size() || count > rest()) throw damaged(*file_, "it ends in the middle of a field");
        const auto out = bytes_.subspan(at_, static_cast<std::size_t>(count));
        at_ += static_cast<std::size_t>(count);
        return out;
    }
    std::string_view text(std::uint64_t count) {
        const auto out = take(count);
        return {reinterpret_cast<const char*>(out.data()), out.size()};
    }
    template <class Number>
    requires std::is_arithmetic_v<Number> Number read() {
        Number out;
        std::memcpy(&out, take(sizeof out).data(), sizeof out);
        return out;
    }

  private:
    std::span<const std::byte> bytes_;
    const std::string* file_;
    std::size_t at_;
};

}  // namespace testudo::tensors
