#pragma once
// Which form a file has, told by its first bytes.
#include <span>
#include <string>

#include "tensors/weights.h"

namespace testudo::tensors {

// Error(input) naming `file` as kind_of_file().
FileKind kind_of_bytes(std::span<const std::byte> bytes, const std::string& file);

}  // namespace testudo::tensors
