#pragma once
// A Whisper model as it lies on the disk, whichever form it has there.
#include <filesystem>

#include "asr/timing.h"
#include "asr/tokenizer.h"
#include "nets/whisper.h"
#include "tensors/named_tensors.h"

namespace testudo::asr {

struct ModelFile {
    std::filesystem::path weights;  // the file that holds them
    nets::WhisperConfig config;
    tensors::NamedTensors tensors;  // openai's names, as precise as in the file
    WhisperTokenizer tokenizer;
    AlignmentHeads heads;
};

// `model`: as Transcriber::load. Error(input) as there.
ModelFile read_model(const std::filesystem::path& model);

}  // namespace testudo::asr
