#include <ctime>
#include <iostream>
#include <optional>

#include "cli/flags.h"
#include "cli/verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "studio/speak_samples.h"
#include "training/configure.h"
#include "training/import_settings.h"
#include "training/presets.h"
#include "training/run_paths.h"
#include "training/states.h"
#include "training/trainer.h"
#include "training/validate_config.h"

namespace testudo::cli {

namespace {

struct TrainVerb {
    std::string voice, yaml, device = "auto";
    std::optional<std::int64_t> epochs;
    double join_seconds = training::TrainOptions().join_seconds;

    training::TrainOptions options(const Context& context, bool resume) const {
        training::TrainOptions out;
        if (yaml.empty()) out.voice = voice;
        out.resume = resume;
        out.device = device;
        out.epochs = epochs;
        out.speak = studio::speak_samples();
        out.join_seconds = join_seconds;
        out.last_words = [&context](const Error& error) { report(context, error); };
        return out;
    }
};

void print_training(const Json& result) {
    const auto text = [&](const char* key) {
        return result.contains(key) && result[key].is_string() ? result[key].get<std::string>()
                                                               : std::string();
    };
    std::cout << (result.value("stopped", false) ? "Stopped and saved after " : "Finished: ")
              << counted(result.value("iterations", 0), "iteration");
    if (result.contains("seconds")) std::cout << " in " << human_duration(result["seconds"].get<double>());
    std::cout << ".\n";
    if (!text("model").empty()) std::cout << "model: " << text("model") << "\n";
    if (!text("state").empty()) std::cout << "state: " << text("state") << "\n";
    if (result.value("stopped", false))
        std::cout << "Go on with: testudo resume " << result.value("voice", "VOICE") << "\n";
}

void add_training_flags(CLI::App& verb, TrainVerb& options) {
    verb.add_option("--yaml", options.yaml, "Another configuration, e.g. one of the original's");
    verb.add_option("--epochs", options.epochs, "Epochs in all, instead of the configuration's")
        ->check(CLI::Range(std::int64_t{1}, training::most_epochs));
    verb.add_option("--device", options.device, "auto, cpu, cuda, cuda:1")->capture_default_str();
    verb.add_option("--join-seconds", options.join_seconds,
                    "Several devices or machines: how long all ranks have to come")
        ->check(CLI::Range(0.1, 86400.0))
        ->capture_default_str();
}

int train(const Context& context, const TrainVerb& verb, bool resume) {
    const studio::Workspace workspace = context.open();
    const auto paths = training::run_paths(workspace.root(), verb.voice);
    const Json result = run_job(context, [&](Events& events) {
        if (resume && verb.yaml.empty())
            return training::resume_voice(workspace.root(), verb.voice, events, verb.options(context, true));
        return training::train_voice(workspace.root(), verb.yaml.empty() ? paths.yaml : fs::path(verb.yaml),
                                     events, verb.options(context, resume));
    });
    if (!context.json) print_training(result);
    return exit_code(result);
}

struct ConfigureVerb {
    training::TrainingSettings given;
    std::string preset, import_file;
    bool import_latest = false;
};

// Defaults, under what is imported, under the preset, under the flags.
training::TrainingSettings settings_of(const CLI::App& verb, const ConfigureVerb& options,
                                       const fs::path& workspace, Events& events) {
    training::TrainingSettings settings;
    if (!options.import_file.empty()) {
        const auto imported =
            training::import_settings_of(workspace, options.given.voice, options.import_file);
        training::tell(imported, events);
        settings = imported.settings;
    } else if (options.import_latest) {
        settings = training::import_settings(workspace, options.given.voice, events).settings;
    }
    if (!options.preset.empty()) training::apply_preset(settings, options.preset);
    take_given(verb, options.given, settings);
    settings.voice = options.given.voice;
    return settings;
}

void add_configure(CLI::App& app, Context& context) {
    CLI::App* verb =
        app.add_subcommand("configure", "Write training/VOICE/train.yaml (DLAS' form) and train.json");
    const auto options = std::make_shared<ConfigureVerb>();
    verb->add_option("VOICE", options->given.voice, "Folder below training/")->required();
    std::vector<std::string> names;
    std::string about;
    for (const training::Preset& preset : training::presets()) {
        names.push_back(preset.name);
        about += cat(" ", preset.name, ": ", preset.help);
    }
    verb->add_option("--preset", options->preset,
                     cat("Begin with suggested settings; flags beside it win.", about))
        ->check(CLI::IsMember(names));
    verb->add_flag("--import", options->import_latest,
                   "Begin with the settings of the latest training, else of train.yaml or train.json");
    verb->add_option("--import-file", options->import_file,
                     "Begin with the settings of this training YAML (the original's, too) or train.json")
        ->excludes("--import");
    add_flags(*verb, options->given, {"voice"});
    verb->footer(
        "Examples:\n"
        "  testudo configure ada --preset robust\n"
        "  testudo configure ada --preset robust --epochs 100 --batch-size 16\n"
        "  testudo configure ada --import --save-rate 10 --keep-states 3\n"
        "  testudo configure ada --import --resume-state latest --epochs 200\n"
        "  testudo configure ada --learning-rate-scheme CosineAnnealingLR_Restart --learning-rate-restarts "
        "4");
    verb->callback([&context, verb, options] {
        context.action = [&context, verb, options] {
            const Json result = run_job(context, [&](Events& events) {
                const fs::path workspace = context.open().root();
                return training::configure(workspace, settings_of(*verb, *options, workspace, events),
                                           events);
            });
            if (!context.json)
                std::cout << "wrote " << result.value("yaml", "") << "\n"
                          << counted(result.value("lines", 0), "line") << ", "
                          << counted(result.value("iterations_per_epoch", 0), "iteration") << " an epoch, "
                          << result.value("iterations", 0) << " in all\n"
                          << "Check with: testudo validate " << options->given.voice << "\n"
                          << "Start with: testudo train " << options->given.voice << "\n";
            return exit_code(result);
        };
    });
}

std::string loss_text(double loss) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4f", loss);
    return text;
}

std::string date_of(double time) {
    const auto seconds = static_cast<std::time_t>(time);
    std::tm local{};
    char text[32];
    ::localtime_r(&seconds, &local);
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local);
    return text;
}

