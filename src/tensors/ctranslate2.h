#pragma once
// CTranslate2's model.bin, binary version 6: named arrays and aliases, as its converters write Whisper
// models.
#include <filesystem>
#include <string>

#include "tensors/named_tensors.h"

namespace testudo::tensors {

namespace fs = std::filesystem;

struct CTranslate2Model {
    std::string spec;  // "WhisperSpec"
    int revision = 0;  // of the spec
    NamedTensors
        tensors;  // "encoder/layer_0/ffn/linear_0/weight", …; scalars have rank 0; aliases share the storage
};

// Error(input) for another version or a damaged file.
CTranslate2Model read_ctranslate2(const fs::path& path);

}  // namespace testudo::tensors
