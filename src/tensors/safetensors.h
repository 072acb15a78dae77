#pragma once
// The safetensors format: u64 length of a JSON header, the header, the tensors' bytes (little endian, row
// major).
#include <filesystem>
#include <map>
#include <string>

#include "tensors/named_tensors.h"

namespace testudo::tensors {

namespace fs = std::filesystem;

// Tensors in the order of the header, views of a copy-on-write map of the file. Error(input) for a damaged
// file: header longer than the file, offsets that overlap, leave holes or disagree with the shape, a name
// that comes twice, …
NamedTensors read_safetensors(const fs::path& path, std::map<std::string, std::string>* metadata = nullptr);

// Atomic, streams from the tensors. Error(usage) for a type that the format (or we) cannot hold.
void write_safetensors(const fs::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace testudo::tensors
