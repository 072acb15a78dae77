#pragma once
// The phonemes that the lines of a voice are written in when its vocabulary is an ipa.json.
#include "dataset/prepare.h"
#include "text/phonemes.h"

namespace testudo::dataset {

// For list_voice and prepare_voice: empty unless settings.tokenizer_json names an ipa.json. Calls espeak-ng
// once for each language: the first line asked for takes all texts of whisper.json along. Throws as
// text::phonemize does.
Phonemize phonemizer(const std::filesystem::path& root, const std::string& voice,
                     const DatasetSettings& settings, const text::PhonemeOptions& options = {});

}  // namespace testudo::dataset