void add_states(CLI::App& app, Context& context) {
    CLI::App* verb = app.add_subcommand("states", "Resume states of VOICE, newest first");
    const auto voice = std::make_shared<std::string>();
    verb->add_option("VOICE", *voice, "Folder below training/")->required();
    verb->footer(
        "Examples:\n"
        "  testudo states ada\n"
        "  testudo configure ada --resume-state training/ada/finetune/training_state/500.state");
    verb->callback([&context, voice] {
        context.action = [&context, voice] {
            const fs::path workspace = context.open().root();
            const auto states = training::list_states(workspace, *voice);
            if (states.empty() && !fs::is_directory(training::run_paths(workspace, *voice).folder))
                throw input_error(cat("there is no folder training/", printable(*voice)),
                                  "Correct the name, or prepare the voice with `testudo prepare`.");
            print(context, training::to_json(states), [&] {
                std::vector<std::vector<std::string>> rows = {
                    {"ITERATION", "EPOCH", "VALIDATION", "DATE", "SIZE", "COMPLETE", "STATE"}};
                for (const auto& state : states)
                    rows.push_back(
                        {cat(state.iteration), state.epoch ? cat(*state.epoch) : "-",
                         cat(state.validation_loss ? loss_text(*state.validation_loss) : "-",
                             state.best ? " best" : ""),
                         date_of(state.time), human_bytes(state.bytes), state.complete() ? "yes" : "no",
                         cat(state.file.string(), state.adapters_rank > 0
                                                      ? cat(" (adapters of rank ", state.adapters_rank, ")")
                                                      : "")});
                if (states.empty())
                    std::cout << "no states yet: `testudo train` writes them\n";
                else
                    print_rows(rows);
                for (const auto& state : states)
                    if (!state.complete())
                        std::cout << printable(cat(state.file.string(), ": ", state.problem)) << "\n";
            });
            return 0;
        };
    });
}

struct ValidateVerb {
    std::string voice, yaml, device = "auto";
    bool measure = true;
};

