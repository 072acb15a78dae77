#include "dataset/curate.h"

#include <algorithm>

#include "audio/decode.h"
#include "core/strings.h"
#include "dataset/heard.h"
#include "dataset/slices.h"

namespace testudo::dataset {

namespace {

VoiceFolders existing(const fs::path& root, const std::string& voice) {
    VoiceFolders folders(root, voice);
    if (!fs::exists(folders.training) && !fs::exists(folders.voice))
        throw input_error(cat("there is no voice \"", to_utf8(voice), "\" in ", folders.root),
                          "Give the name of a folder of voices/.");
    make_folders(folders.training);
    return folders;
}

fs::path history_of(const VoiceFolders& folders) { return folders.training / ".history.jsonl"; }

// A text that cannot be read is none.
TranscriptText tolerant(const std::string& text, const fs::path& file) {
    try {
        return {text, to_utf8(file.native())};
    } catch (const Error&) {
        return {"", ""};
    }
}

// Slices that no slices.json knows, as of the Python programs, are trusted as they are. Before the times they
// were cut by change, these are noted, so that they are known as stale.
void note_slices(const VoiceFolders& folders, const TranscriptText& before,
                 const std::vector<std::string>& recordings) {
    const SliceNames names(before.names());
    SliceBook book(folders);
    bool noted = false;
    for (const auto& recording : recordings) {
        if (!before.has(recording)) continue;
        asr::Transcript transcript;
        try {
            transcript = before.transcript(recording);
        } catch (const Error&) {
            continue;  // nothing can have been cut by it
        }
        for (const auto& segment : transcript.segments) {
            const std::string slice = names.name(recording, segment.id);
            if (fs::exists(folders.audio / slice)) noted |= book.adopt(slice, recording, segment);
        }
    }
    if (noted) book.save();
}

// Makes the difference between the history and `text` a step of it.
void add_difference(History& history, const VoiceFolders& folders, const TranscriptText& text,
                    const std::string& what) {
    std::string known;
    try {
        known = history.last_known();
    } catch (const Error& error) {
        history.retire(error.what());
        history.begin(text.text());
        return;
    }
    const TranscriptText before = tolerant(known, folders.whisper_json());
    const std::vector<std::string> recordings = changed_entries(before, text);
    note_slices(folders, before, recordings);
    history.add(recordings.empty() ? cat(what, ": only its layout") : cat(what, ": ", join(recordings, ", ")),
                Json::array(), recordings, known, text.text());
}

}  // namespace

Curation::Curation(const fs::path& root, const std::string& voice)
    : folders_(existing(root, voice)), lock_(folders_.training), history_(history_of(folders_)) {
    remove_leftovers(folders_.training);
    catch_up();
    if (!history_.problem().empty()) notes.push_back(history_.problem());
}

void Curation::catch_up() {
    try {
        text_ = TranscriptText::read(folders_.whisper_json());
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        broken_ = error;
        return;
    }
    const std::size_t before = history_.changes().size(), done = history_.done();
    if (history_.begun() && !history_.in_step(text_.text()))
        add_difference(history_, folders_, text_, edited_outside);
    if (history_.changes().size() == before && history_.done() < done)
        notes.push_back(cat("the program was ended before this reached whisper.json, so it is undone: ",
                            history_.changes()[history_.done()].what));
    else if (history_.done() > 0 && (history_.changes().size() != before || history_.done() != done))
        notes.push_back(cat("noted in the history: ", history_.changes()[history_.done() - 1].what));
}

const TranscriptText& Curation::text() const {
    if (broken_) throw *broken_;
    return text_;
}

std::optional<double> Curation::length(const std::string& recording) {
    const auto known = lengths_.find(recording);
    if (known != lengths_.end()) return known->second;
    std::optional<double> seconds;
    try {
        if (const fs::path file = find_recording(folders_, recording); !file.empty())
            seconds = audio::duration(file);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
    }
    return lengths_[recording] = seconds;
}

bool Curation::apply(const std::vector<Edit>& edits) {
    std::vector<std::pair<std::string, asr::Transcript>> changed;
    Json all = Json::array();
    std::vector<std::string> words;
    for (const Edit& edit : edits) {
        auto found = std::find_if(changed.begin(), changed.end(),
                                  [&](const auto& one) { return one.first == edit.recording; });
        if (found == changed.end()) {
            if (!edit.seen.empty() && edit.seen != text().digest(edit.recording))
                throw usage_error(cat("cannot ", describe(edit), ": ", edit.recording,
                                      " has changed since it was looked at"),
                                  "Look at it again and repeat the edit.");
            changed.emplace_back(edit.recording, text().transcript(edit.recording));
            found = changed.end() - 1;
        }
        dataset::apply(found->second, edit, length(edit.recording));
        all.push_back(to_json(edit));
        words.push_back(describe(edit));
    }
    std::erase_if(changed, [&](const auto& one) {
        return to_json(one.second) == to_json(text().transcript(one.first));
    });
    constexpr std::size_t most_told = 3;
    const std::size_t more = words.size() > most_told ? words.size() - most_told : 0;
    words.resize(words.size() - more);
    return change(join(words, "; ") + (more ? cat("; and ", more, " edits more") : ""), all,
                  text().with(changed));
}

bool Curation::put(const std::string& what,
                   const std::vector<std::pair<std::string, asr::Transcript>>& entries) {
    std::vector<std::pair<std::string, asr::Transcript>> changed;
    for (const auto& one : entries)
        if (!text().has(one.first) || to_json(text().transcript(one.first)) != to_json(one.second))
            changed.push_back(one);
    return change(what, Json::array(), text().with(changed));
}

// An editor may have saved since it was read.
void Curation::check_unchanged() const {
    const fs::path file = folders_.whisper_json();
    if ((fs::exists(file) ? read_file(file) : std::string()) != text_.text())
        throw environment_error(cat(file, " was changed meanwhile by another program"),
                                "Run the command again: it begins with what is there now.");
}

bool Curation::change(const std::string& what, const Json& edits, TranscriptText after) {
    if (after.text() == text_.text()) return false;
    check_unchanged();
    const std::vector<std::string> recordings = changed_entries(text_, after);
    note_slices(folders_, text_, recordings);
    Heard heard(folders_.training / ".heard.json");
    bool watched = false;
    for (const auto& name : recordings) watched |= heard.watch(name);
    if (watched) heard.write();
    if (!history_.begun()) history_.begin(text_.text());
    history_.add(what, edits, recordings, text_.text(), after.text());
    write(after.text());
    text_ = std::move(after);
    return true;
}

std::string Curation::undo() {
    if (broken_) {
        if (!history_.begun()) throw *broken_;
        const std::string known = history_.last_known();
        const fs::path kept = free_name(folders_.training / "whisper.broken.json");
        write_file(kept, read_file(folders_.whisper_json()));
        write(known);
        const std::string what = broken_->what();
        broken_.reset();
        text_ = TranscriptText::read(folders_.whisper_json());
        return cat("what made whisper.json unreadable (kept as ", kept.filename(), "): ", what);
    }
    if (!history_.begun()) throw usage_error("there is nothing to undo", "Nothing was edited yet.");
    check_unchanged();
    const std::size_t done = history_.done();
    if (done > 0) note_slices(folders_, text_, history_.changes()[done - 1].recordings);
    write(history_.undo(text_.text()));
    text_ = TranscriptText::read(folders_.whisper_json());
    return history_.changes()[done - 1].what;
}

std::string Curation::redo() {
    if (broken_) throw *broken_;
    if (!history_.begun()) throw usage_error("there is nothing to redo", "Nothing was edited yet.");
    check_unchanged();
    const std::size_t done = history_.done();
    if (done < history_.changes().size()) note_slices(folders_, text_, history_.changes()[done].recordings);
    write(history_.redo(text_.text()));
    text_ = TranscriptText::read(folders_.whisper_json());
    return history_.changes()[done].what;
}

void Curation::write(const std::string& after) {
    const fs::path file = folders_.whisper_json();
    if (!after.empty()) return write_file(file, after);
    std::error_code error;  // before the first change there was no such file
    fs::remove(file, error);
    if (error)
        throw environment_error(cat("cannot delete ", file, ": ", error.message()),
                                "Give your user permission to write there.");
}

namespace {

void note(History& history, const VoiceFolders& folders, const std::string& bytes, const std::string& what,
          std::vector<std::string>& notes) {
    if (!history.begun()) {
        if (!bytes.empty()) history.begin(bytes);
    } else if (!history.leads_to(bytes)) {  // even where it leads back to what was before
        add_difference(history, folders, {bytes, to_utf8(folders.whisper_json().native())}, what);
    }
    if (!history.problem().empty()) notes.push_back(history.problem());
}

}  // namespace

void note_change(const VoiceFolders& folders, const std::string& bytes, const std::string& what,
                 std::vector<std::string>& notes) {
    History history(history_of(folders));
    note(history, folders, bytes, what, notes);
}

void note_changes(const VoiceFolders& folders, const std::string& what, std::vector<std::string>& notes) {
    const TranscriptText text = TranscriptText::read(folders.whisper_json());
    History history(history_of(folders));
    if (what.empty() && history.begun() && history.in_step(text.text())) return;
    note(history, folders, text.text(), what.empty() ? edited_outside : what, notes);
}

}  // namespace testudo::dataset
