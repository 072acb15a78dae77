#pragma once
// Who speaks in each segment: tags in training/V/whisper.json (key "speaker" of segments and words), the same
// name for the same person in all recordings of the voice. Segments of several speakers are cut between
// words. A correction by hand stays one: its segments are not cut, and tags that were written by hand are
// kept (dataset/found_speakers.h; unless overwrite_corrections); an entry as it was heard stays known as
// such. One step of the history.
#include <filesystem>
#include <string>

#include "dataset/prepare.h"
#include "dataset/steps.h"

namespace testudo::dataset {

// With settings.diarize, or where a speaker is to be kept.
bool tells_speakers(const DatasetSettings& settings);

// Over all recordings that whisper.json names; one that cannot be read is noted and left untagged. Nothing
// is written when Ctrl-C came.
Report diarise_step(const Job& job);

// The step alone, as those of prepare.h; Error(input) without a whisper.json.
Report diarise_voice(const std::filesystem::path& root, const std::string& voice,
                     const DatasetSettings& settings, Events& events);

}  // namespace testudo::dataset