void print_validation(const Json& result) {
    std::vector<std::vector<std::string>> rows = {{"CHECK", "LEVEL", "FOUND"}};
    for (const Json& finding : result["findings"])
        rows.push_back({finding.value("name", ""), finding.value("level", ""), finding.value("value", "")});
    print_rows(rows);
    for (const Json& finding : result["findings"])
        if (finding.contains("remedy"))
            std::cout << printable(cat(finding.value("name", ""), ": ", finding.value("remedy", ""))) << "\n";
    for (const Json& suggestion : result["suggestions"])
        std::cout << printable(cat("suggestion: ", suggestion.value("key", ""), " ",
                                   suggestion["from"].dump(), " -> ", suggestion["to"].dump(), ": ",
                                   suggestion.value("reason", "")))
                  << "\n";
    if (result.contains("command"))
        std::cout << "To take the suggestions: " << printable(result.value("command", "")) << "\n";
    std::cout << "verdict: " << result.value("verdict", "") << "\n";
}

void add_validate(CLI::App& app, Context& context) {
    CLI::App* verb =
        app.add_subcommand("validate", "Will the configuration of VOICE work? Suggests better settings");
    const auto options = std::make_shared<ValidateVerb>();
    verb->add_option("VOICE", options->voice, "Folder below training/")->required();
    verb->add_option("--yaml", options->yaml, "Another configuration, e.g. one of the original's");
    verb->add_option("--device", options->device, "auto, cpu, cuda, cuda:1")->capture_default_str();
    verb->add_flag("--measure,!--no-measure", options->measure,
                   "Measure the memory of the longest batch by one step [on]");
    verb->footer(
        "Ends with 0 for go and for caution, with 3 (input) or 4 (disk, memory, device) for no-go.\n"
        "Examples:\n"
        "  testudo validate ada && testudo train ada\n"
        "  testudo validate ada --no-measure --json");
    verb->callback([&context, options] {
        context.action = [&context, options] {
            const Json result = run_job(context, [&](Events& events) {
                const fs::path workspace = context.open().root();
                return training::validate_configuration(
                    workspace,
                    options->yaml.empty() ? training::run_paths(workspace, options->voice).yaml
                                          : fs::path(options->yaml),
                    {.voice = options->yaml.empty() ? options->voice : "",
                     .device = options->device,
                     .measure = options->measure},
                    events);
            });
            if (!context.json) print_validation(result);
            return result.value("exit_code", 0);
        };
    });
}

}  // namespace

void add_training_verbs(CLI::App& app, Context& context) {
    add_configure(app, context);
    add_states(app, context);
    add_validate(app, context);

    CLI::App* train_verb =
        app.add_subcommand("train", "Fine-tune by training/VOICE/train.yaml; Ctrl-C saves and leaves");
    const auto training = std::make_shared<TrainVerb>();
    train_verb->add_option("VOICE", training->voice, "Folder below training/")->required();
    add_training_flags(*train_verb, *training);
    train_verb->footer(
        "An earlier run is moved aside to finetune_archived_<date>, never overwritten.\n"
        "Examples:\n"
        "  testudo train ada\n"
        "  testudo train ada --json | tee log.jsonl\n"
        "  WORLD_SIZE=2 RANK=0 MASTER_ADDR=10.0.0.1 MASTER_PORT=29500 testudo train ada    on the first of "
        "two "
        "machines");
    train_verb->callback([&context, training] {
        context.action = [&context, training] { return train(context, *training, false); };
    });

    CLI::App* resume = app.add_subcommand("resume", "Go on from the newest checkpoint of VOICE");
    const auto resuming = std::make_shared<TrainVerb>();
    resume->add_option("VOICE", resuming->voice, "Folder below training/")->required();
    add_training_flags(*resume, *resuming);
    resume->footer(
        "Examples:\n"
        "  testudo resume ada\n"
        "  testudo resume ada --epochs 100        train on to 100 epochs in all");
    resume->callback([&context, resuming] {
        context.action = [&context, resuming] { return train(context, *resuming, true); };
    });
}

}  // namespace testudo::cli
