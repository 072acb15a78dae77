#include "studio/models.h"

#include <iostream>

#include "cli/verbs.h"
#include "core/strings.h"
#include "studio/pull.h"

namespace testudo::cli {

namespace {

void list(const Context& context) {
    Json document = Json::array();
    std::vector<std::vector<std::string>> rows = {{"PLACE", "NAME", "KIND", "PARAMETERS", "SIZE", "ORIGIN"}};
    for (const auto& entry : studio::list_models(context.open())) {
        Json item = studio::to_json(entry.what);
        item["name"] = entry.name;
        item["place"] = entry.place;
        if (!entry.voice.empty()) item["voice"] = entry.voice;
        item["path"] = to_utf8(entry.path.native());
        if (!entry.problem.empty()) item["problem"] = entry.problem;
        document.push_back(std::move(item));
        char millions[32];
        std::snprintf(millions, sizeof millions, entry.what.parameters < 1'000'000 ? "%.2f M" : "%.1f M",
                      static_cast<double>(entry.what.parameters) / 1e6);
        rows.push_back({entry.place, entry.voice.empty() ? entry.name : cat(entry.voice, "/", entry.name),
                        studio::name_of(entry.what.kind), entry.what.parameters ? millions : "",
                        human_bytes(static_cast<double>(entry.what.bytes)),
                        entry.problem.empty() ? entry.what.origin : cat("problem: ", entry.problem)});
    }
    print(context, document, [&] {
        if (rows.size() == 1)
            std::cout
                << "No models in " << context.open().models().string()
                << ".\nFetch TorToiSe's with `testudo models pull autoregressive`, or make a random one with "
                   "`testudo models init --size nano`.\n";
        else
            print_rows(rows);
    });
}

void inspect(const Context& context, const std::string& given, bool tensors) {
    const auto found = studio::inspect_model(context.open().find_model(given), tensors::Check::contents);
    print(context, studio::to_json(found, tensors), [&] {
        std::cout << studio::name_of(found.kind) << ", " << found.form << ", " << found.parameters
                  << " parameters, " << human_bytes(static_cast<double>(found.bytes)) << "\n";
        if (!found.origin.empty()) std::cout << "origin: " << printable(found.origin) << "\n";
        for (const auto& [key, value] : found.config.items())
            std::cout << "  " << key << ": " << value.dump() << "\n";
        if (!tensors) return;
        std::vector<std::vector<std::string>> rows = {{"TENSOR", "SHAPE", "TYPE"}};
        for (const auto& tensor : found.tensors)
            rows.push_back({tensor.value("name", ""), tensor.value("shape", Json::array()).dump(),
                            tensor.value("dtype", "")});
        print_rows(rows);
    });
}

void add_merge(CLI::App& models, Context& context) {
    struct Options {
        std::string a, b, to;
        double weight = 0.5;
        bool overwrite = false;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* verb =
        models.add_subcommand("merge", "A model between two finetunes: (1 - weight) A + weight B");
    verb->add_option("A", options->a, "File, or name of a model of the workspace")->required();
    verb->add_option("B", options->b, "Another of the same size and vocabulary")->required();
    verb->add_option("--weight", options->weight, "How much of B, from 0 to 1")->capture_default_str();
    verb->add_option("--to", options->to, "New file, .pth or .safetensors")->required();
    verb->add_flag("--overwrite", options->overwrite, "Replace an existing file");
    verb->footer(
        "Example:\n  testudo models merge ada_500 ada_900 --weight 0.4 --to models/finetunes/ada.pth");
    verb->callback([&context, options] {
        context.action = [&context, options] {
            const studio::Workspace workspace = context.open();
            const Json result = run_job(context, [&](Events& events) {
                studio::merge_models(workspace.find_model(options->a), workspace.find_model(options->b),
                                     options->weight, options->to, options->overwrite, events);
                return Json{{"path", options->to}};
            });
            if (!context.json) std::cout << "wrote " << printable(options->to) << "\n";
            return exit_code(result);
        };
    });
}

}  // namespace

void add_models_verb(CLI::App& app, Context& context) {
    CLI::App* models = app.add_subcommand("models", "List, make, look into, merge, convert and fetch models");
    models->require_subcommand(1);
    models->footer(
        "Examples:\n"
        "  testudo models list\n"
        "  testudo models pull autoregressive dvae whisper-base.en\n"
        "  testudo models init --size nano\n"
        "  testudo models inspect models/tortoise/autoregressive.pth --tensors\n"
        "  testudo models convert training/ada/finetune/models/500_gpt.pth models/finetunes/ada.safetensors\n"
        "  testudo models convert models/whisper/base.en models/whisper/ggml-base.en.bin");

    CLI::App* list_verb =
        models->add_subcommand("list", "Models of the workspace, with kind, size and origin");
    list_verb->callback([&context] {
        context.action = [&context] {
            list(context);
            return 0;
        };
    });

    CLI::App* init =
        models->add_subcommand("init", "Make a randomly initialised base model (it has learnt nothing yet)");
    const auto options = std::make_shared<studio::InitOptions>();
    init->add_option("--size", options->size, "nano, micro, small or full (TorToiSe's own shape)")
        ->capture_default_str();
    init->add_option("--name", options->name, "File name in models/tortoise (default: random-<size>)");
    init->add_option("--seed", options->seed, "Seed of the random numbers")->capture_default_str();
    init->add_option("--text-tokens", options->text_tokens, "Entries of the tokenizer's vocabulary")
        ->capture_default_str();
    init->add_flag("--dvae,!--no-dvae", options->dvae, "Make a DVAE as well [on]");
    init->add_flag("--overwrite", options->overwrite, "Replace existing files");
    init->callback([&context, options] {
        context.action = [&context, options] {
            studio::InitResult made;
            run_job(context, [&](Events& events) {
                made = studio::init_model(context.open(), *options, events);
                return Json{{"model", to_utf8(made.model.native())},
                            {"dvae", to_utf8(made.dvae.native())},
                            {"parameters", made.parameters}};
            });
            return 0;
        };
    });

    CLI::App* inspect_verb =
        models->add_subcommand("inspect", "What a model file holds; nothing in it is executed");
    const auto file = std::make_shared<std::string>();
    const auto tensors = std::make_shared<bool>(false);
    inspect_verb->add_option("FILE", *file, "File, or name of a model of the workspace")->required();
    inspect_verb->add_flag("--tensors", *tensors, "List every tensor");
    inspect_verb->callback([&context, file, tensors] {
        context.action = [&context, file, tensors] {
            inspect(context, *file, *tensors);
            return 0;
        };
    });

    CLI::App* convert = models->add_subcommand(
        "convert",
        "Write a model as .pth or .safetensors, in another precision; Whisper also as .bin "
        "for whisper.cpp");
    const auto from = std::make_shared<std::string>(), to = std::make_shared<std::string>();
    const auto conversion = std::make_shared<studio::ConvertOptions>();
    convert->add_option("FROM", *from, "File, or name of a model of the workspace")->required();
    convert->add_option("TO", *to, "New file; its ending chooses the form: .pth, .pt, .safetensors, .bin")
        ->required();
    convert->add_option("--precision", conversion->precision, "keep, fp32, fp16 or bf16")
        ->capture_default_str();
    convert->add_flag("--strip-buffers,!--no-strip-buffers", conversion->strip_buffers,
                      "Leave out causal masks and other non-parameters [on]");
    convert->add_flag("--overwrite", conversion->overwrite, "Replace an existing file");
    convert->callback([&context, from, to, conversion] {
        context.action = [&context, from, to, conversion] {
            Context quiet = context;
            quiet.quiet = context.quiet || context.json;
            quiet.json = false;  // one document, not the events
            const Json result = run_job(quiet, [&](Events& events) {
                studio::convert_model(context.open().find_model(*from), *to, *conversion);
                events.artifact("model", *to);
                return Json{{"path", *to}};
            });
            print(context, result, [&] { std::cout << "wrote " << printable(*to) << "\n"; });
            return 0;
        };
    });

    add_merge(*models, context);

    CLI::App* pull = models->add_subcommand("pull", "Fetch published models; continues a broken download");
    const auto names = std::make_shared<std::vector<std::string>>();
    const auto from_place = std::make_shared<std::string>();
    const auto force = std::make_shared<bool>(false);
    pull->add_option("NAME", *names, "Models to fetch; without names, lists what there is");
    pull->add_option("--from", *from_place,
                     "Folder or URL that holds the files, instead of the published places (default: "
                     "$TESTUDO_MODELS_FROM)");
    pull->add_flag("--force", *force, "Fetch again what is there");
    pull->callback([&context, names, from_place, force] {
        context.action = [&context, names, from_place, force] {
            const studio::Workspace workspace = context.open();
            const auto sources = studio::model_sources(workspace);
            if (names->empty()) {
                Json document = Json::array();
                std::vector<std::vector<std::string>> rows = {{"NAME", "SIZE", "LICENCE", "WHAT"}};
                for (const auto& source : sources) {
                    Json item{{"name", source.name}, {"target", source.target}};
                    if (source.bytes) item["bytes"] = source.bytes;
                    item["licence"] = source.licence;
                    item["about"] = source.about;
                    document.push_back(std::move(item));
                    rows.push_back({source.name,
                                    source.bytes ? human_bytes(static_cast<double>(source.bytes)) : "",
                                    source.licence, source.about});
                }
                print(context, document, [&] { print_rows(rows); });
                return 0;
            }
            for (const auto& name : *names)
                studio::model_source(sources, name);  // all names are right before anything is fetched
            studio::PullOptions pulling = studio::default_pull_options(workspace);
            if (!from_place->empty()) pulling.from = *from_place;
            pulling.force = *force;
            const Json result = run_job(context, [&](Events& events) {
                Json files = Json::array();
                for (const auto& name : *names)
                    files.push_back(to_utf8(
                        studio::pull_model(workspace, studio::model_source(sources, name), pulling, events)
                            .native()));
                return Json{{"files", files}};
            });
            return exit_code(result);
        };
    });
}

}  // namespace testudo::cli
