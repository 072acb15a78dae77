// testudo import, testudo dataset hear
#include <ATen/Context.h>

#include <iostream>

#include "cli/flags.h"
#include "cli/verbs.h"
#include "core/error.h"
#include "core/strings.h"
#include "dataset/edit.h"
#include "dataset/hear_segment.h"
#include "dataset/whisper_backend.h"
#include "studio/import_folder.h"
#include "studio/pull.h"

namespace testudo::cli {

void add_import_verb(CLI::App& app, Context& context) {
    struct Options {
        std::string folder, how = "copy";
    };
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand(
        "import", "Take over voices/, training/ and models/ of a folder of ai-voice-cloning");
    verb->add_option("FOLDER", options->folder, "The folder; nothing in it is changed")->required();
    verb->add_option("--how", options->how, "copy, or link: a second name of each file, which takes no room")
        ->check(CLI::IsMember({"copy", "link"}))
        ->capture_default_str();
    verb->footer(
        "What the workspace has already is kept. Run it again to go on after Ctrl-C.\n"
        "Example:\n  testudo --workspace studio import ~/ai-voice-cloning --how link");
    verb->callback([&context, options] {
        context.action = [&context, options] {
            const Json result = run_job(context, [&](Events& events) {
                return studio::import_folder(
                    context.open(), options->folder,
                    options->how == "link" ? studio::ImportHow::link : studio::ImportHow::copy, events);
            });
            if (!context.json)
                std::cout << result["files"] << " files (" << human_bytes(result["bytes"].get<double>())
                          << "), " << result["linked"] << " of them linked; " << result["kept"]
                          << " were there already, " << result["skipped"] << " were skipped\n";
            return exit_code(result);
        };
    });
}

void add_hear_verb(CLI::App& dataset, Context& context) {
    struct Options {
        std::string voice, segment;
        dataset::DatasetSettings settings;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* verb = add_verb_below_dataset(
        dataset, context, "hear", "Transcribe one segment again, to compare; changes nothing",
        [&context, options] {
            const auto name = dataset::segment_name(options->segment);
            if (!name)
                throw usage_error(cat("\"", printable(options->segment), "\" is no segment"),
                                  "Give RECORDING:ID as `dataset show` has it.");
            check_settings(options->settings);
            const studio::Workspace workspace = context.open();
            const Json result = run_job(context, [&](Events& events) {
                const auto hearing = dataset::whisper_transcribers(workspace.root(), options->settings,
                                                                   events, at::hasCUDA() ? "cuda" : "cpu",
                                                                   studio::model_fetcher(workspace, events));
                return dataset::hear_segment(workspace.root(), options->voice, name->recording, name->id,
                                             options->settings, hearing.transcribe);
            });
            if (!context.json) std::cout << printable(trim(result.value("text", ""))) << "\n";
            return exit_code(result);
        });
    verb->add_option("VOICE", options->voice, "Folder below training/")->required();
    verb->add_option("SEGMENT", options->segment, "RECORDING:ID, as `dataset show` has it")->required();
    add_flags(*verb, options->settings);
    verb->footer("Example:\n  testudo dataset hear ada talk.wav:3 --whisper-model small");
}

}  // namespace testudo::cli
