#include <ATen/ATen.h>

#include <algorithm>
#include <iostream>

#include "cli/flags.h"
#include "cli/verbs.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/prepare.h"
#include "dataset/whisper_backend.h"

namespace testudo::cli {

namespace {

struct DatasetVerb {
    std::string voice;
    dataset::DatasetSettings settings;
};

using Job = std::function<dataset::Report(const studio::Workspace&, const DatasetVerb&, Events&)>;

dataset::Transcribe transcriber(const studio::Workspace& workspace, const DatasetVerb& verb, Events& events) {
    return dataset::whisper_transcriber(workspace.root(), verb.settings, events,
                                        at::hasCUDA() ? "cuda" : "cpu");
}

void print_report(const dataset::Report& report) {
    const auto cut =
        std::count_if(report.cuts.begin(), report.cuts.end(), [](const auto& c) { return c.error.empty(); });
    std::cout << report.files << " recordings, " << report.transcribed << " transcribed now, " << cut
              << " slices cut; " << report.train_lines << " lines to train on, " << report.validation_lines
              << " to validate with; kept " << human_duration(report.seconds_kept) << ", lost "
              << human_duration(report.seconds_lost()) << " (" << report.rejected.size() << " rejected)\n";
}

// The verb, its settings and its voice; what it does is chosen when it is the last verb of the command line.
CLI::App* add_verb(CLI::App& app, Context& context, const char* name, const char* help, const char* examples,
                   Job job) {
    CLI::App* verb = app.add_subcommand(name, help);
    const auto options = std::make_shared<DatasetVerb>();
    verb->add_option("VOICE", options->voice, "Folder below voices/");
    add_flags(*verb, options->settings);
    verb->footer(examples);
    verb->callback([&context, verb, options, job] {
        if (!verb->get_subcommands().empty()) return;
        if (options->voice.empty()) throw CLI::RequiredError("VOICE");
        context.action = [&context, options, job] {
            check_settings(options->settings);
            const studio::Workspace workspace = context.open();
            dataset::Report report;
            const Json result = run_job(context, [&](Events& events) {
                report = job(workspace, *options, events);
                Json summary = dataset::to_json(report);
                summary["stopped"] = report.stopped;
                return summary;
            });
            if (!context.json) print_report(report);
            return exit_code(result);
        };
    });
    return verb;
}

}  // namespace

CLI::App* add_verb_below_dataset(CLI::App& dataset, Context& context, const char* name, const char* help,
                                 std::function<int()> action) {
    CLI::App* verb = dataset.add_subcommand(name, help);
    verb->callback([&context, &dataset, verb, action] {
        for (const CLI::Option* option : dataset.get_options())
            if (option->count() > 0)
                throw CLI::ExtrasError(cat("`dataset ", verb->get_name(), "`"), {option->get_name(true)});
        context.action = action;
    });
    return verb;
}

void add_dataset_verbs(CLI::App& app, Context& context) {
    add_verb(app, context, "prepare", "Recordings to dataset: transcribe, slice where needed, list the lines",
             "Examples:\n"
             "  testudo prepare ada\n"
             "  testudo prepare ada --language \"\" --slice     detect the language; cut every recording by "
             "its segments",
             [](const auto& workspace, const DatasetVerb& verb, Events& events) {
                 return dataset::prepare_voice(workspace.root(), verb.voice, verb.settings,
                                               transcriber(workspace, verb, events), events);
             });
    add_verb(app, context, "transcribe", "Write training/VOICE/whisper.json and audio/ from voices/VOICE",
             "Examples:\n"
             "  testudo transcribe ada --whisper-model small --language en\n"
             "  testudo transcribe ada --skip-existing        only recordings that whisper.json lacks",
             [](const auto& workspace, const DatasetVerb& verb, Events& events) {
                 return dataset::transcribe_voice(workspace.root(), verb.voice, verb.settings,
                                                  transcriber(workspace, verb, events), events);
             });
    add_verb(app, context, "slice", "Cut the recordings by the segments of whisper.json",
             "Examples:\n"
             "  testudo slice ada --slice-start-offset -0.1 --slice-end-offset 0.2",
             [](const auto& workspace, const DatasetVerb& verb, Events& events) {
                 return dataset::slice_voice(workspace.root(), verb.voice, verb.settings, events);
             });
    // The verbs below `dataset` are added to this one.
    CLI::App* lines = add_verb(
        app, context, "dataset", "Write train.txt and validation.txt from whisper.json",
        "Examples:\n"
        "  testudo dataset ada                           after whisper.json was corrected by hand\n"
        "  testudo dataset ada --validation-audio-length 2\n"
        "A voice that is called like a verb below stands behind two dashes: testudo dataset -- stats",
        [](const auto& workspace, const DatasetVerb& verb, Events& events) {
            return dataset::list_voice(workspace.root(), verb.voice, verb.settings, events);
        });
    lines->require_subcommand(0, 1);
}

}  // namespace testudo::cli
