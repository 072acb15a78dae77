#pragma once
// Acoustic models of one language that say when each character was spoken (nets/wav2vec2.h): those that
// whisperX takes, in a folder ROOT/models/align/LANGUAGE of their own.
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "asr/ctc_alignment.h"
#include "nets/wav2vec2.h"

namespace testudo::asr {

struct AlignmentModel {
    nets::Wav2Vec2 net;
    CtcLabels labels;

    // Scores [frames, labels] of samples at 16 kHz; what is shorter than 25 ms is filled up with silence.
    at::Tensor emit(std::span<const float> samples) const;
};

// `folder` holds one weights file (.pth, .pt, .bin, .safetensors) and its vocab.json (Hugging Face); the
// torchaudio models of en, fr, de, es and it need none. Null when there is no such folder; Error(input)
// naming the file for one that cannot be used.
std::unique_ptr<AlignmentModel> load_alignment_model(const std::filesystem::path& folder,
                                                     const std::string& language,
                                                     const std::string& device = "cpu");

}  // namespace testudo::asr
