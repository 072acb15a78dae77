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
    std::string (*summary)(const dataset::Report&);
    const char* kept;   // what of its work remains after Ctrl-C
    const char* go_on;  // the flags with which it goes on from there
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

std::size_t cut_slices(const dataset::Report& report) {
    return static_cast<std::size_t>(
        std::count_if(report.cuts.begin(), report.cuts.end(), [](const auto& c) { return c.error.empty(); }));
}

std::string recordings_of(const dataset::Report& report) {
    return dataset::counted(static_cast<std::size_t>(report.files), "recording", "recordings");
}

std::string left_out(const dataset::Report& report) {
    if (report.rejected.empty()) return {};
    return cat("; left out ", report.rejected.size(), " (", human_duration(report.seconds_lost()), ")");
}

std::string heard(const dataset::Report& report) {
    return cat(recordings_of(report), ", ", report.transcribed, " transcribed now", left_out(report));
}

std::string sliced(const dataset::Report& report) {
    return cat(dataset::counted(cut_slices(report), "slice", "slices"), " cut", left_out(report));
}

std::string listed(const dataset::Report& report) {
    return cat(dataset::counted(static_cast<std::size_t>(report.train_lines), "line", "lines"),
               " to train on, ", report.validation_lines, " to validate with, ", report.doubtful(),
               " doubtful; kept ", human_duration(report.seconds_kept), ", lost ",
               human_duration(report.seconds_lost()), " (", report.rejected.size(), " rejected)");
}

std::string prepared(const dataset::Report& report) {
    return cat(recordings_of(report), ", ", report.transcribed, " transcribed now, ",
               dataset::counted(cut_slices(report), "slice", "slices"), " cut; ", listed(report));
}

void print_stop(const Job& job, const std::string& verb, const std::string& voice) {
    std::cout << "stopped by Ctrl-C; " << job.kept << "; go on with `testudo " << verb << " "
              << printable(voice) << job.go_on << "` and the same settings" << std::endl;
}

int run_one(const Context& context, const std::string& name, const DatasetVerb& verb, const Job& job) {
    const studio::Workspace workspace = context.open();
    dataset::Report report;
    const Json result = run_job(context, [&](Events& events) {
        const dataset::Transcribers hearing = transcribers(workspace, verb, events);
        report = job.whole({workspace.root(), verb.settings, hearing, events}, verb.voice);
        Json summary = dataset::to_json(report);
        summary["stopped"] = report.stopped;
        return summary;
    });
    if (!context.json) {
        std::cout << job.summary(report) << "\n";
        if (report.stopped) print_stop(job, name, verb.voice);
    }
    return exit_code(result);
}

int run_all(const Context& context, const std::string& name, const DatasetVerb& verb, const Job& job) {
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
        for (const auto& [voice, report] : all.reports)
            std::cout << printable(voice) << ": " << job.summary(report) << "\n";
    if (all.stopped && !context.json) print_stop(job, name, "--all");
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
            context.action = [&context, verb, options, job] {
                check_settings(options->settings);
                const std::string own = verb->get_name();
                return options->all ? run_all(context, own, *options, job)
                                    : run_one(context, own, *options, job);
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
             {prepare,
              {transcribe, slice_when_asked, list},
              prepared,
              "what was transcribed is kept",
              " --skip-existing"});
    add_verb(app, context, "transcribe", "Write training/VOICE/whisper.json and audio/ from voices/VOICE",
             "Examples:\n"
             "  testudo transcribe ada --whisper-model small --language en\n"
             "  testudo transcribe ada --skip-existing        only recordings that whisper.json lacks",
             {transcribe, {transcribe}, heard, "what was transcribed is kept", " --skip-existing"});
    add_verb(app, context, "slice", "Cut the recordings by the segments of whisper.json",
             "Examples:\n"
             "  testudo slice ada\n"
             "  testudo slice ada --cut-points segment --slice-start-offset -0.1 --slice-end-offset 0.2",
             {slice, {slice}, sliced, "the slices cut so far are kept", ""});
    CLI::App* lines = add_verb(
        app, context, "dataset", "Write train.txt and validation.txt from whisper.json",
        "Examples:\n"
        "  testudo dataset ada                           after whisper.json was corrected by hand\n"
        "  testudo dataset ada --validation-audio-length 2\n"
        "  testudo dataset stats ada                     what the dataset consists of\n"
        "A voice that is called like a verb below stands behind two dashes: testudo dataset -- stats",
        {list, {list}, listed, "the lists are as they were", ""});
    lines->require_subcommand(0, 1);
    add_statistics_verb(*lines, context);
    add_curation_verbs(*lines, context);
    add_hear_verb(*lines, context);
}

}  // namespace testudo::cli
