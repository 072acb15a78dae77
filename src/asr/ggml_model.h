#pragma once
// Whisper models for whisper.cpp: made from our other forms, and checked before whisper.cpp reads them.
#include <filesystem>

#include "nets/whisper.h"
#include "tensors/ggml.h"

namespace testudo::asr {

// `from`: as Transcriber::load; `half`: large weights as float16 (what whisper.cpp's own converter writes),
// else all as float32. Atomic. Error(input) as Transcriber::load, Error(environment) when it cannot be
// written.
void convert_to_ggml(const std::filesystem::path& from, const std::filesystem::path& to, bool half = true);

// whisper.cpp trusts its files: sizes, names, shapes and types must be the ones it computes with, or it reads
// past their ends. Error(input) naming `file` and what is wrong.
nets::WhisperConfig check_ggml(const tensors::GgmlModel& model, const std::filesystem::path& file);

}  // namespace testudo::asr
