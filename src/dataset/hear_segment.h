#pragma once
// What is said in one segment when it is heard again, alone. Changes nothing: an edit takes it over.
#include <cstdint>
#include <filesystem>
#include <string>

#include "core/json.h"
#include "dataset/prepare.h"

namespace testudo::dataset {

// {recording, segment, start, end, digest, language, text, words: [{word, start, end, probability}]}; times
// of words within the recording, s. Error(input): no such recording or segment, nothing to hear in it.
Json hear_segment(const std::filesystem::path& root, const std::string& voice, const std::string& recording,
                  std::int64_t segment, const DatasetSettings& settings, const Transcribe& transcribe);

}  // namespace testudo::dataset
