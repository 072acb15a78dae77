#pragma once
// Import and export of a voice's transcripts as files of other programs (their forms: exchange.h).
//
// Errors: as of Curation; Error(input) naming file, line and column for what cannot be read. An import
// changes all that it was given or nothing.
#include <filesystem>
#include <string>
#include <vector>

#include "dataset/curate.h"
#include "dataset/exchange.h"

namespace testudo::dataset {

struct ImportOptions {
    std::string recording;  // of a single file; empty: the one called like it
    std::string language;   // of the recordings; empty: as it was
    bool link = false;      // LJSpeech: hard links instead of copies, where the file system can
};

// Label files, subtitles and plain texts of recordings in voices/V. Returns the recordings that changed.
std::vector<std::string> import_labels(Curation& voice, const std::vector<std::filesystem::path>& files,
                                       const ImportOptions& options);

// A folder with metadata.csv (`id|text` or `id|text|normalised text`, which is taken) and the clips:
// wavs/ID.wav, or the file that ID names. They become recordings of voices/V with one segment each; the voice
// need not be there yet. Returns the recordings; `notes` as of Curation.
std::vector<std::string> import_ljspeech(const std::filesystem::path& root, const std::string& voice,
                                         const std::filesystem::path& from, const ImportOptions& options,
                                         std::vector<std::string>& notes);

// One file for each recording into the folder `to`; `only` (empty: all) as a single file when `to` is no
// folder. Entries that cannot be read are named in `notes`. Returns what was written.
std::vector<std::filesystem::path> export_labels(const VoiceFolders& folders, Exchange form,
                                                 const std::filesystem::path& to, const std::string& only,
                                                 std::vector<std::string>& notes);

// The lines of train.txt and validation.txt with their clips, as TO/wavs/ and TO/metadata.csv; `columns`: 2,
// or 3 with the text twice. Returns the number of lines.
std::size_t export_ljspeech(const VoiceFolders& folders, const std::filesystem::path& to, int columns);

}  // namespace testudo::dataset
