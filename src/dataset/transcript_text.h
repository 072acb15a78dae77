#pragma once
// The bytes of a whisper.json and where each entry stands in them. Replacing one entry leaves every other
// byte as it is, so what a user laid out by hand stays, and a mistake in one entry does not touch the others.
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asr/transcript.h"
#include "core/error.h"

namespace testudo::dataset {

class TranscriptText {
  public:
    // An empty text stands for a file that is not there. Throws Error(input) naming `where` and the line for
    // what is no JSON object of entries, or holds one name twice.
    TranscriptText(std::string text, std::string where);
    // Of training/V/whisper.json; a missing file is an empty text.
    static TranscriptText read(const std::filesystem::path& whisper_json);

    const std::string& text() const { return text_; }
    std::vector<std::string> names() const;  // in the file's order
    bool has(const std::string& name) const { return find(name) != nullptr; }
    // Of the entry's bytes; empty when there is no such entry. Tells a view of it that is out of date.
    std::string digest(const std::string& name) const;
    // Error(input): no such entry, or what it holds cannot be meant (asr/transcript.h).
    asr::Transcript transcript(const std::string& name) const;

    // The whole text with these entries (each name once) replaced, or added at the end.
    TranscriptText with(const std::vector<std::pair<std::string, asr::Transcript>>& entries) const;

  private:
    struct Entry {
        std::string name;
        std::size_t begin = 0, end = 0;  // bytes of its value
    };
    void scan();
    const Entry* find(const std::string& name) const;

    std::string text_, where_;
    std::vector<Entry> entries_;
    std::map<std::string, std::size_t> places_;  // name -> index in entries_
    std::size_t last_end_ = 0;                   // behind the last value, or behind the opening brace
};

// What can be used of a whisper.json: an entry that cannot be meant does not touch the others.
struct UsableTranscripts {
    asr::Transcripts transcripts;
    std::vector<std::pair<std::string, Error>> unusable;  // names, and what is wrong
};
// Error(input) for a file that is missing, is no JSON, names an entry twice, or has no usable entry.
UsableTranscripts read_usable(const std::filesystem::path& whisper_json);

// Names of the entries that differ between the two, in order.
std::vector<std::string> changed_entries(const TranscriptText& before, const TranscriptText& after);

}  // namespace testudo::dataset
