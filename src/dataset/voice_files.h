#pragma once
// Where the files of a voice lie and what they are called.
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dataset/report.h"

namespace testudo::dataset {

struct VoiceFolders {
    // Throws as check_voice_name() and check_stays_inside() (voice_name.h).
    VoiceFolders(std::filesystem::path root, const std::string& voice);
    std::filesystem::path root, voice, training, audio;  // ROOT, ROOT/voices/V, ROOT/training/V, …/audio
    std::filesystem::path whisper_json() const { return training / "whisper.json"; }
};

// Recordings of voices/V by their name in whisper.json (the file's name, as UTF-8), sorted by path as the
// original takes them.
struct VoiceRecordings {
    std::vector<std::pair<std::string, std::filesystem::path>> files;
    std::vector<Rejected> skipped;   // looks like a recording but cannot be one
    std::vector<std::string> notes;  // what else lies there
};
// Throws Error(input) when the folder is missing or holds no recording. Hidden files, folders and files that
// are not audio by their extension (.pth!) are no recordings; a link that leads out of the workspace is
// skipped.
VoiceRecordings recordings_of(const VoiceFolders& folders);

// The clip of a whole recording: its own name for wav and flac, else NAME.wav. What a line of a list cannot
// hold ('|', line breaks, other control characters) becomes '_'.
std::string clip_name(const std::string& recording);

// Names of slices, STEM_NNNNN.EXT. A recording whose slices would be called like another's clip takes its
// whole name as the stem. The same recordings give the same names.
class SliceNames {
  public:
    explicit SliceNames(const std::vector<std::string>& recordings);
    std::string name(const std::string& recording, std::int64_t id) const;

  private:
    std::map<std::string, std::pair<std::string, std::string>> parts_;  // recording -> stem, extension
};

}  // namespace testudo::dataset
