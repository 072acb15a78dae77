// This machine, and the settings of the program.
#include <ATen/Context.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <thread>

#include "core/available_memory.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "core/subprocess.h"
#include "server/settings_json.h"
#include "server/shared.h"
#include "studio/app_settings.h"
#include "studio/folder_size.h"
#include "studio/tokenizers.h"
#include "studio/trash.h"
#include "training/base_model.h"

namespace testudo::server {

namespace {

Json system_json(const Shared& shared) {
    struct statvfs disk {};
    fs::path place = shared.workspace.root();
    while (::statvfs(place.c_str(), &disk) != 0 && place.has_relative_path()) place = place.parent_path();
    struct sysinfo machine {};
    ::sysinfo(&machine);
    double load[1] = {0};
    ::getloadavg(load, 1);
    const AvailableMemory memory = available_memory();
    return {{"version", TESTUDO_VERSION},
            {"workspace", to_utf8(std::string_view(shared.workspace.root().string()))},
            {"disk",
             {{"free", static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize)},
              {"total", static_cast<double>(disk.f_blocks) * static_cast<double>(disk.f_frsize)}}},
            {"memory",
             {{"total", static_cast<double>(machine.totalram) * machine.mem_unit},
              {"available", memory.bytes},
              {"limit", memory.limit},
              {"server", resident_bytes()}}},
            {"processors", std::thread::hardware_concurrency()},
            {"load", load[0]},
            {"device", at::hasCUDA() ? "cuda" : "cpu"},
            {"streams", shared.hub.streams()}};
}

// Where the room of the workspace went.
Json folders_json(const Shared& shared) {
    Json out = Json::array();
    for (const char* name : {"voices", "training", "models", "results", "config", "trash"}) {
        const auto size = studio::size_of_folder(shared.workspace.root() / name);
        out.push_back({{"name", name}, {"files", size.files}, {"bytes", size.bytes}});
    }
    return out;
}

// As another process: its self test computes, and may fail as it likes.
Json check(const Shared& shared) {
    static std::mutex one_at_a_time;
    const std::scoped_lock lock(one_at_a_time);
    const ProgramRun run = run_program(shared.program.string(),
                                       {"--workspace", shared.workspace.root().string(), "--json", "doctor"},
                                       "", "Install Testudo again.");
    const Json report = Json::parse(run.out, nullptr, false);
    if (!report.is_object())
        throw environment_error(cat("`testudo doctor` ended with code ", run.code, ": ",
                                    printable(to_utf8(std::string_view(run.err)))),
                                "Run it in a terminal.");
    return report;
}

// What is set anew must be there: jobs take it without asking again.
void check_what_changed(const Shared& shared, const studio::AppSettings& before,
                        const studio::AppSettings& now) {
    std::error_code error;
    if (now.device != before.device) with_setting("device", [&] { training::find_device(now.device); });
    if (now.tokenizer_json != before.tokenizer_json && !now.tokenizer_json.empty())
        with_setting("tokenizer_json", [&] { studio::find_tokenizer(shared.workspace, now.tokenizer_json); });
    const std::string& model = now.source_model;
    if (model != before.source_model && !model.empty() && model != "auto")
        with_setting("source_model", [&] {
            if (!fs::is_regular_file(shared.workspace.root() / model, error))
                throw input_error(cat("there is no model ", printable(to_utf8(std::string_view(model)))),
                                  "Name a file of the workspace, or leave it empty.");
        });
    const std::string& from = now.models_from;
    if (from != before.models_from && !from.empty() && from.find("://") == std::string::npos)
        with_setting("models_from", [&] {
            if (!fs::is_directory(from, error))
                throw input_error(cat(printable(to_utf8(std::string_view(from))), " is no folder"),
                                  "Name one that is there, or an address.");
        });
}

Response put_settings(Shared& shared, const Request& request) {
    const Json body = json_body(request);
    check_keys<studio::AppSettings>(body);
    const auto before = studio::read_app_settings(shared.workspace);
    auto settings = before;
    settings_from_json(settings, body, "settings");
    check_what_changed(shared, before, settings);
    studio::write_app_settings(shared.workspace, settings);
    shared.watch.look_now();
    return json_response(settings_to_json(settings));
}

}  // namespace

void add_system_routes(Router& router, Shared& shared) {
    router.add("GET", "/api/system",
               [&shared](const Request&) { return json_response(system_json(shared)); });
    router.add("GET", "/api/system/folders",
               [&shared](const Request&) { return json_response(folders_json(shared)); });
    router.add("DELETE", "/api/trash", [&shared](const Request&) {
        studio::empty_trash(shared.workspace);
        return json_response(folders_json(shared));
    });
    router.add("POST", "/api/system/check",
               [&shared](const Request&) { return json_response(check(shared)); });
    router.add("GET", "/api/settings", [&shared](const Request&) {
        return json_response(settings_to_json(studio::read_app_settings(shared.workspace)));
    });
    router.add("PUT", "/api/settings",
               [&shared](const Request& request) { return put_settings(shared, request); });
}

}  // namespace testudo::server
