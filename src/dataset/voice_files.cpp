#include "dataset/voice_files.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "audio/decode.h"
#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/strings.h"
#include "dataset/voice_name.h"

namespace testudo::dataset {

namespace {

constexpr std::size_t longest_clip_name = 240;  // bytes

// Extensions that clips are written in; any other recording is kept as wav.
bool keeps_extension(const std::string& name) {
    const std::string extension = lower_ascii(fs::path(name).extension().string());
    return extension == ".wav" || extension == ".flac";
}

// Of a clip called as slices are, STEM_NNNNN.EXT: stem and extension.
std::optional<std::pair<std::string, std::string>> slice_parts(const std::string& clip) {
    const std::string extension = fs::path(clip).extension().string();
    const std::string name = clip.substr(0, clip.size() - extension.size());
    const auto before = name.find_last_not_of("0123456789");
    if (before == std::string::npos || name[before] != '_' || name.size() - before < 6) return {};
    return std::pair(name.substr(0, before), extension);
}

// Could be a text beside a recording (dataset/exchange.h).
bool is_text(const std::string& name) {
    const std::string ending = fs::path(name).extension().string();
    return ending == ".txt" || ending == ".srt" || ending == ".vtt" || ending == ".lab";
}

std::optional<Rejected> unusable(const VoiceFolders& folders, const fs::path& file) {
    const auto reject = [&](std::string reason) {
        Rejected out;
        out.file = to_utf8(file.filename().string());
        out.reason = std::move(reason);
        return out;
    };
    std::error_code error;
    const auto status = fs::status(file, error);
    if (fs::is_symlink(fs::symlink_status(file, error)) && !fs::exists(status))
        return reject("is a link to nothing");
    if (!is_inside(file, folders.root))
        return reject("is a link that leads out of the workspace: copy the recording instead");
    if (!fs::is_regular_file(status)) return reject("is no regular file");
    return {};
}

}  // namespace

VoiceFolders::VoiceFolders(fs::path root_folder, const std::string& name)
    : root(std::move(root_folder)),
      voice(root / "voices" / name),
      training(root / "training" / name),
      audio(training / "audio") {
    check_voice_name(name);
    for (const fs::path& folder : {voice, training, audio}) check_stays_inside(folder, root);
}

VoiceRecordings recordings_of(const VoiceFolders& folders) {
    VoiceRecordings found;
    std::error_code error;
    std::vector<fs::path> files;
    fs::directory_iterator entries(folders.voice, error);
    if (error)
        throw input_error(cat("cannot read the voice folder ", folders.voice, ": ", error.message()),
                          "Make that folder and put recordings (wav, mp3, flac, …) into it.");
    for (const auto& entry : entries) files.push_back(entry.path());
    std::sort(files.begin(), files.end(),
              [](const auto& a, const auto& b) { return a.native() < b.native(); });

    std::set<std::string> names;
    std::vector<std::string> others;
    for (const auto& file : files) {
        const std::string name = to_utf8(file.filename().string());
        if (name.starts_with('.')) continue;
        if (fs::is_directory(file, error)) {
            found.notes.push_back(cat("the folder ", name, " inside the voice folder is not looked into"));
        } else if (!audio::is_audio_file(file)) {
            others.push_back(name);
        } else if (auto rejected = unusable(folders, file)) {
            found.skipped.push_back(std::move(*rejected));
        } else if (!names.insert(name).second) {
            Rejected twin;
            twin.file = name;
            twin.reason = "its name is not UTF-8 and cannot be told from another: rename it";
            found.skipped.push_back(std::move(twin));
        } else {
            found.files.emplace_back(name, file);
        }
    }
    std::set<std::string> told = names;
    for (const auto& name : names) told.insert(fs::path(name).stem().string());
    for (const auto& name : others)
        if (!is_text(name) || told.count(fs::path(name).stem().string()) == 0)
            found.notes.push_back(cat(name, " is not taken for a recording"));
    if (found.files.empty())
        throw input_error(
            cat("no recordings in ", folders.voice,
                found.skipped.empty() ? std::string()
                                      : cat(": ", found.skipped[0].file, " ", found.skipped[0].reason)),
            "Put recordings (wav, mp3, flac, ogg, m4a, …) into that folder.");
    return found;
}

std::string clip_name(const std::string& recording) {
    std::string name = recording;
    for (char& c : name)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '|' || c == '/') c = '_';
    if (!keeps_extension(name)) name += ".wav";
    if (name.size() <= longest_clip_name) return name;
    // A file system takes 255 bytes, and slices append a number: told apart by a digest of the rest.
    const std::string extension = fs::path(name).extension().string();
    name.resize(longest_clip_name - 40);
    while (!is_utf8(name)) name.pop_back();
    return cat(name, "~", sha256(recording).substr(0, 8), extension);
}

SliceNames::SliceNames(const std::vector<std::string>& recordings) {
    std::set<std::pair<std::string, std::string>> taken;
    for (const auto& recording : recordings)
        if (auto parts = slice_parts(clip_name(recording))) taken.insert(std::move(*parts));
    for (const auto& recording : recordings) {
        const fs::path clip = clip_name(recording);
        std::string stem = clip.stem().string();
        const std::string extension = clip.extension().string();
        if (taken.count({stem, extension}) > 0) stem = clip.string();
        parts_[recording] = {stem, extension};
    }
}

std::string SliceNames::name(const std::string& recording, std::int64_t id) const {
    const auto& [stem, extension] = parts_.at(recording);
    char digits[24];
    std::snprintf(digits, sizeof digits, "_%05lld", static_cast<long long>(id));
    return stem + digits + extension;
}

}  // namespace testudo::dataset
