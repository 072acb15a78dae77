#include "dataset/transcript_file.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/files.h"
#include "core/strings.h"
#include "dataset/curate.h"

namespace testudo::dataset {

namespace {

// An editor that writes in place is given this long to come to the end of the file.
constexpr int tries = 10;
constexpr std::chrono::milliseconds between_tries{100};

}  // namespace

TranscriptFile::TranscriptFile(const VoiceFolders& folders, std::string step)
    : folders_(folders), file_(folders.whisper_json()), step_(std::move(step)) {
    if (!fs::exists(file_)) return;
    bytes_ = read_file(file_);
    entries = asr::parse_transcripts(bytes_, to_utf8(file_.native()));
}

// `bytes`: what it holds now; empty where there is none.
bool TranscriptFile::is_as_left(std::string& bytes) const {
    bytes = fs::exists(file_) ? read_file(file_) : std::string();
    return bytes == bytes_;
}

bool TranscriptFile::read(const std::string& bytes, asr::Transcripts& out) const {
    out.clear();
    if (bytes.empty()) return false;
    try {
        const TranscriptText text(bytes, to_utf8(file_.native()));
        for (const auto& name : text.names()) out.emplace_back(name, text.transcript(name));
        return true;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        return false;
    }
}

void TranscriptFile::restore(std::vector<std::string>& notes) {
    if (!fs::exists(file_)) {
        notes.push_back("whisper.json was deleted meanwhile; it is written again");
        return write();
    }
    const fs::path kept = free_name(folders_.training / "whisper.broken.json");
    // A link rather than a copy: what an editor still has to write then goes there.
    std::error_code error;
    fs::create_hard_link(file_, kept, error);
    if (error) write_file(kept, read_file(file_));
    notes.push_back(cat("whisper.json was changed meanwhile so that it cannot be read; it is kept as ",
                        kept.filename(), ", and whisper.json is as it was before that"));
    write();
}

std::vector<std::string> TranscriptFile::take_up(std::vector<std::string>& notes) {
    std::string bytes;
    if (is_as_left(bytes)) return {};
    asr::Transcripts before, after;
    for (int i = 0; !read(bytes, after); ++i) {
        if (i == tries) {
            restore(notes);
            return {};
        }
        std::this_thread::sleep_for(between_tries);
        if (is_as_left(bytes)) return {};
    }
    note_change(folders_, bytes_, step_, notes);
    note_change(folders_, bytes, edited_outside, notes);

    read(bytes_, before);
    std::vector<std::string> changed;
    for (const auto& [name, transcript] : after) {
        const asr::Transcript* last = asr::find_transcript(before, name);
        if (last && to_json(*last) == to_json(transcript)) continue;
        changed.push_back(name);
        if (asr::Transcript* own = asr::find_transcript(entries, name))
            *own = transcript;
        else
            entries.emplace_back(name, transcript);
    }
    for (const auto& one : before) {
        if (asr::find_transcript(after, one.first)) continue;
        changed.push_back(one.first);
        std::erase_if(entries, [&](const auto& mine) { return mine.first == one.first; });
    }
    bytes_ = std::move(bytes);
    return changed;
}

void TranscriptFile::write() {
    std::string bytes = asr::format_transcripts(entries);
    write_file(file_, bytes);
    bytes_ = std::move(bytes);
}

}  // namespace testudo::dataset
