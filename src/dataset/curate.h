#pragma once
// Correcting a voice's whisper.json: edits as one step, undo and redo, changes by an editor picked up. What
// the command line does to it, other front ends do through this.
//
// Every change counts as a correction by hand (dataset/heard.h), also where another program wrote the entry.
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "dataset/edit.h"
#include "dataset/history.h"
#include "dataset/transcript_text.h"
#include "dataset/voice_files.h"

namespace testudo::dataset {

// Holds training/V while it lives. Changes that whisper.json has seen from outside become a step of the
// history at once, so nothing here can overwrite them for good.
//
// Errors: Error(usage) for a voice name or an edit that cannot be; Error(input) for a voice that does not
// exist and a whisper.json that cannot be read (with line and column, or entry, segment and key);
// Error(environment) when another job holds the voice or a file cannot be written. The files are then as they
// were.
class Curation {
  public:
    Curation(const std::filesystem::path& root, const std::string& voice);

    const VoiceFolders& folders() const { return folders_; }
    const History& history() const { return history_; }
    // Error(input) with what is wrong with it when whisper.json cannot be read at all.
    const TranscriptText& text() const;
    // Seconds of a recording of voices/V; none when it is not there or cannot be read.
    std::optional<double> length(const std::string& recording);
    std::vector<std::string> notes;  // worth telling the user

    // All of them or none; one step of the history. False when they change nothing.
    bool apply(const std::vector<Edit>& edits);
    // Replaces or adds whole entries (import), as one step. False when they change nothing.
    bool put(const std::string& what, const std::vector<std::pair<std::string, asr::Transcript>>& entries);
    // What was undone or redone, in words. A whisper.json that cannot be read any more is undone to what it
    // was last known as, and kept as whisper.broken.json.
    std::string undo();
    std::string redo();

  private:
    void catch_up();
    bool change(const std::string& what, const Json& edits, TranscriptText after);
    void check_unchanged() const;
    void write(const std::string& after);

    VoiceFolders folders_;
    FolderLock lock_;
    History history_;
    TranscriptText text_{"", ""};
    std::optional<Error> broken_;
    std::map<std::string, std::optional<double>> lengths_;
};

// For a step that writes whisper.json itself and holds training/V. Before it begins (`what` empty): what it
// finds there, so that it can be brought back, also where no history was kept yet. Afterwards: what it has
// written, in words, as a change; where no history was kept yet, it begins with that. Throws as Curation
// does.
void note_changes(const VoiceFolders& folders, const std::string& what, std::vector<std::string>& notes);
// The same of a whisper.json that was seen there, of these bytes.
void note_change(const VoiceFolders& folders, const std::string& bytes, const std::string& what,
                 std::vector<std::string>& notes);
constexpr const char* edited_outside = "edited outside";

}  // namespace testudo::dataset
