#include "dataset/transcript_text.h"

#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/json_text.h"
#include "core/strings.h"

namespace testudo::dataset {

namespace {

std::size_t line_breaks(std::string_view text, std::size_t from, std::size_t to) {
    return static_cast<std::size_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(from),
                                               text.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
}

// As it stands inside a whole file written by asr::write_transcripts.
std::string laid_out(const asr::Transcript& transcript) {
    const std::string flat = to_json(transcript).dump(1, '\t', true, Json::error_handler_t::replace);
    std::string out;
    for (const char c : flat) {
        out += c;
        if (c == '\n') out += '\t';
    }
    return out;
}

}  // namespace

TranscriptText::TranscriptText(std::string text, std::string where)
    : text_(std::move(text)), where_(std::move(where)) {
    if (!text_.empty()) scan();
}

TranscriptText TranscriptText::read(const fs::path& whisper_json) {
    const std::string where = to_utf8(whisper_json.native());
    if (!fs::exists(whisper_json)) return {"", where};
    std::string text = read_file(whisper_json);
    if (text.empty())
        throw input_error(cat(where, " is empty"), "Restore it from a backup, or delete it and transcribe.");
    return {std::move(text), where};
}

void TranscriptText::scan() {
    if (!parse_json(text_, where_).is_object())
        throw input_error(cat(where_, ": must be an object of file names"),
                          "Correct the file by hand, or restore it from a backup.");
    std::size_t at = text_.find('{') + 1, line = 1 + line_breaks(text_, 0, at);
    last_end_ = at;
    for (;;) {
        at = skip_json_space(text_, at);
        if (text_[at] == ',') at = skip_json_space(text_, at + 1);
        if (text_[at] == '}') return;
        const std::size_t key = at;
        at = skip_json_string(text_, at);
        Entry entry;
        entry.name = Json::parse(std::string_view(text_).substr(key, at - key)).get<std::string>();
        if (!places_.emplace(entry.name, entries_.size()).second)
            throw input_error(cat(where_, ", line ", line + line_breaks(text_, last_end_, key),
                                  ": a second entry for \"", entry.name, "\""),
                              "Keep one of them.");
        at = skip_json_space(text_, skip_json_space(text_, at) + 1);
        entry.begin = at;
        line += line_breaks(text_, last_end_, at);
        entry.end = last_end_ = at = skip_json_value(text_, at);
        line += line_breaks(text_, entry.begin, at);
        entries_.push_back(std::move(entry));
    }
}

const TranscriptText::Entry* TranscriptText::find(const std::string& name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? nullptr : &entries_[found->second];
}

std::vector<std::string> TranscriptText::names() const {
    std::vector<std::string> names;
    for (const Entry& entry : entries_) names.push_back(entry.name);
    return names;
}

std::string TranscriptText::digest(const std::string& name) const {
    const Entry* entry = find(name);
    if (!entry) return {};
    return sha256(std::string_view(text_).substr(entry->begin, entry->end - entry->begin)).substr(0, 16);
}

asr::Transcript TranscriptText::transcript(const std::string& name) const {
    const Entry* entry = find(name);
    if (!entry)
        throw input_error(cat(where_, " has no entry \"", name, "\""),
                          "See `testudo dataset show VOICE` for the recordings there are.");
    const auto value = std::string_view(text_).substr(entry->begin, entry->end - entry->begin);
    return asr::transcript_from_json(parse_json(value, where_), cat(where_, ", entry \"", name, "\""),
                                     {text_, {name}});
}

UsableTranscripts read_usable(const fs::path& whisper_json) {
    asr::need_whisper_json(whisper_json);
    UsableTranscripts out;
    const TranscriptText text = TranscriptText::read(whisper_json);
    for (const std::string& name : text.names()) {
        try {
            out.transcripts.emplace_back(name, text.transcript(name));
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            out.unusable.emplace_back(name, error);
        }
    }
    if (out.transcripts.empty() && !out.unusable.empty()) throw out.unusable.front().second;
    return out;
}

TranscriptText TranscriptText::with(
    const std::vector<std::pair<std::string, asr::Transcript>>& entries) const {
    std::map<std::size_t, const asr::Transcript*> replaced;  // by index in entries_
    std::string added;
    std::size_t count = entries_.size();
    for (const auto& [name, transcript] : entries) {
        if (const auto found = places_.find(name); found != places_.end()) {
            replaced[found->second] = &transcript;
            continue;
        }
        added +=
            cat(count++ > 0 ? ",\n\t" : "\n\t",
                Json(name).dump(-1, ' ', true, Json::error_handler_t::replace), ": ", laid_out(transcript));
    }
    if (text_.empty()) return {added.empty() ? added : cat("{", added, "\n}\n"), where_};
    std::string out;
    std::size_t at = 0;
    for (const auto& [index, transcript] : replaced) {
        out += text_.substr(at, entries_[index].begin - at) + laid_out(*transcript);
        at = entries_[index].end;
    }
    out += text_.substr(at, last_end_ - at) + added;
    // An empty object may be closed on the line that it was opened on.
    const bool opened = entries_.empty() && !added.empty();
    return {out + (opened ? "\n" + text_.substr(text_.rfind('}')) : text_.substr(last_end_)), where_};
}

std::vector<std::string> changed_entries(const TranscriptText& before, const TranscriptText& after) {
    std::vector<std::string> names;
    for (const auto& name : after.names())
        if (before.digest(name) != after.digest(name)) names.push_back(name);
    for (const auto& name : before.names())
        if (!after.has(name)) names.push_back(name);
    return names;
}

}  // namespace testudo::dataset
