#include <ATen/ATen.h>

#include <algorithm>
#include <iostream>

#include "cli/flags.h"
#include "cli/verbs.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/all_voices.h"
#include "dataset/diarise_voice.h"
#include "dataset/phonemize.h"
#include "dataset/prepare.h"
#include "dataset/whisper_backend.h"
#include "studio/pull.h"

namespace testudo::cli {

namespace {

struct DatasetVerb {
    std::string voice;
    bool all = false;
    dataset::DatasetSettings settings;
};

// What a job over one voice needs.
struct Work {
    std::filesystem::path root;
    const dataset::DatasetSettings& settings;
    const dataset::Transcribers& hearing;
    Events& events;
};
using Step = std::function<dataset::Report(const Work&, const std::string& voice)>;

// `whole` does one voice; `phases` are done one after the other over all voices.
struct Job {
    Step whole;
    std::vector<Step> phases;
};

dataset::Transcribers transcribers(const studio::Workspace& workspace, const DatasetVerb& verb,
                                   Events& events) {
    return dataset::whisper_transcribers(workspace.root(), verb.settings, events,
                                         at::hasCUDA() ? "cuda" : "cpu",
                                         studio::model_fetcher(workspace, events));
}

dataset::Report transcribe(const Work& work, const std::string& voice) {
    dataset::Report report =
        dataset::transcribe_voice(work.root, voice, work.settings, work.hearing.transcribe, work.events);
    if (dataset::tells_speakers(work.settings) && !report.stopped)
        report.add(dataset::diarise_voice(work.root, voice, work.settings, work.events));
    return report;
}

dataset::Report slice(const Work& work, const std::string& voice) {
    return dataset::slice_voice(work.root, voice, work.settings, work.events);
}

dataset::Report slice_when_asked(const Work& work, const std::string& voice) {
    return work.settings.slice ? slice(work, voice) : dataset::Report();
}

dataset::Report list(const Work& work, const std::string& voice) {
    return dataset::list_voice(work.root, voice, work.settings, work.events,
                               dataset::phonemizer(work.root, voice, work.settings), work.hearing.check);
}

dataset::Report prepare(const Work& work, const std::string& voice) {
    return dataset::prepare_voice(work.root, voice, work.settings, work.hearing.transcribe, work.events,
                                  dataset::phonemizer(work.root, voice, work.settings), work.hearing.check);
}

void print_report(const std::string& voice, const dataset::Report& report) {
    const auto cut =
        std::count_if(report.cuts.begin(), report.cuts.end(), [](const auto& c) { return c.error.empty(); });
    if (!voice.empty()) std::cout << printable(voice) << ": ";
    std::cout << report.files << " recordings, " << report.transcribed << " transcribed now, " << cut
              << " slices cut; " << report.train_lines << " lines to train on, " << report.validation_lines
              << " to validate with, " << report.doubtful() << " doubtful; kept "
              << human_duration(report.seconds_kept) << ", lost " << human_duration(report.seconds_lost())
              << " (" << report.rejected.size() << " rejected)\n";
}

int run_one(const Context& context, const DatasetVerb& verb, const Job& job) {
    const studio::Workspace workspace = context.open();
    dataset::Report report;
    const Json result = run_job(context, [&](Events& events) {
        const dataset::Transcribers hearing = transcribers(workspace, verb, events);
        report = job.whole({workspace.root(), verb.settings, hearing, events}, verb.voice);
        Json summary = dataset::to_json(report);
        summary["stopped"] = report.stopped;
        return summary;
    });
    if (!context.json) print_report({}, report);
    return exit_code(result);
}

int run_all(const Context& context, const DatasetVerb& verb, const Job& job) {
    const studio::Workspace workspace = context.open();
    dataset::AllVoices all;
    const Json result = run_job(context, [&](Events& events) {
        const dataset::Transcribers hearing = transcribers(workspace, verb, events);
        const Work work{workspace.root(), verb.settings, hearing, events};
        std::vector<dataset::Phase> phases;
        for (const Step& step : job.phases)
            phases.push_back([&](const std::string& voice) { return step(work, voice); });
        all = dataset::over_all_voices(dataset::voices_of(workspace.root(), events), phases, events);
        return dataset::to_json(all);
    });
    if (!context.json)
        for (const auto& [voice, report] : all.reports) print_report(voice, report);
    if (all.failed.empty() || all.stopped) return exit_code(result);
    if (!context.json)
        for (const auto& [voice, error] : all.failed)
            std::cout << printable(voice) << ": failed: " << printable(cat(error.what(), ". ", error.hint()))
                      << "\n";
    return static_cast<int>(all.failed.begin()->second.kind());
}

// The verb, its settings and its voice; what it does is chosen when it is the last verb of the command line.
CLI::App* add_verb(CLI::App& app, Context& context, const char* name, const char* help, const char* examples,
                   Job job) {
    CLI::App* verb = app.add_subcommand(name, help);
    const auto options = std::make_shared<DatasetVerb>();
    verb->add_option("VOICE", options->voice, "Folder below voices/");
    verb->add_flag("--all", options->all, "All voices, each step over all of them in turn");
    add_flags(*verb, options->settings);
    verb->footer(examples);
    verb->callback([&context, verb, options, job] {
        if (!verb->get_subcommands().empty()) return;
        if (options->voice.empty() == options->all) {
            context.action = [&context, options, job] {
                check_settings(options->settings);
                return options->all ? run_all(context, *options, job) : run_one(context, *options, job);
            };
            return;
        }
        if (options->all) throw CLI::ExcludesError("VOICE", "--all");
        throw CLI::RequiredError("VOICE");
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
             "its segments\n"
             "  testudo prepare --all                         every voice in voices/",
             {prepare, {transcribe, slice_when_asked, list}});
    add_verb(app, context, "transcribe", "Write training/VOICE/whisper.json and audio/ from voices/VOICE",
             "Examples:\n"
             "  testudo transcribe ada --whisper-model small --language en\n"
             "  testudo transcribe ada --skip-existing        only recordings that whisper.json lacks",
             {transcribe, {transcribe}});
    add_verb(app, context, "slice", "Cut the recordings by the segments of whisper.json",
             "Examples:\n"
             "  testudo slice ada\n"
             "  testudo slice ada --cut-points segment --slice-start-offset -0.1 --slice-end-offset 0.2",
             {slice, {slice}});
    CLI::App* lines = add_verb(
        app, context, "dataset", "Write train.txt and validation.txt from whisper.json",
        "Examples:\n"
        "  testudo dataset ada                           after whisper.json was corrected by hand\n"
        "  testudo dataset ada --validation-audio-length 2\n"
        "  testudo dataset stats ada                     what the dataset consists of\n"
        "A voice that is called like a verb below stands behind two dashes: testudo dataset -- stats",
        {list, {list}});
    lines->require_subcommand(0, 1);
    add_statistics_verb(*lines, context);
    add_curation_verbs(*lines, context);
}

}  // namespace testudo::cli
