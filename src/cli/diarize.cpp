#include <iostream>

#include "cli/flags.h"
#include "cli/verbs.h"
#include "core/files.h"
#include "dataset/diarise_voice.h"

namespace testudo::cli {

void add_diarize_verb(CLI::App& app, Context& context) {
    struct Options {
        std::string voice;
        dataset::DatasetSettings settings;
    };
    CLI::App* verb = app.add_subcommand("diarize", "Write who speaks into the segments of whisper.json");
    const auto options = std::make_shared<Options>();
    verb->add_option("VOICE", options->voice, "Folder below voices/")->required();
    verb->add_option("--speakers", options->settings.speakers, "How many there are; 0: find out")
        ->capture_default_str();
    verb->add_flag("--overwrite-corrections,!--no-overwrite-corrections",
                   options->settings.overwrite_corrections,
                   "Also replace tags in recordings whose entry was corrected by hand");
    verb->footer(
        "Examples:\n"
        "  testudo diarize ada\n"
        "  testudo diarize interview --speakers 2\n"
        "  testudo dataset interview --slice --keep-speaker SPEAKER_01");
    verb->callback([&context, options] {
        context.action = [&context, options] {
            check_settings(options->settings);
            const studio::Workspace workspace = context.open();
            dataset::Report report;
            const Json result = run_job(context, [&](Events& events) {
                report = dataset::diarise_voice(workspace.root(), options->voice, options->settings, events);
                Json summary = dataset::to_json(report);
                summary["stopped"] = report.stopped;
                return summary;
            });
            if (!context.json)
                for (const std::string& finding : report.findings) std::cout << printable(finding) << "\n";
            if (!context.json && report.stopped)
                std::cout << "stopped by Ctrl-C; nothing was changed; begin again with `testudo diarize "
                          << printable(options->voice) << "` and the same settings" << std::endl;
            return exit_code(result);
        };
    });
}

}  // namespace testudo::cli
