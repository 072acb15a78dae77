#pragma once
// Testudo's own Whisper as the transcriber of dataset preparation.
#include <filesystem>
#include <string>

#include "dataset/prepare.h"

namespace testudo::dataset {

// The model that `settings.whisper_model` means: a path that exists, else a folder or .pt file of that name
// in ROOT/models/whisper. English takes the English-only model (NAME.en) where there is one. Error(input)
// naming the places looked in.
std::filesystem::path find_whisper(const std::filesystem::path& root, const DatasetSettings& settings);

// Finds and loads that model at its first use. `device` as in asr::Transcriber::load.
Transcribe whisper_transcriber(const std::filesystem::path& root, const DatasetSettings& settings,
                               Events& events, const std::string& device = "cpu");

}  // namespace testudo::dataset
