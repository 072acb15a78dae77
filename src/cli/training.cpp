#include <iostream>
#include <optional>

#include "cli/flags.h"
#include "cli/verbs.h"
#include "core/files.h"
#include "core/strings.h"
#include "training/configure.h"
#include "training/run_paths.h"
#include "training/trainer.h"

namespace testudo::cli {

namespace {

struct TrainVerb {
    std::string voice, yaml, device = "auto";
    std::optional<std::int64_t> epochs;

    training::TrainOptions options(bool resume) const {
        training::TrainOptions out;
        if (yaml.empty()) out.voice = voice;
        out.resume = resume;
        out.device = device;
        out.epochs = epochs;
        return out;
    }
};

void print_training(const Json& result) {
    const auto text = [&](const char* key) {
        return result.contains(key) && result[key].is_string() ? result[key].get<std::string>()
                                                               : std::string();
    };
    std::cout << (result.value("stopped", false) ? "Stopped and saved after " : "Finished: ")
              << result.value("iterations", 0) << " iterations";
    if (result.contains("seconds")) std::cout << " in " << human_duration(result["seconds"].get<double>());
    std::cout << ".\n";
    if (!text("model").empty()) std::cout << "model: " << text("model") << "\n";
    if (!text("state").empty()) std::cout << "state: " << text("state") << "\n";
    if (result.value("stopped", false))
        std::cout << "Go on with: testudo resume " << result.value("voice", "VOICE") << "\n";
}

void add_training_flags(CLI::App& verb, TrainVerb& options) {
    verb.add_option("--epochs", options.epochs, "Epochs in all, instead of the configuration's");
    verb.add_option("--device", options.device, "auto, cpu, cuda, cuda:1")->capture_default_str();
}

int train(const Context& context, const TrainVerb& verb, bool resume) {
    const studio::Workspace workspace = context.open();
    const auto paths = training::run_paths(workspace.root(), verb.voice);
    const Json result = run_job(context, [&](Events& events) {
        return resume ? training::resume_voice(workspace.root(), verb.voice, events, verb.options(true))
                      : training::train_voice(workspace.root(),
                                              verb.yaml.empty() ? paths.yaml : fs::path(verb.yaml), events,
                                              verb.options(false));
    });
    if (!context.json) print_training(result);
    return exit_code(result);
}

}  // namespace

void add_training_verbs(CLI::App& app, Context& context) {
    CLI::App* configure =
        app.add_subcommand("configure", "Write training/VOICE/train.yaml (DLAS' form) and train.json");
    const auto settings = std::make_shared<training::TrainingSettings>();
    configure->add_option("VOICE", settings->voice, "Folder below training/")->required();
    add_flags(*configure, *settings, {"voice"});
    configure->footer(
        "Examples:\n"
        "  testudo configure ada --epochs 50 --learning-rate 1e-4 --learning-rate-schedule 2 4 9 18 25 33 50 "
        "59\n"
        "  testudo configure ada --batch-size 16 --gradient-accumulation-size 2 --save-rate 10 --keep-states "
        "3\n"
        "  testudo configure ada --learning-rate-scheme CosineAnnealingLR_Restart --learning-rate-restarts "
        "4");
    configure->callback([&context, settings] {
        context.action = [&context, settings] {
            const Json result = run_job(context, [&](Events& events) {
                return training::configure(context.open().root(), *settings, events);
            });
            if (!context.json)
                std::cout << "wrote " << result.value("yaml", "") << "\n"
                          << result.value("lines", 0) << " lines, " << result.value("iterations_per_epoch", 0)
                          << " iterations an epoch, " << result.value("iterations", 0) << " in all\n"
                          << "Start with: testudo train " << settings->voice << "\n";
            return exit_code(result);
        };
    });

    CLI::App* train_verb =
        app.add_subcommand("train", "Fine-tune by training/VOICE/train.yaml; Ctrl-C saves and leaves");
    const auto training = std::make_shared<TrainVerb>();
    train_verb->add_option("VOICE", training->voice, "Folder below training/")->required();
    train_verb->add_option("--yaml", training->yaml, "Another configuration, e.g. one of the original's");
    add_training_flags(*train_verb, *training);
    train_verb->footer(
        "An earlier run is moved aside to finetune_archived_<date>, never overwritten.\n"
        "Examples:\n"
        "  testudo train ada\n"
        "  testudo train ada --json | tee log.jsonl");
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
