#include "server/shared.h"

#include "core/error.h"
#include "core/strings.h"
#include "server/guard.h"

namespace testudo::server {

namespace {

EventSources sources_of(Shared& shared, std::size_t most_streams) {
    return {.feeds = [&shared] { return shared.watch.jobs()->feeds; },
            .greeting =
                [&shared](const std::string& cursor) {
                    return Json{{"server", shared.server},
                                {"version", TESTUDO_VERSION},
                                {"cursor", cursor},
                                {"revision", shared.watch.revision()}};
                },
            .most_streams = most_streams};
}

}  // namespace

Shared::Shared(studio::Workspace where, fs::path program_file, std::size_t most_streams)
    : workspace(std::move(where)),
      program(std::move(program_file)),
      jobs(workspace, program),
      summaries(workspace),
      server(new_token().substr(0, 12)),
      watch(workspace, jobs),
      hub(sources_of(*this, most_streams)) {
    watch.start(
        [this](const std::string& name, const Json& data, bool level) { hub.tell(name, data, level); });
}

std::string voice_of(const Shared& shared, const Request& request) {
    const std::string& name = request.part("voice");
    std::error_code error;
    if (!fs::is_directory(shared.workspace.voice(name), error) &&
        !fs::is_directory(shared.workspace.training(name), error))
        throw not_found(cat("there is no voice \"", printable(name), "\""),
                        "See /api/voices for those there are.");
    return name;
}

fs::path inside_workspace(const Shared& shared, const std::string& path) {
    const fs::path given = path;
    const fs::path file = (given.is_absolute() ? given : shared.workspace.root() / given).lexically_normal();
    if (path.empty() || path.find('\0') != std::string::npos || !is_inside(file, shared.workspace.root()))
        throw usage_error(
            cat("\"", printable(to_utf8(std::string_view(path))), "\" does not lie in the workspace"),
            "Name a file of the workspace.");
    return file;
}

std::string relative_to(const Shared& shared, const fs::path& path) {
    return to_utf8(std::string_view(path.lexically_relative(shared.workspace.root()).string()));
}

Json value_of(const Json& body, const char* key) {
    const auto found = body.find(key);
    return found == body.end() ? Json() : *found;
}

std::string text_of(const Json& body, const char* key, std::optional<std::string> fallback) {
    const auto found = body.find(key);
    if (found == body.end() && fallback) return *fallback;
    if (found == body.end() || !found->is_string())
        throw usage_error(cat(key, " must be a text"), "Give it.");
    return found->get<std::string>();
}

bool flag_of(const Json& body, const char* key, bool fallback) {
    const auto found = body.find(key);
    if (found == body.end()) return fallback;
    if (!found->is_boolean()) throw usage_error(cat(key, " must be true or false"), "Correct it.");
    return found->get<bool>();
}

}  // namespace testudo::server
