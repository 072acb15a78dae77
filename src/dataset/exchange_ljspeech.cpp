// The layout of the LJ Speech dataset: wavs/ID.wav and metadata.csv, which has no quoting (`|` parts
// columns).
#include <algorithm>
#include <set>

#include "asr/tokenizer.h"
#include "audio/decode.h"
#include "core/hash.h"
#include "core/strings.h"
#include "dataset/exchange_files.h"
#include "dataset/exchange_text.h"
#include "dataset/lines.h"
#include "dataset/segment_text.h"

namespace testudo::dataset {

namespace {

constexpr std::size_t largest = std::size_t{256} << 20;

struct Clip {
    fs::path file;
    std::string name, text;
    double seconds = 0;
};

fs::path clip_file(const fs::path& folder, const std::string& id) {
    std::error_code ignored;
    for (const fs::path& where : {folder / "wavs", folder})
        for (const char* ending : {"", ".wav", ".flac", ".mp3", ".ogg", ".opus"}) {
            const fs::path file = where / (id + ending);
            if (audio::is_audio_file(file) && fs::is_regular_file(file, ignored)) return file;
        }
    return {};
}

Clip clip_of(const Place& place, const fs::path& folder) {
    const std::vector<std::string> columns = split(place.line, '|');
    const char* form = "A line is ID|text, or ID|text|normalised text.";
    if (columns.size() < 2) mistake(place, place.line.size(), "no | between id and text", form);
    if (columns.size() > 3)
        mistake(place, columns[0].size() + columns[1].size() + columns[2].size() + 2, "a fourth column",
                form);
    const std::string id = trim(columns[0]);
    if (id.empty()) mistake(place, 0, "no id", form);
    Clip clip;
    clip.file = clip_file(folder, id);
    if (clip.file.empty())
        mistake(place, 0, cat("there is no clip \"", id, "\" in ", folder / "wavs"),
                "Put the clips beside metadata.csv, in wavs/.");
    if (!is_inside(clip.file, folder))
        mistake(place, 0, cat("the clip \"", id, "\" lies outside the folder"),
                "Copy it into wavs/ instead.");
    clip.name = to_utf8(clip.file.filename().native());
    if (clip.name.starts_with('.'))
        mistake(place, 0, cat("the clip \"", id, "\" is a hidden file"), "Rename it without the point.");
    clip.text = trim(columns.back());
    if (clip.text.empty()) clip.text = trim(columns[1]);
    if (clip.text.empty()) mistake(place, columns[0].size() + 1, "no text", form);
    try {
        clip.seconds = audio::duration(clip.file);
    } catch (const Error& error) {
        mistake(place, 0, error.what(), error.hint());
    }
    return clip;
}

std::vector<Clip> clips_of(const fs::path& metadata) {
    const std::string where = to_utf8(metadata.native());
    const fs::path folder = metadata.has_parent_path() ? metadata.parent_path() : ".";
    const std::string text = plain_text(read_file(metadata, largest), where);
    std::vector<Clip> clips;
    std::set<std::string> names;
    std::size_t number = 0;
    for (const std::string& line : split(text, '\n')) {
        ++number;
        if (trim(line).empty()) continue;
        const Place place{where, line, number};
        clips.push_back(clip_of(place, folder));
        if (!names.insert(clips.back().name).second)
            mistake(place, 0, cat("a second line for ", clips.back().name), "Keep one of them.");
    }
    if (clips.empty()) throw input_error(cat(where, " has no line"), "Write ID|text for each clip.");
    return clips;
}

bool same_bytes(const fs::path& a, const fs::path& b) {
    std::error_code error;
    if (fs::equivalent(a, b, error)) return true;
    return fs::file_size(a) == fs::file_size(b) && sha256_of_file(a) == sha256_of_file(b);
}

void bring(const fs::path& from, const fs::path& to, bool link) {
    std::error_code error;
    if (fs::exists(to)) return;
    if (link) fs::create_hard_link(from, to, error);
    if (link && !error) return;
    write_file_through(to, [&](const fs::path& temporary) {
        std::error_code failed;
        if (!fs::copy_file(from, temporary, fs::copy_options::overwrite_existing, failed))
            throw environment_error(cat("cannot copy ", from, ": ", failed.message()),
                                    "Free some disk space, or check the permissions.");
    });
}

asr::Transcript whole_clip(const Clip& clip) {
    asr::Transcript out;
    asr::Segment segment;
    segment.end = clip.seconds;
    segment.text = begins_unspaced(clip.text) ? clip.text : " " + clip.text;
    segment.extra[edited_key] = true;
    out.text = segment.text;
    out.segments.push_back(std::move(segment));
    return out;
}

// What a column can hold.
std::string column(const std::string& text) {
    std::string out = text;
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '|') c = ' ';
    return trim(out);
}

}  // namespace

