#pragma once
// What a loaded Transcriber consists of.
#include <memory>

#include "asr/rules.h"
#include "asr/timing.h"
#include "asr/tokenizer.h"
#include "asr/transcriber.h"
#include "nets/whisper.h"

namespace testudo::asr {

struct Transcriber::Parts {
    nets::Whisper model;
    WhisperTokenizer tokenizer;
    LogitRules rules;
    AlignmentHeads heads;
};

// Heads whose attention follows the sound, as published with each model; for any other all heads of the upper
// half of the layers, as openai-whisper takes them. `name`: file name, which tells large-v1 from large-v2.
AlignmentHeads alignment_heads(const nets::WhisperConfig& config, const std::string& name);

Transcriber::Parts load_parts(const std::filesystem::path& model, const std::string& device,
                              const std::string& compute);

}  // namespace testudo::asr
