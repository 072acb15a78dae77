#pragma once
// Which Whisper model a user means, and the transcribing function that the dataset room asks for.
#include <filesystem>
#include <string>

#include "core/events.h"
#include "dataset/prepare.h"
#include "studio/workspace.h"

namespace testudo::studio {

// `given`: a path that exists, else a name in models/whisper (a folder, or a .pt file). As in the original, a
// name with a language of its own is preferred: "base" with language "en" is base.en where that is there.
// Error(input) lists what there is and how to fetch the model.
fs::path find_whisper_model(const Workspace& workspace, const std::string& given,
                            const std::string& language);

// Loads the model at the first recording. The progress of each recording and warnings go to `events`, which
// must outlive the function.
dataset::Transcribe make_transcriber(const Workspace& workspace, const dataset::DatasetSettings& settings,
                                     Events& events);

}  // namespace testudo::studio