std::vector<std::string> import_ljspeech(const fs::path& root, const std::string& voice, const fs::path& from,
                                         const ImportOptions& options, std::vector<std::string>& notes) {
    const VoiceFolders folders(root, voice);
    const fs::path metadata = fs::is_directory(from) ? from / "metadata.csv" : from;
    const auto language = asr::find_language(options.language);
    if (!language && !options.language.empty())
        throw usage_error(cat("there is no language \"", options.language, "\""),
                          "Give a code such as en, de or ja.");
    const std::vector<Clip> clips = clips_of(metadata);
    for (const Clip& clip : clips) {
        const fs::path target = folders.voice / clip.file.filename();
        if (fs::exists(target) && !same_bytes(clip.file, target))
            throw input_error(cat(target, " is there already and is another recording than ", clip.file),
                              "Import into a new voice, or rename one of them.");
    }
    make_folders(folders.voice);
    Curation curation(root, voice);
    std::vector<std::pair<std::string, asr::Transcript>> entries;
    std::vector<std::string> names;
    for (const Clip& clip : clips) {
        asr::Transcript entry = whole_clip(clip);
        if (curation.text().has(clip.name)) {
            asr::Transcript old = curation.text().transcript(clip.name);
            entry.language = old.language;
            if (trim(old.text) == trim(entry.text)) entry = std::move(old);
        }
        if (language) entry.language = *language;
        entries.emplace_back(clip.name, std::move(entry));
        names.push_back(clip.name);
    }
    for (const Clip& clip : clips) bring(clip.file, folders.voice / clip.file.filename(), options.link);
    curation.put(cat("imported ", metadata.parent_path().filename(), ": ", clips.size(), " clips"), entries);
    notes = curation.notes;
    return names;
}

std::size_t export_ljspeech(const VoiceFolders& folders, const fs::path& to, int columns) {
    if (columns != 2 && columns != 3)
        throw usage_error(cat("metadata.csv has 2 or 3 columns, not ", columns), "Give --columns 2 or 3.");
    std::vector<std::pair<fs::path, std::string>> lines;
    for (const char* list : {"train.txt", "validation.txt"}) {
        const fs::path file = folders.training / list;
        if (!fs::exists(file)) continue;
        for (const Line& line : read_lines(file, true)) lines.emplace_back(audio_path(file, line), line.text);
    }
    if (lines.empty())
        throw input_error(cat("there are no lines in ", folders.training / "train.txt"),
                          "List them first: `testudo dataset VOICE`.");
    std::string metadata;
    std::set<std::string> ids;
    for (const auto& [clip, text] : lines) {
        std::string id = column(to_utf8(clip.stem().native()));
        fs::path file = id + clip.extension().string();
        // x.wav and x.flac, or clips of two folders: told apart by a number.
        for (int n = 2; !ids.insert(id).second; ++n) {
            id = cat(column(to_utf8(clip.stem().native())), "~", n);
            file = id + clip.extension().string();
        }
        write_file_through(to / "wavs" / file, [&](const fs::path& temporary) {
            std::error_code failed;
            if (!fs::copy_file(clip, temporary, fs::copy_options::overwrite_existing, failed))
                throw environment_error(cat("cannot copy ", clip, ": ", failed.message()),
                                        "Free some disk space, or check the permissions.");
        });
        const std::string said = column(text);
        metadata += cat(id, "|", said, columns == 3 ? "|" + said : std::string(), "\n");
    }
    write_file(to / "metadata.csv", metadata);
    return lines.size();
}

}  // namespace testudo::dataset
