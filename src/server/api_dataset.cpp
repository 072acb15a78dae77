// Settings of preparing, and what it came to.
#include <algorithm>
#include <mutex>
#include <set>

#include "asr/voice_activity.h"
#include "core/error.h"
#include "core/event_tail.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/strings.h"
#include "dataset/settings.h"
#include "dataset/statistics.h"
#include "dataset/whisper_backend.h"
#include "server/dataset_settings.h"
#include "server/settings_json.h"
#include "server/shared.h"
#include "studio/dataset_picture.h"
#include "studio/pull.h"
#include "studio/tokenizers.h"
#include "text/find_tokenizer.h"
#include "training/import_settings.h"
#include "training/run_paths.h"

namespace testudo::server {

namespace {

Json report_of(Shared& shared, const std::string& voice) {
    const fs::path file = shared.workspace.training(voice) / "report.json";
    std::error_code error;
    if (!fs::exists(file, error))
        throw not_found(cat("there is no report of ", printable(voice), " yet"), "Prepare the voice first.");
    Json report = read_json(file);
    if (!report.is_object()) throw input_error(cat(file, " is no JSON object"), "Prepare the voice again.");
    return report;
}

Json list_in(const Json& report, const char* key) {
    if (!report.is_object()) return Json::array();
    const auto found = report.find(key);
    return found != report.end() && found->is_array() ? *found : Json::array();
}

// What any step rejected; what a later one rejects again counts once.
Json rejected_in(const Json& report) {
    Json out = Json::array();
    std::set<std::string> known;
    for (const char* step : {"transcribe", "diarize", "slice", "list"})
        for (const Json& one : list_in(value_of(report, step), "rejected")) {
            if (!one.is_object()) continue;
            const Json place = {value_of(one, "file"), value_of(one, "start"), value_of(one, "end")};
            if (known.insert(place.dump()).second) out.push_back(one);
        }
    return out;
}

Json lost(Shared& shared, const std::string& voice) {
    const Json report = report_of(shared, voice);
    Json doubtful = Json::array();
    for (const Json& line : list_in(report, "lines"))
        if (has_text(line, "verdict", "doubtful")) doubtful.push_back(line);
    const Json list = value_of(report, "list");
    return {{"seconds_kept", number_or(list, "seconds_kept", 0)},
            {"seconds_lost", number_or(list, "seconds_lost", 0)},
            {"rejected", rejected_in(report)},
            {"doubtful", std::move(doubtful)}};
}

// Of the query, else of the voice's configuration, else the built-in one.
fs::path tokenizer_of(Shared& shared, const Request& request, const std::string& voice) {
    std::string given = request.value("tokenizer").value_or("");
    if (given.empty()) {
        const fs::path yaml = training::run_paths(shared.workspace.root(), voice).yaml;
        std::error_code error;
        if (fs::exists(yaml, error)) try {
                given = training::settings_of_yaml(shared.workspace.root(), yaml).tokenizer_json;
            } catch (const Error&) {
                // A broken configuration is told where it is shown.
            }
    }
    if (given.find('/') != std::string::npos) inside_workspace(shared, given);
    return given.empty() ? fs::path() : studio::find_tokenizer(shared.workspace, given);
}

Response statistics(Shared& shared, const Request& request) {
    static std::mutex one_at_a_time;  // it reads and listens to all clips
    const std::string voice = voice_of(shared, request);
    const std::string form = choice_of(request, "form", {"json", "text", "svg"});
    const auto tokenizer = text::load_tokenizer(tokenizer_of(shared, request, voice));
    const std::scoped_lock lock(one_at_a_time);
    static const auto voice_activity = []() -> std::optional<asr::VoiceActivity> {
        try {
            return asr::VoiceActivity::load();
        } catch (const Error&) {
            return std::nullopt;  // the share of speech is not told then
        }
    }();
    Events events;
    const auto found = dataset::statistics_of(shared.workspace.root(), voice, *tokenizer,
                                              voice_activity ? &*voice_activity : nullptr, events);
    if (form == "json") return json_response(dataset::to_json(found));
    Response response;
    response.type = form == "svg" ? "image/svg+xml" : "text/plain; charset=utf-8";
    response.body = form == "svg" ? studio::dataset_svg(found) : dataset::to_text(found);
    response.headers.emplace_back("Cache-Control", "no-store");
    if (form == "svg") response.headers.emplace_back("Content-Security-Policy", picture_policy);
    return response;
}

fs::path settings_file(const Shared& shared, const std::string& voice) {
    return shared.workspace.training(voice) / "dataset.json";
}

Response put_settings(Shared& shared, const Request& request) {
    const std::string voice = voice_of(shared, request);
    const Json body = json_body(request);
    check_keys<dataset::DatasetSettings>(body);
    dataset::DatasetSettings settings = read_dataset_settings(shared, voice);
    settings_from_json(settings, body, "settings");
    check_settings(settings);
    if (body.contains("whisper_model"))
        with_setting("whisper_model", [&] {
            const auto sources = studio::model_sources(shared.workspace);
            dataset::check_whisper_model(shared.workspace.root(), settings, [&](const std::string& name) {
                return studio::find_source(sources, name) != nullptr;
            });
        });
    write_json(settings_file(shared, voice), settings_to_json(settings));
    shared.watch.look_now();
    return json_response(settings_to_json(settings));
}

}  // namespace

dataset::DatasetSettings read_dataset_settings(const Shared& shared, const std::string& voice) {
    dataset::DatasetSettings settings;
    const fs::path file = settings_file(shared, voice);
    std::error_code error;
    if (fs::exists(file, error)) settings_from_json(settings, read_json(file), file.string());
    return settings;
}

void add_dataset_routes(Router& router, Shared& shared) {
    router.add("GET", "/api/voices/{voice}/dataset-settings", [&shared](const Request& request) {
        return json_response(settings_to_json(read_dataset_settings(shared, voice_of(shared, request))));
    });
    router.add("PUT", "/api/voices/{voice}/dataset-settings",
               [&shared](const Request& request) { return put_settings(shared, request); });
    router.add("GET", "/api/voices/{voice}/report", [&shared](const Request& request) {
        return json_response(report_of(shared, voice_of(shared, request)));
    });
    router.add("GET", "/api/voices/{voice}/lost", [&shared](const Request& request) {
        return json_response(lost(shared, voice_of(shared, request)));
    });
    router.add("GET", "/api/voices/{voice}/statistics",
               [&shared](const Request& request) { return statistics(shared, request); });
}

}  // namespace testudo::server
