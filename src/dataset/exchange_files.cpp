#include "dataset/exchange_files.h"

#include <algorithm>
#include <map>
#include <set>

#include "asr/tokenizer.h"
#include "core/strings.h"

namespace testudo::dataset {

namespace {

constexpr std::size_t largest = std::size_t{256} << 20;

// A name of an entry as one of a file: entries may come from anywhere.
std::string as_file_name(std::string name) {
    for (char& c : name)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/') c = '_';
    return name;
}

std::string stem_of(const std::string& name) { return fs::path(as_file_name(name)).stem().string(); }

// What the files of recordings are called without their ending: the stem, where no other recording has the
// same, else the whole name.
class FileNames {
  public:
    explicit FileNames(const std::vector<std::string>& names) {
        for (const auto& name : names) {
            whole_[as_file_name(name)] = name;
            stems_[stem_of(name)].push_back(name);
        }
    }
    std::string of(const std::string& name) const {
        const std::string stem = stem_of(name);
        const bool shared = stems_.at(stem).size() > 1 || whole_.count(stem) > 0;
        return shared ? as_file_name(name) : stem;
    }
    const std::string& recording_for(const fs::path& file) const {
        const std::string stem = to_utf8(file.stem().native());
        if (const auto found = whole_.find(stem); found != whole_.end()) return found->second;
        const auto found = stems_.find(stem);
        if (found != stems_.end() && found->second.size() == 1) return found->second[0];
        throw input_error(found == stems_.end()
                              ? cat("no recording is called like ", file.filename())
                              : cat(file.filename(), " may belong to ", join(found->second, " or ")),
                          "Name the recording: --recording NAME.");
    }

  private:
    std::map<std::string, std::string> whole_;
    std::map<std::string, std::vector<std::string>> stems_;
};

std::vector<std::string> names_in(Curation& voice) {
    std::vector<std::string> names = voice.text().names();
    try {
        for (const auto& [name, file] : recordings_of(voice.folders()).files)
            if (!voice.text().has(name)) names.push_back(name);
    } catch (const Error&) {
        // No recordings: only what whisper.json knows.
    }
    return names;
}

asr::Transcript imported(Curation& voice, const std::string& name, const asr::Transcript& old,
                         const fs::path& file) {
    const std::string where = to_utf8(file.native());
    const std::string bytes = read_file(file, largest);
    const std::optional<double> length = voice.length(name);
    if (const auto form = form_of(bytes, file))
        return relabelled(old, read_labels(*form, bytes, where), *form, length, where, voice.notes);
    if (!length)
        throw input_error(cat(where, " has no times, and how long ", name, " is cannot be found out"),
                          "Put the recording into the voice folder first.");
    asr::Transcript plain = untimed_transcript(bytes, *length, where);
    std::move(plain.warnings.begin(), plain.warnings.end(), std::back_inserter(voice.notes));
    asr::Segment& segment = plain.segments[0];
    for (const auto& one : old.segments) segment.id = std::max(segment.id, one.id + 1);
    if (old.segments.size() == 1 && trim(old.segments[0].text) == trim(segment.text)) return old;
    segment.extra[edited_key] = true;
    asr::Transcript out = old;
    out.text = plain.text;
    out.segments = std::move(plain.segments);
    out.extra.erase("phonemes");
    return out;
}

}  // namespace

std::vector<std::string> import_labels(Curation& voice, const std::vector<fs::path>& files,
                                       const ImportOptions& options) {
    if (!options.recording.empty() && files.size() > 1)
        throw usage_error("one recording is named for several files", "Import them one by one.");
    const auto language = asr::find_language(options.language);
    if (!language && !options.language.empty())
        throw usage_error(cat("there is no language \"", options.language, "\""),
                          "Give a code such as en, de or ja.");
    const std::vector<std::string> names = names_in(voice);
    const FileNames files_of(names);
    std::vector<std::pair<std::string, asr::Transcript>> entries;
    std::vector<std::string> changed;
    std::set<std::string> seen;
    for (const fs::path& file : files) {
        if (!fs::exists(file)) throw input_error(cat(file, " does not exist"), "Check its name and folder.");
        const std::string name = options.recording.empty() ? files_of.recording_for(file) : options.recording;
        if (!options.recording.empty() && std::find(names.begin(), names.end(), name) == names.end())
            throw input_error(cat("there is no recording \"", name, "\""),
                              "See `testudo dataset show VOICE` for the recordings there are.");
        if (!seen.insert(name).second)
            throw usage_error(cat("two of the files are for ", name), "Give one of them.");
        const asr::Transcript old =
            voice.text().has(name) ? voice.text().transcript(name) : asr::Transcript();
        asr::Transcript entry = imported(voice, name, old, file);
        if (language) entry.language = *language;
        entries.emplace_back(name, std::move(entry));
        changed.push_back(name);
    }
    if (!voice.put(cat("imported: ", join(changed, ", ")), entries)) changed.clear();
    return changed;
}

std::vector<fs::path> export_labels(const VoiceFolders& folders, Exchange form, const fs::path& to,
                                    const std::string& only, std::vector<std::string>& notes) {
    const TranscriptText text = TranscriptText::read(folders.whisper_json());
    const std::vector<std::string> names = text.names();
    const FileNames files_of(names);
    if (!only.empty() && !text.has(only)) text.transcript(only);  // says that there is none
    const bool one_file = !only.empty() && !fs::is_directory(to);
    std::vector<fs::path> written;
    for (const auto& name : names) {
        if (!only.empty() && name != only) continue;
        std::vector<Label> labels;
        try {
            labels = labels_of(text.transcript(name));
        } catch (const Error& error) {
            if (one_file) throw;
            notes.push_back(cat("not exported: ", error.what()));
            continue;
        }
        const fs::path file = one_file ? to : to / (files_of.of(name) + extension(form));
        write_file(file, write_labels(form, labels));
        written.push_back(file);
    }
    if (written.empty())
        throw input_error(cat(folders.whisper_json(), " holds nothing that can be exported"),
                          "Transcribe the voice first: `testudo transcribe VOICE`.");
    return written;
}

}  // namespace testudo::dataset
