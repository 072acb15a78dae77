#pragma once
// The way of whisperX (Bain et al. 2023): speech is found first, joined to chunks of up to 30 s, these are
// transcribed in batches, each alone and without timestamps, and a CTC acoustic model then says when each
// word was spoken. Segments are sentences.
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "asr/backend.h"
#include "asr/voice_activity.h"

namespace testudo::asr {

// Spans of speech of 16 kHz samples, none longer than `longest` seconds where that can be.
using FindSpeech = std::function<std::vector<Span>(std::span<const float> samples, double longest)>;

struct WhisperxOptions {
    std::filesystem::path whisper;  // as Transcriber::load takes it
    std::filesystem::path
        alignment_models;  // folder with one folder for each language, see alignment_model.h
    std::string device = "cpu";
    std::string compute = "float32";  // as Transcriber::load takes it
    FindSpeech find_speech = {};      // empty: pyannote's network, as whisperX by default
};

// Without a usable acoustic model for a language, one transcript's warnings say so, and words take Whisper's
// own times. HearOptions::beam_size 0 means whisperX's 5; 1 is greedy. Errors as Transcriber::load.
std::unique_ptr<Backend> open_whisperx(const WhisperxOptions& options);

}  // namespace testudo::asr
