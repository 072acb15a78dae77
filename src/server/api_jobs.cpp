// Jobs and their queue. They are processes of their own; here they are only started, stopped and listed.
#include <algorithm>

#include "core/error.h"
#include "core/event_tail.h"
#include "core/strings.h"
#include "server/dataset_settings.h"
#include "server/shared.h"
#include "server/told_events.h"
#include "studio/app_settings.h"
#include "studio/job_tools.h"

namespace testudo::server {

namespace {

bool one_of(const std::string& what, std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return what == name; });
}

bool prepares(const std::string& action) {
    return one_of(action, {"prepare", "transcribe", "diarize", "slice", "dataset"});
}

// The voice's saved settings that are no defaults, under the request's.
Json dataset_values(Shared& shared, const std::string& action, const std::string& voice, const Json& given) {
    const Json saved = settings_to_json(read_dataset_settings(shared, voice)),
               defaults = settings_to_json(dataset::DatasetSettings());
    Json values = Json::object();
    for (const auto& [key, value] : saved.items())
        if (value != defaults[key] &&
            (action != "diarize" || one_of(key, {"speakers", "overwrite_corrections"})))
            values[key] = value;
    if (!given.is_null() && !given.is_object())
        throw usage_error("settings must be an object", "Send {\"settings\": {…}}.");
    if (given.is_object()) values.update(given);
    return values;
}

std::string device_of(Shared& shared, const Json& body) {
    const std::string given = text_of(body, "device", "");
    return given.empty() ? studio::read_app_settings(shared.workspace).device : given;
}

fs::path model_file(const Shared& shared, const std::string& path) {
    const fs::path file = inside_workspace(shared, path);
    if (!is_inside(file, shared.workspace.models()))
        throw usage_error(cat("\"", printable(path), "\" does not lie in models/"),
                          "Name a file below models/.");
    return file;
}

studio::JobRequest request_of(Shared& shared, const Json& body) {
    studio::JobRequest request;
    request.kind = text_of(body, "action");
    request.voice = text_of(body, "voice", "");
    const std::string& action = request.kind;
    if (prepares(action)) {
        request.settings = dataset_values(shared, action, request.voice, value_of(body, "settings"));
    } else if (one_of(action, {"train", "resume", "validate"})) {
        if (const std::string device = device_of(shared, body); device != "auto")
            request.settings["device"] = device;
        if (action == "validate" && body.contains("measure")) request.settings["measure"] = body["measure"];
        if (action != "validate" && body.contains("epochs")) request.settings["epochs"] = body["epochs"];
    } else {
        for (const auto& [key, value] : body.items())
            if (!one_of(key, {"action", "voice", "queue", "settings"})) request.settings[key] = value;
        if (action == "hear") {
            const Json values = dataset_values(shared, action, request.voice, value_of(body, "settings"));
            request.settings.update(values);
        }
        if (action == "merge") {
            for (const char* key : {"a", "b"})
                request.settings[key] = inside_workspace(shared, text_of(body, key)).string();
            request.settings["to"] =
                model_file(shared, cat("models/finetunes/", text_of(body, "to"), ".pth")).string();
        }
        if (action == "tokenizer")
            if (const std::string to = text_of(body, "to", ""); fs::path(to).has_parent_path())
                request.settings["to"] = model_file(shared, to).string();
        if (action == "convert") {
            request.settings["from"] = inside_workspace(shared, text_of(body, "from")).string();
            request.settings["to"] = model_file(shared, text_of(body, "to")).string();
        }
    }
    return request;
}

Json job_json(const Shared& shared, const std::string& id) {
    for (const Json& job : shared.watch.jobs()->jobs)
        if (job.value("id", "") == id) return job;
    throw not_found(cat("there is no job ", printable(id)), "See /api/jobs for those there are.");
}

