// How recordings and clips sound and look.
#include <map>

#include "audio/decode.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/slices.h"
#include "dataset/voice_files.h"
#include "server/shared.h"
#include "server/sound_type.h"
#include "studio/listening_copy.h"

namespace testudo::server {

namespace {

fs::path recording_of(Shared& shared, const Request& request) {
    const dataset::VoiceFolders folders(shared.workspace.root(), voice_of(shared, request));
    const std::string& name = request.part("file");
    const fs::path file = name.starts_with('.') ? fs::path() : dataset::find_recording(folders, name);
    std::error_code error;
    if (file.empty() || !fs::is_regular_file(file, error) || sound_type(file).empty())
        throw not_found(cat("there is no recording ", printable(name)), "See the voice's recordings.");
    return file;
}

Response audio(Shared& shared, const Request& request) {
    const fs::path file = recording_of(shared, request);
    if (choice_of(request, "form", {"original", "wav"}) == "original")
        return file_response(request, file, sound_type(file));
    return file_response(request, studio::listening_copy(shared.workspace, request.part("voice"), file).wav,
                         "audio/wav");
}

void add_stretch(Response& response, double seconds, double from, double to) {
    response.headers.emplace_back("X-Seconds", cat(Json(seconds).dump()));
    response.headers.emplace_back("X-From", cat(Json(from).dump()));
    response.headers.emplace_back("X-To", cat(Json(to).dump()));
}

Response peaks(Shared& shared, const Request& request) {
    const auto copy =
        studio::listening_copy(shared.workspace, request.part("voice"), recording_of(shared, request));
    const double from = number_of(request, "from", 0), to = number_of(request, "to", copy.seconds());
    if (from < 0 || to < from)
        throw usage_error("there is no such stretch", "Give from and to in seconds, in this order.");
    const auto columns = static_cast<int>(integer_of(request, "columns", 2000, 1, 20000));
    const auto peaks = studio::peaks_of(copy, from, std::min(to, copy.seconds()), columns);
    const auto count = peaks.low.size();
    if (choice_of(request, "form", {"binary", "json"}) == "json") {
        Json low = Json::array(), high = Json::array();
        for (std::size_t i = 0; i < count; ++i) {
            low.push_back(peaks.low[i] / 127.0);
            high.push_back(peaks.high[i] / 127.0);
        }
        return json_response({{"seconds", copy.seconds()},
                              {"from", peaks.from},
                              {"to", peaks.to},
                              {"low", std::move(low)},
                              {"high", std::move(high)}});
    }
    Response response;
    response.type = "application/octet-stream";
    for (std::size_t i = 0; i < count; ++i) {
        response.body += static_cast<char>(peaks.low[i]);
        response.body += static_cast<char>(peaks.high[i]);
    }
    add_stretch(response, copy.seconds(), peaks.from, peaks.to);
    return tagged_response(request, std::move(response), cat('"', copy.peaks.stem().string(), '"'));
}

Response spectrogram(Shared& shared, const Request& request) {
    const auto copy =
        studio::listening_copy(shared.workspace, request.part("voice"), recording_of(shared, request));
    const double from = number_of(request, "from", std::nullopt), to = number_of(request, "to", std::nullopt);
    const auto columns = static_cast<int>(integer_of(request, "columns", 1000, 1, 4000));
    auto picture = studio::spectrogram_of(copy, from, to, columns);
    Response response;
    response.type = "application/octet-stream";
    response.body = std::move(picture.points);
    add_stretch(response, copy.seconds(), picture.from, picture.to);
    response.headers.emplace_back("X-Bands", std::to_string(studio::spectrogram_bands));
    response.headers.emplace_back("X-Columns", std::to_string(picture.columns));
    return tagged_response(request, std::move(response), cat('"', copy.peaks.stem().string(), '"'));
}

Response clip(Shared& shared, const Request& request) {
    const dataset::VoiceFolders folders(shared.workspace.root(), voice_of(shared, request));
    const fs::path file = folders.audio / request.part("file");
    std::error_code error;
    if (sound_type(file).empty() || !fs::is_regular_file(file, error) ||
        !is_inside(file, shared.workspace.root()))
        throw not_found(cat("there is no clip ", printable(request.part("file"))),
                        "See the lines of the report.");
    return file_response(request, file, sound_type(file));
}

}  // namespace

std::string sound_type(const fs::path& file) {
    static const std::map<std::string, std::string> types = {
        {".wav", "audio/wav"},   {".mp3", "audio/mpeg"}, {".flac", "audio/flac"}, {".ogg", "audio/ogg"},
        {".oga", "audio/ogg"},   {".opus", "audio/ogg"}, {".m4a", "audio/mp4"},   {".aac", "audio/aac"},
        {".webm", "audio/webm"}, {".mp4", "audio/mp4"}};
    if (!audio::is_audio_file(file)) return {};
    const auto found = types.find(lower_ascii(file.extension().string()));
    return found == types.end() ? "application/octet-stream" : found->second;
}

void add_sound_routes(Router& router, Shared& shared) {
    const std::string recording = "/api/voices/{voice}/recordings/{file}";
    router.add("GET", recording + "/audio",
               [&shared](const Request& request) { return audio(shared, request); });
    router.add("GET", recording + "/peaks",
               [&shared](const Request& request) { return peaks(shared, request); });
    router.add("GET", recording + "/spectrogram",
               [&shared](const Request& request) { return spectrogram(shared, request); });
    router.add("GET", "/api/voices/{voice}/clips/{file}",
               [&shared](const Request& request) { return clip(shared, request); });
}

}  // namespace testudo::server
