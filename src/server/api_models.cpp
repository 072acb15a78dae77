// Models of the workspace, and those that can be fetched.
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "server/shared.h"
#include "studio/models.h"
#include "studio/pull.h"

namespace testudo::server {

namespace {

Json models_json(const Shared& shared) {
    Json out = Json::array();
    for (const auto& entry : studio::list_models(shared.workspace)) {
        Json item = studio::to_json(entry.what);
        item["name"] = to_utf8(std::string_view(entry.name));
        item["place"] = entry.place;
        if (!entry.voice.empty()) item["voice"] = to_utf8(std::string_view(entry.voice));
        item["path"] = relative_to(shared, entry.path);
        if (!entry.problem.empty()) item["problem"] = to_utf8(std::string_view(entry.problem));
        out.push_back(std::move(item));
    }
    return out;
}

Response inspect(Shared& shared, const Request& request) {
    const fs::path file = inside_workspace(shared, request.value("path").value_or(""));
    std::error_code error;
    if (!fs::exists(file, error))
        throw not_found(cat("there is no model ", relative_to(shared, file)),
                        "See /api/models for those there are.");
    return json_response(studio::to_json(studio::inspect_model(shared.workspace.find_model(file.string())),
                                         flag_of(request, "tensors", false)));
}

Json sources_json(const Shared& shared) {
    Json out = Json::array();
    for (const auto& source : studio::model_sources(shared.workspace)) {
        std::error_code error;
        Json item = {{"name", source.name},
                     {"about", source.about},
                     {"licence", source.licence},
                     {"target", source.target},
                     {"there", fs::exists(shared.workspace.root() / source.target, error)}};
        if (source.bytes > 0) item["bytes"] = source.bytes;
        out.push_back(std::move(item));
    }
    return out;
}

}  // namespace

void add_model_routes(Router& router, Shared& shared) {
    router.add("GET", "/api/models",
               [&shared](const Request&) { return json_response(models_json(shared)); });
    router.add("GET", "/api/models/inspect",
               [&shared](const Request& request) { return inspect(shared, request); });
    router.add("GET", "/api/models/sources",
               [&shared](const Request&) { return json_response(sources_json(shared)); });
}

}  // namespace testudo::server
