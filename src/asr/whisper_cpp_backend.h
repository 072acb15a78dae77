#pragma once
// whisper.cpp (github.com/ggml-org/whisper.cpp), built in, behind the interface of all backends: its own
// rules of decoding and seeking, on the CPU.
#include <filesystem>
#include <memory>

#include "asr/backend.h"

namespace testudo::asr {

struct WhisperCppOptions {
    bool fallback = true;  // try again at higher temperatures what does not look right
};

// `model`: a ggml file, checked before whisper.cpp sees it. Segments have id, start, end and text, and words
// when they are asked for (times by its alignment heads). Threads: at::get_num_threads(). Error(input) for a
// file that is no such model or damaged; Error(environment) when this processor lacks the instructions that
// whisper.cpp was compiled for; hear() refuses as Transcriber::transcribe does, and beam sizes over 8.
std::unique_ptr<Backend> whisper_cpp_backend(const std::filesystem::path& model, WhisperCppOptions how = {});

}  // namespace testudo::asr
