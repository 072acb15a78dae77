#pragma once
// A job over all voices of a workspace, one phase after the other over all of them, as the original's
// Transcribe All: first every voice is transcribed, then every voice is sliced, then every voice is listed.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "dataset/prepare.h"

namespace testudo::dataset {

// Folders of voices/ that hold a recording, by name; hidden ones are none. What is left out besides (without
// recordings, with a name that no voice can have, behind a link out of the workspace) is told as warnings.
// Error(input) when there are none.
std::vector<std::string> voices_of(const std::filesystem::path& root, Events& events);

using Phase = std::function<Report(const std::string& voice)>;

struct AllVoices {
    std::map<std::string, Report> reports;
    std::map<std::string, Error> failed;  // what ended the work on a voice; its later phases are left out
    bool stopped = false;
};

// Error(interrupted) and Error(usage) end all; whatever else fails is told to `events` and ends that voice.
AllVoices over_all_voices(const std::vector<std::string>& voices, const std::vector<Phase>& phases,
                          Events& events);

Json to_json(const AllVoices& all);

}  // namespace testudo::dataset
