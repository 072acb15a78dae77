// What is true now, and the stream of what changes.
#include <sys/socket.h>

#include <chrono>

#include "core/error.h"
#include "core/strings.h"
#include "dataset/settings.h"
#include "server/guard.h"
#include "server/settings_json.h"
#include "server/shared.h"
#include "server/web_files.h"
#include "studio/app_settings.h"
#include "training/presets.h"
#include "training/settings.h"

namespace testudo::server {

namespace {

constexpr std::size_t longest_cursor = 4096;

Response state(Shared& shared) {
    // The cursor first: what comes later is told by the stream, too, never missed.
    const std::string cursor = shared.hub.cursor();
    const auto view = shared.watch.jobs();
    Json voices = Json::array();
    for (const auto& voice : shared.summaries.all()) voices.push_back(studio::to_json(voice));
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    return json_response({{"server", shared.server},
                          {"version", TESTUDO_VERSION},
                          {"page", std::string(page_hash())},
                          {"workspace", to_utf8(std::string_view(shared.workspace.root().string()))},
                          {"cursor", cursor},
                          {"revision", shared.watch.revision()},
                          {"time", now},
                          {"token", shared.asks_token},
                          {"voices", std::move(voices)},
                          {"jobs", view->jobs},
                          {"queue", view->queue}});
}

Response events(Shared& shared, const Request& request) {
    if (shared.hub.full())
        throw environment_error("as many pages follow the studio as it can serve", "Close some of them.");
    std::string cursor = request.header("last-event-id");
    if (cursor.empty()) cursor = request.value("cursor").value_or("");
    if (cursor.size() > longest_cursor) cursor = "too long";  // read as none
    Response response;
    response.type = "text/event-stream";
    add_security_headers(response);
    std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-store\r\n"
        "X-Accel-Buffering: no\r\nConnection: close\r\n";
    for (const auto& [name, value] : response.headers) head += cat(name, ": ", value, "\r\n");
    response.headers.clear();
    response.take_over = [&shared, head = head + "\r\n", cursor](int socket) {
        shared.hub.open(socket, head, cursor);
    };
    return response;
}

Response schemas() {
    static const Json all = {{"dataset", schema_of<dataset::DatasetSettings>()},
                             {"training", schema_of<training::TrainingSettings>()},
                             {"app", schema_of<studio::AppSettings>()},
                             {"presets", training::presets_to_json()}};
    return json_response(all);
}

}  // namespace

Json setting_json(const Setting& setting) {
    Json out = {{"key", setting.key},
                {"label", setting.label},
                {"help", setting.help},
                {"advanced", setting.advanced}};
    if (!setting.unit.empty()) out["unit"] = setting.unit;
    if (setting.min) out["min"] = *setting.min;
    if (setting.max) out["max"] = *setting.max;
    if (!setting.choices.empty()) out["choices"] = setting.choices;
    for (const auto& [alias, choice] : setting.aliases) out["aliases"][alias] = choice;
    return out;
}

void add_state_routes(Router& router, Shared& shared) {
    router.add("GET", "/api/state", [&shared](const Request&) { return state(shared); });
    router.add("GET", "/api/events", [&shared](const Request& request) { return events(shared, request); });
    router.add("GET", "/api/schemas", [](const Request&) { return schemas(); });
}

}  // namespace testudo::server
