#pragma once
// training/V/whisper.json as a step holds it that runs for long: an editor may save the file meanwhile, and
// what it saved is never overwritten.
#include <filesystem>
#include <string>
#include <vector>

#include "asr/transcript.h"
#include "dataset/voice_files.h"

namespace testudo::dataset {

class TranscriptFile {
  public:
    // Reads the file where there is one. `step`, in words, is what the history calls its changes.
    // Error(input) as of asr::read_transcripts.
    TranscriptFile(const VoiceFolders& folders, std::string step);

    asr::Transcripts entries;  // as they are now and will be written

    // To be called before each write, and before `entries` are changed for it. Takes over every entry that
    // differs on disk from what was last read or written here, and notes that in the history as a change from
    // outside, behind what the step itself has written so far. Returns the names of these entries, those that
    // are gone too. A file that stays unreadable for a second (half saved) is kept as whisper.broken*.json,
    // and `entries` are written in its place.
    std::vector<std::string> take_up(std::vector<std::string>& notes);
    void write();

  private:
    bool is_as_left(std::string& bytes) const;
    bool read(const std::string& bytes, asr::Transcripts& out) const;
    void restore(std::vector<std::string>& notes);

    const VoiceFolders& folders_;
    std::filesystem::path file_;
    std::string step_;
    std::string bytes_;  // of the file as it was last read or written; empty: there is none
};

}  // namespace testudo::dataset