Response start(Shared& shared, const Request& http) {
    const Json body = json_body(http);
    const studio::JobRequest request = request_of(shared, body);
    const bool queue = flag_of(body, "queue", one_of(request.kind, {"train", "resume"}));
    if (prepares(request.kind) && !queue)
        for (const Json& job : shared.watch.jobs()->jobs)
            if (job.value("voice", "") == request.voice && prepares(job.value("action", "")) &&
                one_of(job.value("state", ""), {"running", "stopping"}))
                throw conflict(
                    cat("job ", job.value("id", ""), " works on ", printable(request.voice), " already"),
                    "Wait for it, or stop it.", job);
    const studio::Job job = queue ? shared.jobs.add(request) : shared.jobs.start(request);
    shared.watch.look_now();
    return json_response(job_json(shared, job.id), 202);
}

// What the queue says of a job that is in another state is a conflict.
template <class Act>
Response act_on(Shared& shared, const Request& request, Act&& act) {
    const std::string& id = request.part("job");
    job_json(shared, id);
    try {
        act(id);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::usage) throw;
        shared.watch.look_now();
        throw conflict(error.what(), error.hint(), job_json(shared, id));
    }
    shared.watch.look_now();
    return json_response(job_json(shared, id), 202);
}

Response stop(Shared& shared, const Request& request) {
    const std::string how = request.length > 0 ? text_of(json_body(request), "how", "graceful") : "graceful";
    if (how != "graceful" && how != "hard") throw usage_error("how must be graceful or hard", "Correct it.");
    return act_on(shared, request, [&](const std::string& id) { shared.jobs.stop(id, how == "hard"); });
}

Response move(Shared& shared, const Request& request) {
    const Json body = json_body(request);
    const auto position = body.find("position");
    if (position == body.end() || !position->is_number_unsigned())
        throw usage_error("position must be a whole number from 0", "0 is the next.");
    act_on(shared, request,
           [&](const std::string& id) { shared.jobs.move(id, position->get<std::size_t>() + 1); });
    return json_response(shared.watch.jobs()->queue);
}

Response remove(Shared& shared, const Request& request) {
    const std::string& id = request.part("job");
    job_json(shared, id);
    try {
        shared.jobs.remove(id);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::usage) throw;
        throw conflict(error.what(), error.hint());
    }
    shared.watch.look_now();
    Response response;
    response.status = 204;
    return response;
}

Response set_queue(Shared& shared, const Request& request) {
    const Json body = json_body(request);
    if (!body.contains("paused")) throw usage_error("paused must be true or false", "Give it.");
    if (flag_of(body, "paused", false))
        shared.jobs.pause(flag_of(body, "now", false));
    else
        shared.jobs.resume();
    shared.watch.look_now();
    return json_response(shared.watch.jobs()->queue);
}

Response events(Shared& shared, const Request& request) {
    const studio::Job job = [&] {
        job_json(shared, request.part("job"));
        return shared.jobs.find(request.part("job"));
    }();
    return json_response(told_events(
        job.events, static_cast<std::uint64_t>(integer_of(request, "after", 0, 0, INT64_MAX)), request));
}

}  // namespace

void add_job_routes(Router& router, Shared& shared) {
    router.add("GET", "/api/jobs", [&shared](const Request&) {
        const auto view = shared.watch.jobs();
        return json_response({{"jobs", view->jobs}, {"queue", view->queue}});
    });
    router.add("POST", "/api/jobs", [&shared](const Request& request) { return start(shared, request); });
    router.add("GET", "/api/jobs/{job}", [&shared](const Request& request) {
        return json_response(job_json(shared, request.part("job")));
    });
    router.add("DELETE", "/api/jobs/{job}",
               [&shared](const Request& request) { return remove(shared, request); });
    router.add("GET", "/api/jobs/{job}/events",
               [&shared](const Request& request) { return events(shared, request); });
    router.add("POST", "/api/jobs/{job}/stop",
               [&shared](const Request& request) { return stop(shared, request); });
    router.add("POST", "/api/jobs/{job}/move",
               [&shared](const Request& request) { return move(shared, request); });
    router.add("POST", "/api/jobs/{job}/again", [&shared](const Request& request) {
        return act_on(shared, request, [&](const std::string& id) { shared.jobs.again(id); });
    });
    router.add("GET", "/api/queue",
               [&shared](const Request&) { return json_response(shared.watch.jobs()->queue); });
    router.add("PUT", "/api/queue", [&shared](const Request& request) { return set_queue(shared, request); });
}

}  // namespace testudo::server
