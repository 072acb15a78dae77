#include "studio/job_commands.h"

#include <algorithm>

#include "core/error.h"
#include "core/event_tail.h"
#include "core/settings.h"
#include "core/strings.h"
#include "dataset/settings.h"
#include "dataset/voice_name.h"
#include "studio/job_flags.h"
#include "studio/job_tools.h"
#include "training/run_paths.h"
#include "training/settings.h"

namespace testudo::studio {

namespace {

struct TrainSettings {
    std::int64_t epochs = 0;
    std::string device = "auto";
    template <class Visitor>
    static void describe(Visitor&& visit) {
        visit(&TrainSettings::epochs,
              Setting{.key = "epochs", .label = "Epochs", .min = 1, .max = training::most_epochs});
        visit(&TrainSettings::device, Setting{.key = "device", .label = "Device"});
    }
};

struct ValidateSettings {
    std::string device = "auto";
    bool measure = true;
    template <class Visitor>
    static void describe(Visitor&& visit) {
        visit(&ValidateSettings::device, Setting{.key = "device", .label = "Device"});
        visit(&ValidateSettings::measure, Setting{.key = "measure", .label = "Measure"});
    }
};

struct DiarizeSettings {
    int speakers = 0;
    bool overwrite_corrections = false;
    template <class Visitor>
    static void describe(Visitor&& visit) {
        visit(&DiarizeSettings::speakers, Setting{.key = "speakers", .label = "Speakers", .min = 0});
        visit(&DiarizeSettings::overwrite_corrections,
              Setting{.key = "overwrite_corrections", .label = "Overwrite corrections"});
    }
};

bool is_step(const Json& event) {
    return has_text(event, "type", "metric") && event.contains("it") && event.contains("time") &&
           !event.contains("mode");
}

}  // namespace

bool has_configuration(const std::string& kind) {
    return kind == "train" || kind == "resume" || kind == "validate";
}

void check_request(const JobRequest& request) {
    if (is_tool(request.kind)) {
        check_tool(request);
        return;
    }
    const std::string& kind = request.kind;
    if (kind == "train" || kind == "resume")
        check_given<TrainSettings>(request.settings, kind);
    else if (kind == "validate")
        check_given<ValidateSettings>(request.settings, kind);
    else if (kind == "diarize")
        check_given<DiarizeSettings>(request.settings, kind);
    else if (kind == "prepare" || kind == "transcribe" || kind == "slice" || kind == "dataset")
        check_given<dataset::DatasetSettings>(request.settings, kind);
    else
        throw usage_error(cat("\"", printable(kind), "\" is no kind of job"),
                          "Choose prepare, transcribe, diarize, slice, dataset, validate, train or resume.");
    if (!request.yaml.empty() && !has_configuration(kind))
        throw usage_error(cat(kind, " takes no configuration"), "Leave it out.");
    if (!request.voice.empty() || request.yaml.empty()) dataset::check_voice_name(request.voice);
}

GoingOn going_on(const Workspace& workspace, const Job& job) {
    if (job.request.kind != "train" || !job.begun) return GoingOn::anew;
    const auto paths = training::run_paths(workspace.root(), job.request.voice);
    const auto saved = training::saved_iterations(paths);
    if (saved.empty()) return GoingOn::anew;
    Json first;
    double total = 0;
    for (const Json& event : EventTail(job.events).next()) {
        if (first.is_null() && is_step(event)) first = event;
        if (has_text(event, "type", "progress") && has_text(event, "stage", "train"))
            total = number_or(event, "total", 0);
    }
    if (first.is_null()) return GoingOn::anew;
    const auto run = EventTail(paths.events).next();
    const bool own = std::any_of(run.begin(), run.end(), [&](const Json& event) {
        return is_step(event) && event.at("it") == first.at("it") && event.at("time") == first.at("time");
    });
    if (!own) return GoingOn::anew;
    return total > 0 && static_cast<double>(saved.back()) >= total ? GoingOn::complete : GoingOn::resume;
}

std::vector<std::string> command_of(const Workspace& workspace, const Job& job, GoingOn from) {
    const std::string& kind = job.request.kind;
    Json settings = job.request.settings;
    // What was heard already is kept.
    if (job.begun && (kind == "prepare" || kind == "transcribe")) settings["skip_existing"] = true;
    std::vector<std::string> arguments = {"--workspace", workspace.root().string(), "--events",
                                          job.events.string(), "--quiet"};
    if (is_tool(kind)) {
        for (std::string& argument : command_of_tool(job.request)) arguments.push_back(std::move(argument));
        return arguments;
    }
    arguments.push_back(from == GoingOn::resume ? "resume" : kind);
    for (const auto& [key, value] : settings.items()) add_flag(arguments, key, value);
    if (has_configuration(kind)) add_flag(arguments, "yaml", (job.folder / "train.yaml").string());
    arguments.insert(arguments.end(), {"--", job.request.voice});
    return arguments;
}

}  // namespace testudo::studio
