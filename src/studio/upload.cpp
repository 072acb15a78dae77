#include "studio/upload.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "audio/decode.h"
#include "core/error.h"
#include "core/event_tail.h"
#include "core/file_size.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/strings.h"
#include "dataset/voice_files.h"
#include "dataset/voice_name.h"
#include "studio/trash.h"
#include "studio/voice_summary.h"

namespace testudo::studio {

namespace {

constexpr const char* prefix = ".upload-";

void check_recording_name(const std::string& name) {
    const std::string ending = lower_ascii(fs::path(name).extension().string());
    const bool text = ending == ".txt" || ending == ".srt" || ending == ".vtt" || ending == ".lab";
    if (!dataset::can_be_voice(name) || name.starts_with('.') || (!text && !audio::is_audio_file(name)))
        throw usage_error(
            cat("\"", printable(to_utf8(std::string_view(name))), "\" cannot be the name of a recording"),
            "Recordings are wav, mp3, flac, ogg, opus, m4a, webm, mp4, …; texts beside them txt, srt, vtt, "
            "lab.");
}

}  // namespace

Json to_json(const UploadState& state) {
    Json out = {
        {"name", state.name}, {"offset", state.offset}, {"total", state.total}, {"complete", state.complete}};
    if (state.changed > 0) out.update({{"key", state.key}, {"changed", state.changed}});
    return out;
}

Upload::Upload(const Workspace& workspace, const std::string& voice, const std::string& name,
               std::uint64_t total, const std::string& key)
    : workspace_(workspace), name_(name), key_(key), total_(total) {
    check_recording_name(name);
    const dataset::VoiceFolders folders(workspace.root(), voice);
    std::error_code error;
    if (!fs::is_directory(folders.voice, error))
        throw input_error(cat("there is no voice \"", printable(voice), "\""), "Create it first.");
    target_ = folders.voice / name;
    const std::string mark = sha256(cat(name, '\n', total, '\n', key)).substr(0, 32);
    part_ = folders.voice / cat(prefix, mark, ".part");
    note_ = folders.voice / cat(prefix, mark, ".json");
}

Upload::~Upload() {
    if (file_ >= 0) ::close(file_);
}

bool Upload::taken() const {
    std::error_code error;
    return fs::exists(fs::symlink_status(target_, error));
}

UploadState Upload::state() const {
    std::error_code error;
    if (fs::exists(part_, error)) return {name_, size_of(part_), total_, false};
    const bool complete = fs::is_regular_file(target_, error) && size_of(target_) == total_;
    return {name_, complete ? total_ : 0, total_, complete};
}

bool Upload::begin() {
    std::error_code error;
    if (!fs::exists(note_, error)) write_json(note_, {{"name", name_}, {"total", total_}, {"key", key_}});
    file_ = ::open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file_ < 0)
        throw environment_error(cat("cannot write ", part_, ": ", std::strerror(errno)),
                                "Check the folder's permissions.");
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) return false;
    written_ = size_of(part_);
    return true;
}

void Upload::write(std::string_view bytes) {
    if (written_ + bytes.size() > total_)
        throw usage_error(cat("more than the ", total_, " bytes of the file were sent"),
                          "Begin the upload again.");
    while (!bytes.empty()) {
        const ssize_t wrote = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(written_));
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0)
            throw environment_error(
                cat("cannot write more of ", printable(name_), ": ", std::strerror(errno)),
                "Free some space and go on: what has arrived is kept.");
        written_ += static_cast<std::uint64_t>(wrote);
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
}

UploadState Upload::end(bool replace) {
    if (::fdatasync(file_) != 0)
        throw environment_error(cat("cannot write ", part_, ": ", std::strerror(errno)), "Check the disk.");
    if (written_ < total_) return {name_, written_, total_, false};
    if (taken()) {
        if (!replace)
            throw input_error(cat(printable(name_), " is there already"),
                              "Choose another name, or replace it.");
        move_to_trash(workspace_, target_);
    }
    rename_durably(part_, target_);
    std::error_code ignored;
    fs::remove(note_, ignored);
    return {name_, total_, total_, true};
}

void Upload::cancel() {
    std::error_code ignored;
    fs::remove(part_, ignored);
    fs::remove(note_, ignored);
}

bool is_upload_note(const std::string& file_name) {
    return file_name.starts_with(prefix) && file_name.ends_with(".json");
}

std::vector<UploadState> unfinished_uploads(const Workspace& workspace, const std::string& voice) {
    std::vector<UploadState> out;
    std::error_code error;
    for (fs::directory_iterator entry(workspace.voice(voice), error), end; !error && entry != end;
         entry.increment(error)) {
        const fs::path part = entry->path();
        if (!part.filename().string().starts_with(prefix) || part.extension() != ".part") continue;
        try {
            const Json note = read_json(fs::path(part).replace_extension(".json"));
            out.push_back({note.at("name").get<std::string>(), size_of(part),
                           note.at("total").get<std::uint64_t>(), false, text_or(note, "key"),
                           change_time(part)});
        } catch (const std::exception&) {
            // A killed server left half of the two.
        }
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return out;
}

std::vector<std::string> discard_old_uploads(const Workspace& workspace, std::chrono::seconds age) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const double before = std::chrono::duration<double>(now - age).count();
    std::vector<std::string> gone;
    for (const std::string& voice : workspace.voice_names()) {
        if (!is_inside(workspace.voice(voice), workspace.root())) continue;  // a link
        std::set<fs::path> stems;
        std::error_code error;
        for (fs::directory_iterator entry(workspace.voice(voice), error), end; !error && entry != end;
             entry.increment(error)) {
            const fs::path file = entry->path();
            if (file.filename().string().starts_with(prefix) &&
                (file.extension() == ".part" || file.extension() == ".json"))
                stems.insert(fs::path(file).replace_extension());
        }
        for (const fs::path& stem : stems) {
            const fs::path part = cat(stem.string(), ".part"), note = cat(stem.string(), ".json");
            if (std::max(change_time(part), change_time(note)) >= before) continue;
            const int file = ::open(part.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
            if (file >= 0 && ::flock(file, LOCK_EX | LOCK_NB) != 0) {
                ::close(file);
                continue;
            }
            std::string name = stem.filename().string();
            try {
                name = read_json(note).at("name").get<std::string>();
            } catch (const std::exception&) {
                // Half of the two is left: its hidden name must do.
            }
            fs::remove(part, error);
            fs::remove(note, error);
            if (file >= 0) ::close(file);
            gone.push_back(cat(voice, '/', name));
        }
    }
    return gone;
}

}  // namespace testudo::studio
