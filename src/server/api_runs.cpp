// Trainings: their numbers, checkpoints and samples.
#include <algorithm>

#include "core/error.h"
#include "core/event_tail.h"
#include "core/file_size.h"
#include "core/files.h"
#include "core/strings.h"
#include "server/dataset_settings.h"
#include "server/shared.h"
#include "server/sound_type.h"
#include "server/told_events.h"
#include "studio/app_settings.h"
#include "studio/models.h"
#include "studio/run_series.h"
#include "studio/training_charts.h"
#include "training/read_metrics.h"
#include "training/run_paths.h"

namespace testudo::server {

namespace {

constexpr std::size_t most_compared = 20;

studio::RunEntry run_of(Shared& shared, const std::string& voice, const std::string& name) {
    for (auto& run : studio::runs_of(shared.workspace, voice))
        if (run.run == name) return run;
    throw not_found(cat("there is no run ", printable(name), " of ", printable(voice)),
                    "See /api/runs for those there are.");
}

studio::RunEntry run_of(Shared& shared, const Request& request) {
    return run_of(shared, voice_of(shared, request), request.part("run"));
}

training::RunPaths paths_of(const Shared& shared, const studio::RunEntry& run) {
    auto paths = training::run_paths(shared.workspace.root(), run.voice);
    for (auto& one : training::all_runs(paths))
        if (one.finetune == run.folder) return one;
    return paths;
}

Json checkpoints_json(const Shared& shared, const studio::RunEntry& run) {
    const auto paths = paths_of(shared, run);
    Json out = Json::array();
    std::error_code error;
    // Models without a state count, too: they can be used, if not resumed from.
    std::vector<std::int64_t> iterations;
    for (fs::directory_iterator entry(paths.models, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        const auto ending = name.find("_gpt.pth");
        if (ending == std::string::npos || ending == 0 || ending > 15 || name.size() != ending + 8 ||
            name.substr(0, ending).find_first_not_of("0123456789") != std::string::npos)
            continue;
        iterations.push_back(std::stoll(name.substr(0, ending)));
    }
    std::sort(iterations.begin(), iterations.end());
    for (const std::int64_t iteration : iterations) {
        const fs::path model = paths.model(iteration);
        out.push_back({{"iteration", iteration},
                       {"bytes", size_of(model)},
                       {"changed", studio::change_time(model)},
                       {"ema", fs::exists(paths.ema_model(iteration), error)},
                       {"state", fs::exists(paths.state(iteration), error)},
                       {"model", relative_to(shared, model)}});
    }
    return out;
}

Json run_json(const Shared& shared, const studio::RunEntry& run) {
    bool active = false;
    const std::string name = cat(run.voice, "/", run.run);
    for (const Json& job : shared.watch.jobs()->jobs)
        active = active || (job.value("run", "") == name &&
                            (job.value("state", "") == "running" || job.value("state", "") == "stopping"));
    return {{"voice", run.voice},
            {"run", run.run},
            {"kind", run.log ? "log" : "testudo"},
            {"archived", run.archived},
            {"active", active},
            {"changed", run.changed},
            {"iteration", run.iteration < 0 ? Json() : Json(run.iteration)},
            {"checkpoints", checkpoints_json(shared, run)}};
}

Json runs_json(Shared& shared, const Request& request) {
    const std::string only = request.value("voice").value_or("");
    std::vector<studio::RunEntry> runs;
    for (const std::string& voice : shared.workspace.training_names())
        if (is_utf8(voice) && (only.empty() || only == voice))
            for (auto& run : studio::runs_of(shared.workspace, voice)) runs.push_back(std::move(run));
    std::stable_sort(runs.begin(), runs.end(),
                     [](const auto& a, const auto& b) { return a.changed > b.changed; });
    Json out = Json::array();
    for (const auto& run : runs) out.push_back(run_json(shared, run));
    return out;
}

std::vector<std::string> keys_of(const Request& request) {
    std::vector<std::string> keys;
    for (const auto& key : split(request.value("keys").value_or(""), ','))
        if (!key.empty()) keys.push_back(key);
    return keys;
}

Json metrics_json(const studio::RunEntry& run, const Request& request) {
    const auto points = static_cast<std::size_t>(integer_of(request, "points", 2000, 0, 100000));
    const auto after = static_cast<std::uint64_t>(integer_of(request, "after", 0, 0, INT64_MAX));
    auto series = after > 0 ? studio::series_after(run, after, keys_of(request))
                            : studio::whole_series(run, keys_of(request));
    const bool reset = series.reset;
    if (reset) series = studio::whole_series(run, keys_of(request));
    const auto its = series.steps.find("it");
    const bool thin =
        points > 0 && (after == 0 || reset) && its != series.steps.end() && its->second.size() > points;
    if (thin) {
        series.steps = studio::thinned(series.steps, points);
        series.validation = studio::thinned(series.validation, points);
    }
    Json out = {{"steps", studio::to_json(series.steps)},
                {"validation", studio::to_json(series.validation)},
                {"milestones", std::move(series.milestones)},
                {"next", series.next},
                {"thinned", thin}};
    if (reset) out["reset"] = true;
    return out;
}

Json compare(Shared& shared, const Request& request) {
    Json out = Json::object();
    for (const auto& [name, value] : request.query) {
        if (name != "run") continue;
        const auto slash = value.find('/');
        if (slash == std::string::npos) throw usage_error("a run is named VOICE/RUN", "Give it so.");
        if (out.size() == most_compared)
            throw usage_error(cat("more than ", most_compared, " runs"), "Compare fewer.");
        out[value] = metrics_json(run_of(shared, value.substr(0, slash), value.substr(slash + 1)), request);
    }
    if (out.empty()) throw usage_error("no run is named", "Give ?run=VOICE/RUN.");
    return out;
}

Response graph(Shared& shared, const Request& request) {
    const auto run = run_of(shared, request);
    const auto table = training::read_run_metrics(run.folder);
    Response response;
    response.headers.emplace_back("Cache-Control", "no-store");
    if (choice_of(request, "form", {"csv", "svg"}) == "csv") {
        response.type = "text/csv; charset=utf-8";
        response.body = training::to_csv(table);
        return response;
    }
    const std::string wanted = request.value("name").value_or("loss_total");
    for (const auto& [name, chart] : studio::training_charts({{cat(run.voice, " ", run.run), table}}))
        if (name == wanted) {
            response.type = "image/svg+xml";
            response.body = studio::chart_svg(chart);
            response.headers.emplace_back("Content-Security-Policy", picture_policy);
            return response;
        }
    throw not_found(cat("the run has no graph ", printable(wanted)), "Ask for another.");
}

// samples/<iteration>_<number>.wav; what was said is in the run's events.
Json samples_json(const studio::RunEntry& run) {
    std::map<std::string, Json> told;
    for (const Json& event : read_events(run.events))
        if (text_or(event, "type") == "artifact" && text_or(event, "kind") == "sample")
            told[fs::path(text_or(event, "path")).filename().string()] = event;
    std::map<std::pair<std::int64_t, std::string>, Json> sorted;
    std::error_code error;
    for (fs::directory_iterator entry(run.folder / "samples", error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        const auto bar = name.find('_');
        if (bar == std::string::npos || bar == 0 || bar > 15 ||
            name.substr(0, bar).find_first_not_of("0123456789") != std::string::npos ||
            sound_type(name).empty() || !is_utf8(name))
            continue;
        Json sample = {{"iteration", std::stoll(name.substr(0, bar))},
                       {"file", name},
                       {"bytes", size_of(entry->path())}};
        if (const auto found = told.find(name); found != told.end())
            for (const char* key : {"text", "seconds", "number"})
                if (found->second.contains(key)) sample[key] = found->second[key];
        const std::pair key(sample["iteration"].get<std::int64_t>(), name);
        sorted[key] = std::move(sample);
    }
    Json out = Json::array();
    for (auto& [key, sample] : sorted) out.push_back(std::move(sample));
    return out;
}

Response sample(Shared& shared, const Request& request) {
    const fs::path file = run_of(shared, request).folder / "samples" / request.part("file");
    std::error_code error;
    if (sound_type(file).empty() || !fs::is_regular_file(file, error) ||
        !is_inside(file, shared.workspace.root()))
        throw not_found(cat("there is no sample ", printable(request.part("file"))),
                        "See the samples of the run.");
    return file_response(request, file, sound_type(file));
}

Response use_model(Shared& shared, const Request& request) {
    const auto run = run_of(shared, request);
    const std::string& text = request.part("iteration");
    if (text.size() > 15 || text.find_first_not_of("0123456789") != std::string::npos)
        throw usage_error("an iteration is a whole number", "See the checkpoints of the run.");
    const std::int64_t iteration = std::stoll(text);
    const Json body = request.length > 0 ? json_body(request) : Json::object();
    const auto paths = paths_of(shared, run);
    const fs::path model = flag_of(body, "ema", false) ? paths.ema_model(iteration) : paths.model(iteration);
    std::error_code error;
    if (!fs::is_regular_file(model, error))
        throw not_found(cat("there is no checkpoint ", iteration), "See the checkpoints of the run.");
    const std::string name = text_of(body, "name", cat(run.voice, "_", iteration));
    const bool replace = flag_of(body, "replace", false);
    if (fs::exists(shared.workspace.finetunes() / (name + ".pth"), error) && !replace)
        throw conflict(cat("there is a model ", printable(name), " already"),
                       "Choose another name, or replace it.");
    const fs::path made = studio::use_checkpoint(shared.workspace, model, name, replace);
    if (flag_of(body, "default", false)) {
        auto settings = studio::read_app_settings(shared.workspace);
        settings.source_model = cat("./", relative_to(shared, made));
        studio::write_app_settings(shared.workspace, settings);
    }
    shared.watch.look_now();
    return json_response({{"name", name},
                          {"place", "finetune"},
                          {"path", relative_to(shared, made)},
                          {"bytes", size_of(made)}},
                         201);
}

}  // namespace

void add_run_routes(Router& router, Shared& shared) {
    const std::string run = "/api/runs/{voice}/{run}";
    router.add("GET", "/api/runs",
               [&shared](const Request& request) { return json_response(runs_json(shared, request)); });
    router.add("GET", run, [&shared](const Request& request) {
        return json_response(run_json(shared, run_of(shared, request)));
    });
    router.add("GET", run + "/metrics", [&shared](const Request& request) {
        return json_response(metrics_json(run_of(shared, request), request));
    });
    router.add("GET", run + "/events", [&shared](const Request& request) {
        const auto from = static_cast<std::uint64_t>(integer_of(request, "from", 0, 0, INT64_MAX));
        return json_response(told_events(run_of(shared, request).events, from, request));
    });
    router.add("GET", run + "/graph", [&shared](const Request& request) { return graph(shared, request); });
    router.add("GET", "/api/metrics",
               [&shared](const Request& request) { return json_response(compare(shared, request)); });
    router.add("GET", run + "/samples", [&shared](const Request& request) {
        return json_response(samples_json(run_of(shared, request)));
    });
    router.add("GET", run + "/samples/{file}",
               [&shared](const Request& request) { return sample(shared, request); });
    router.add("POST", run + "/checkpoints/{iteration}/use",
               [&shared](const Request& request) { return use_model(shared, request); });
}

}  // namespace testudo::server
