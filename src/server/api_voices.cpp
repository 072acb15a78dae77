// Voices and their recordings.
#include <algorithm>
#include <map>
#include <mutex>

#include "asr/transcript.h"
#include "audio/container.h"
#include "audio/decode.h"
#include "core/error.h"
#include "core/file_size.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/slices.h"
#include "dataset/transcript_text.h"
#include "dataset/voice_files.h"
#include "server/shared.h"
#include "studio/trash.h"
#include "studio/upload.h"

namespace testudo::server {

namespace {

constexpr const char* playable_endings[] = {".wav",  ".mp3", ".flac", ".ogg",  ".oga",
                                            ".opus", ".m4a", ".aac",  ".webm", ".mp4"};

// What the container says, remembered by size and time.
class Durations {
  public:
    Json of(const fs::path& file) {
        const std::string mark = cat(file, ' ', studio::change_mark(file));
        {
            const std::scoped_lock lock(mutex_);
            if (const auto found = known_.find(mark); found != known_.end()) return seconds(found->second);
        }
        double stated = 0;
        try {
            stated = audio::Container(file).stated_seconds();
        } catch (const Error&) {
            // It is no audio: `transcribe` says so.
        }
        const std::scoped_lock lock(mutex_);
        if (known_.size() > most) known_.clear();
        known_[mark] = stated;
        return seconds(stated);
    }

  private:
    static constexpr std::size_t most = 100000;
    static Json seconds(double value) { return value > 0 ? Json(value) : Json(); }
    std::mutex mutex_;
    std::map<std::string, double> known_;
};

Json recordings(Shared& shared, const std::string& voice) {
    static Durations durations;
    const dataset::VoiceFolders folders(shared.workspace.root(), voice);
    Json out = {{"recordings", Json::array()},
                {"skipped", Json::array()},
                {"texts", Json::array()},
                {"uploads", Json::array()}};
    dataset::VoiceRecordings found;
    try {
        found = dataset::recordings_of(folders);
    } catch (const Error&) {
        // A new voice has none yet.
    }
    std::vector<std::string> transcribed;
    try {
        transcribed = dataset::TranscriptText::read(folders.whisper_json()).names();
    } catch (const Error&) {
        out["problem"] = to_json(handled_error());
    }
    for (const auto& [name, file] : found.files) {
        const std::string ending = lower_ascii(file.extension().string());
        out["recordings"].push_back(
            {{"name", name},
             {"bytes", size_of(file)},
             {"changed", studio::change_time(file)},
             {"seconds", durations.of(file)},
             {"transcribed", std::find(transcribed.begin(), transcribed.end(), name) != transcribed.end()},
             {"playable", std::find(std::begin(playable_endings), std::end(playable_endings), ending) !=
                              std::end(playable_endings)}});
    }
    for (const auto& skipped : found.skipped)
        out["skipped"].push_back({{"file", to_utf8(std::string_view(skipped.file))},
                                  {"reason", to_utf8(std::string_view(skipped.reason))}});
    std::error_code error;
    for (fs::directory_iterator entry(folders.voice, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string ending = lower_ascii(entry->path().extension().string());
        if (ending == ".txt" || ending == ".srt" || ending == ".vtt" || ending == ".lab")
            out["texts"].push_back(to_utf8(std::string_view(entry->path().filename().string())));
    }
    for (const auto& upload : studio::unfinished_uploads(shared.workspace, voice))
        out["uploads"].push_back(studio::to_json(upload));
    return out;
}

Response create(Shared& shared, const Request& request) {
    const std::string name = text_of(json_body(request), "name");
    const fs::path folder = shared.workspace.voice(name);
    std::error_code error;
    if (name.starts_with('.'))
        throw usage_error("the name of a voice cannot begin with a dot", "Choose another.");
    if (fs::exists(folder, error))
        throw conflict(cat("there is a voice \"", printable(name), "\" already"), "Choose another name.");
    make_folders(folder);
    shared.watch.look_now();
    return json_response(studio::to_json(shared.summaries.of(name)), 201);
}

// Nothing is taken away under a job that works on it.
void check_free(const Shared& shared, const std::string& voice) {
    for (const Json& job : shared.watch.jobs()->jobs)
        if (job.value("voice", "") == voice &&
            (job.value("state", "") == "running" || job.value("state", "") == "stopping"))
            throw conflict(cat("job ", job.value("id", ""), " works on ", printable(voice)),
                           "Stop it first.");
}

Response trashed(Shared& shared, const std::vector<fs::path>& files) {
    Json out = Json::array();
    for (const fs::path& file : files)
        out.push_back(to_utf8(std::string_view(studio::move_to_trash(shared.workspace, file).string())));
    shared.watch.look_now();
    return json_response({{"trash", std::move(out)}});
}

// What a job that failed at once leaves: nothing but what it told and was set to.
bool holds_nothing(const fs::path& training) {
    std::error_code error;
    for (fs::directory_iterator entry(training, error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (!name.starts_with('.') && name != "events.jsonl" && name != "dataset.json") return false;
    }
    return !error;
}

Response remove_voice(Shared& shared, const Request& request) {
    const std::string voice = voice_of(shared, request);
    check_free(shared, voice);
    std::vector<fs::path> folders;
    const fs::path recordings = shared.workspace.voice(voice), training = shared.workspace.training(voice);
    std::error_code error;
    if (fs::exists(recordings, error)) folders.push_back(recordings);
    if (fs::exists(training, error) && (flag_of(request, "training", false) || holds_nothing(training)))
        folders.push_back(training);
    if (folders.empty())
        throw conflict(cat("of ", printable(voice), " there is a folder in training/ only"),
                       "Ask with training=true to remove that.");
    return trashed(shared, folders);
}

Response remove_recording(Shared& shared, const Request& request) {
    const std::string voice = voice_of(shared, request);
    const fs::path file = dataset::VoiceFolders(shared.workspace.root(), voice).voice / request.part("file");
    std::error_code error;
    if (request.part("file").starts_with('.') || !fs::is_regular_file(fs::symlink_status(file, error)))
        throw not_found(cat("there is no recording ", printable(request.part("file"))),
                        "See the voice's recordings.");
    return trashed(shared, {file});
}

}  // namespace

void add_voice_routes(Router& router, Shared& shared) {
    router.add("GET", "/api/voices", [&shared](const Request&) {
        Json out = Json::array();
        for (const auto& voice : shared.summaries.all()) out.push_back(studio::to_json(voice));
        return json_response(out);
    });
    router.add("POST", "/api/voices", [&shared](const Request& request) { return create(shared, request); });
    router.add("GET", "/api/voices/{voice}", [&shared](const Request& request) {
        return json_response(studio::to_json(shared.summaries.of(voice_of(shared, request))));
    });
    router.add("DELETE", "/api/voices/{voice}",
               [&shared](const Request& request) { return remove_voice(shared, request); });
    router.add("GET", "/api/voices/{voice}/recordings", [&shared](const Request& request) {
        return json_response(recordings(shared, voice_of(shared, request)));
    });
    router.add("DELETE", "/api/voices/{voice}/recordings/{file}",
               [&shared](const Request& request) { return remove_recording(shared, request); });
}

}  // namespace testudo::server
