#pragma once
// What was changed in whisper.json, and how to undo it: training/V/.history.jsonl (docs/formats.md), which
// only ever grows. Each change is one place of the file's bytes with what stood there before and after, so
// undoing restores the file to the byte, however it was laid out.
//
// Order of writing: first the line here, synced, then whisper.json. whisper.json is the truth: where a
// process died between the two, in_step() turns the line back.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace testudo::dataset {

struct Change {
    std::int64_t number = 0;
    double time = 0;                      // seconds since 1970
    std::string what;                     // in words
    Json edits = Json::array();           // as of edit.h; empty: changed by an editor or a transcription
    std::vector<std::string> recordings;  // whose entries differ
    std::size_t at = 0;                   // byte where the change begins
    std::string removed, inserted;
    std::string before, after;  // SHA-256 of the whole file; of no bytes where it is missing
};

class History {
  public:
    // Reads the file where there is one; a last line that was cut off is left out. What cannot be read at all
    // is kept beside it under another name, and `problem()` says so.
    explicit History(std::filesystem::path file);

    bool begun() const { return !base_digest_.empty(); }
    void begin(const std::string& text);  // before the first change: keeps `text` whole
    const std::vector<Change>& changes() const { return changes_; }
    std::size_t done() const { return done_; }  // changes in force; the others can be redone
    const std::string& problem() const { return problem_; }

    bool leads_to(std::string_view text) const;  // by the changes in force
    // Also true when the last change, undoing or redoing had not reached whisper.json, as its program died:
    // it is then turned back here.
    bool in_step(std::string_view text);
    // What the changes in force lead to. Error(input) when the file contradicts itself.
    std::string last_known() const;
    void retire(const std::string& why);  // keeps the file under another name; not begun afterwards

    // Appends a change from `before` (which must be in step) to `after`; what was undone can no longer be
    // redone. Error(environment) when it cannot be written: nothing has changed then.
    void add(std::string what, Json edits, std::vector<std::string> recordings, const std::string& before,
             const std::string& after);
    // What `text` was before the last change in force, or becomes by the first undone one; the move is noted.
    // Error(usage) when there is none, Error(input) when `text` does not have what the change left.
    std::string undo(const std::string& text);
    std::string redo(const std::string& text);

  private:
    enum class Last { none, change, undo, redo };
    void read();
    void append(const Json& line);
    const std::string& digest_after(std::size_t changes) const;

    std::filesystem::path file_;
    std::string base_, base_digest_, problem_;
    std::vector<Change> changes_;
    std::size_t done_ = 0;
    std::int64_t next_ = 1;
    std::size_t whole_bytes_ = 0;  // of complete lines
    Last last_ = Last::none;
};

}  // namespace testudo::dataset
