// Configurations of trainings: as settings, and as the YAML they become.
#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/strings.h"
#include "server/settings_json.h"
#include "server/shared.h"
#include "studio/app_settings.h"
#include "training/config.h"
#include "training/configure.h"
#include "training/counting.h"
#include "training/import_settings.h"
#include "training/run_paths.h"
#include "training/settings.h"
#include "training/states.h"

namespace testudo::server {

namespace {

using training::TrainingSettings;

constexpr std::size_t longest_yaml = 1 << 20;
constexpr const char* check_folder = ".check";  // where a YAML is tried before it is saved

std::string tag_of_file(const fs::path& file) {
    std::error_code error;
    return fs::exists(file, error) ? cat('"', sha256_of_file(file).substr(0, 24), '"') : "\"none\"";
}

Json error_json(const Error& error) {
    return Json::parse(error_response({422, "input", error.what(), error.hint()}).body)["error"];
}

Json configuration(Shared& shared, const std::string& voice) {
    const auto paths = training::run_paths(shared.workspace.root(), voice);
    std::error_code error;
    TrainingSettings settings;
    settings.voice = voice;
    const auto summary = shared.summaries.of(voice);
    Json out = {
        {"exists", fs::exists(paths.yaml, error)},
        {"etag", tag_of_file(paths.yaml)},
        {"dataset", {{"train_lines", summary.train_lines}, {"validation_lines", summary.validation_lines}}}};
    try {
        if (fs::exists(paths.yaml, error)) {
            settings = training::settings_of_yaml(shared.workspace.root(), paths.yaml);
        } else {
            const auto app = studio::read_app_settings(shared.workspace);
            settings.source_model = app.source_model;
            settings.tokenizer_json = app.tokenizer_json;
        }
    } catch (const Error& problem) {
        out["problem"] = error_json(problem);
    }
    out["settings"] = settings_to_json(settings);
    return out;
}

// What an events' listener heard, in words.
void collect_remarks(Events& events, Json& remarks) {
    events.listen([&remarks](const Json& event) {
        if (event.value("type", "") == "log" && event.value("level", "") != "info")
            remarks.push_back(event.value("message", ""));
    });
}

Json settings_in(const Json& body) {
    Json given = value_of(body, "settings");
    if (!given.is_object()) throw usage_error("settings must be an object", "Send {\"settings\": {…}}.");
    return given;
}

TrainingSettings settings_of(const Json& given, const std::string& voice) {
    TrainingSettings settings;
    settings_from_json(settings, given, "settings");
    settings.voice = voice;
    return settings;
}

Response put_configuration(Shared& shared, const Request& request) {
    const std::string voice = voice_of(shared, request);
    const Json body = json_body(request);
    const Json given = settings_in(body);
    const auto paths = training::run_paths(shared.workspace.root(), voice);
    const std::string seen = text_of(body, "seen", "");
    if (!seen.empty() && seen != tag_of_file(paths.yaml))
        throw conflict(cat("the configuration of ", printable(voice), " was changed meanwhile"),
                       "Look at it as it is now.", configuration(shared, voice));
    check_keys<TrainingSettings>(given);
    Json remarks = Json::array();
    Events events;
    collect_remarks(events, remarks);
    Json result = training::configure(shared.workspace.root(), settings_of(given, voice), events);
    shared.watch.look_now();
    Json out = configuration(shared, voice);
    out["result"] = std::move(result);
    out["remarks"] = std::move(remarks);
    return json_response(out);
}

// What settings that need not be saved would come to.
Response plan(Shared& shared, const Request& request) {
    const std::string voice = voice_of(shared, request);
    const Json given = settings_in(json_body(request));
    check_keys<TrainingSettings>(given);
    const TrainingSettings settings = settings_of(given, voice);
    check_settings(settings);
    const auto lines = static_cast<std::int64_t>(shared.summaries.of(voice).train_lines);
    if (lines == 0)
        throw input_error(cat("there are no lines of ", printable(voice), " to train on"),
                          "Make the dataset first.");
    const training::Counting counting{lines, std::min(settings.batch_size, lines), settings.epochs, 0, 0};
    const std::int64_t per_epoch = counting.per_epoch(), total = counting.total();
    const training::Agenda agenda{total, training::iterations_of_rate(settings.save_rate, per_epoch), 0,
                                  false};
    return json_response({{"lines", lines},
                          {"iterations_per_epoch", per_epoch},
                          {"iterations", total},
                          {"save_every", agenda.save_every},
                          {"checkpoints", agenda.saves(0, total)}});
}

// Of what stands in the workspace, or of a file's text that is sent. Writes nothing.
Response import_settings(Shared& shared, const Request& request) {
    const std::string voice = voice_of(shared, request);
    const fs::path& root = shared.workspace.root();
    const auto name = request.value("name");
    Json remarks = Json::array();
    Events events;
    collect_remarks(events, remarks);
    training::ImportedSettings imported;
    if (name) {
        imported = training::import_settings_text(root, voice, text_body(request, training::longest_import),
                                                  printable(*name));
        imported.from = printable(*name);
        for (const std::string& remark : imported.remarks) remarks.push_back(remark);
    } else {
        const std::string file = request.length > 0 ? text_of(json_body(request), "file", "") : "";
        if (file.empty()) {
            imported = training::import_settings(root, voice, events);
        } else {
            imported = training::import_settings_of(root, voice, inside_workspace(shared, file));
            training::tell(imported, events);
        }
        imported.from = relative_to(shared, fs::absolute(imported.from));
    }
    imported.settings.voice = voice;
    Json not_understood = Json::array();
    for (const training::NotUnderstood& one : imported.not_understood)
        not_understood.push_back({{"key", one.key}, {"line", one.line}, {"why", one.why}});
    return json_response({{"settings", settings_to_json(imported.settings)},
                          {"from", to_utf8(imported.from.native())},
                          {"not_understood", std::move(not_understood)},
                          {"remarks", std::move(remarks)}});
}

Response yaml(Shared& shared, const Request& request) {
    const fs::path file = training::run_paths(shared.workspace.root(), voice_of(shared, request)).yaml;
    std::error_code error;
    if (!fs::exists(file, error))
        throw not_found("there is no train.yaml yet", "Save a configuration first.");
    Response response;
    response.type = "application/yaml";
    response.body = read_file(file, longest_yaml);
    const std::string tag = cat('"', sha256(response.body).substr(0, 24), '"');
    return tagged_response(request, std::move(response), tag);
}

// Throws as read_config, with the name that the file will have.
void check_yaml(Shared& shared, const std::string& voice, const training::RunPaths& paths,
                const std::string& text) {
    const fs::path trial = paths.folder / check_folder / "train.yaml";
    write_file(trial, text);
    std::optional<Error> wrong;
    try {
        const auto config = training::read_config(shared.workspace.root(), trial);
        if (config.voice != voice)
            wrong = input_error(
                cat("train.yaml, line 1: name is ", printable(config.voice), ", not ", printable(voice)),
                cat("Write name: ", voice, "."));
    } catch (const Error& error) {
        std::string what = error.what();
        const std::string folder = cat(check_folder, "/");
        for (auto at = what.find(folder); at != std::string::npos; at = what.find(folder))
            what.erase(at, folder.size());
        wrong = Error(error.kind(), what, error.hint());
    }
    std::error_code ignored;
    fs::remove_all(paths.folder / check_folder, ignored);
    if (wrong) throw *wrong;
}

Response put_yaml(Shared& shared, const Request& request) {
    const std::string voice = voice_of(shared, request);
    const auto paths = training::run_paths(shared.workspace.root(), voice);
    const std::string text = text_body(request, longest_yaml);
    const std::string seen = request.header("if-match");
    if (!seen.empty() && seen != tag_of_file(paths.yaml)) {
        std::error_code error;
        const bool there = fs::exists(paths.yaml, error);
        throw conflict(
            "train.yaml was changed meanwhile", "Look at it as it is now.",
            {{"yaml", there ? Json(to_utf8(std::string_view(read_file(paths.yaml, longest_yaml)))) : Json()},
             {"etag", tag_of_file(paths.yaml)}});
    }
    const std::scoped_lock lock(shared.curating);
    check_yaml(shared, voice, paths, text);
    const bool save = !flag_of(request, "check", false);
    if (save) write_file(paths.yaml, text);
    if (save) shared.watch.look_now();
    Response response = json_response({{"etag", tag_of_file(paths.yaml)}, {"saved", save}});
    response.headers.emplace_back("ETag", tag_of_file(paths.yaml));
    return response;
}

}  // namespace

void add_configuration_routes(Router& router, Shared& shared) {
    const std::string path = "/api/voices/{voice}/configuration";
    router.add("GET", path, [&shared](const Request& request) {
        return json_response(configuration(shared, voice_of(shared, request)));
    });
    router.add("PUT", path, [&shared](const Request& request) { return put_configuration(shared, request); });
    router.add("POST", path + "/plan", [&shared](const Request& request) { return plan(shared, request); });
    router.add("POST", path + "/import",
               [&shared](const Request& request) { return import_settings(shared, request); });
    router.add("GET", "/api/voices/{voice}/yaml",
               [&shared](const Request& request) { return yaml(shared, request); });
    router.add("PUT", "/api/voices/{voice}/yaml",
               [&shared](const Request& request) { return put_yaml(shared, request); });
    router.add("GET", "/api/voices/{voice}/states", [&shared](const Request& request) {
        Json states =
            training::to_json(training::list_states(shared.workspace.root(), voice_of(shared, request)));
        for (Json& state : states)
            for (const char* key : {"file", "model"})
                if (state.contains(key) && state[key].is_string())
                    state[key] = relative_to(shared, shared.workspace.root() / state[key].get<std::string>());
        return json_response(states);
    });
}

}  // namespace testudo::server
