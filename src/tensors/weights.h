#pragma once
// Weights from a file of any supported form, told by its content, not its name.
#include <filesystem>

#include "tensors/named_tensors.h"

namespace testudo::tensors {

namespace fs = std::filesystem;

enum class FileKind { torch_zip, torch_legacy, safetensors, ctranslate2, ggml };

const char* name_of(FileKind kind);  // "torch-zip", "torch-legacy", "safetensors", "ctranslate2", "ggml"
// Error(input) that says what the file is instead, where that can be told (HTML page, LFS pointer, empty, …).
FileKind kind_of_file(const fs::path& path);

// The flat weights of .pth (zip, legacy), safetensors, CTranslate2 and ggml files: state_dict_of() of the
// former.
NamedTensors read_weights(const fs::path& path);

}  // namespace testudo::tensors
