#include <iostream>
#include <memory>

#include "cli/verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "studio/runs.h"

namespace testudo::cli {

namespace {

struct GraphsVerb {
    std::vector<std::string> sources;
    std::string out, over = "iteration";
    int smooth = 1;
    bool csv = false, tensorboard = false;
};

Json about(const studio::Run& run) {
    std::int64_t steps = 0, validations = 0;
    for (const auto& row : run.metrics.rows()) ++(row.validation ? validations : steps);
    return {{"name", run.name},
            {"steps", steps},
            {"validations", validations},
            {"last_iteration", run.metrics.last_iteration()}};
}

int draw(const Context& context, const GraphsVerb& verb) {
    const studio::Workspace workspace = context.open();
    const auto runs = studio::read_runs(workspace.root(), verb.sources);
    fs::path folder = verb.out;
    if (folder.empty()) {
        folder = "graphs";
        if (runs.size() == 1 && runs.front().name == verb.sources.front()) {
            const fs::path finetune = workspace.training(runs.front().name) / "finetune";
            if (fs::is_directory(finetune)) folder = finetune / "graphs";
        }
    }
    const studio::ChartOptions options{verb.over == "epoch"   ? studio::Axis::epoch
                                       : verb.over == "hours" ? studio::Axis::hours
                                                              : studio::Axis::iteration,
                                       verb.smooth};
    auto files = studio::write_graphs(runs, folder, options);
    if (files.empty() && !verb.csv && !verb.tensorboard)
        throw input_error(cat("there is nothing to draw over ", verb.over),
                          "Draw over iterations: --over iteration.");
    const auto add = [&](const std::vector<fs::path>& more) {
        files.insert(files.end(), more.begin(), more.end());
    };
    if (verb.csv) add(studio::write_csv(runs, folder));
    if (verb.tensorboard) add(studio::write_tensorboard(runs, folder / "tensorboard"));
    Json document = {{"runs", Json::array()}, {"files", Json::array()}};
    for (const auto& run : runs) document["runs"].push_back(about(run));
    for (const auto& file : files) document["files"].push_back(to_utf8(file.native()));
    print(context, document, [&] {
        for (const Json& run : document["runs"])
            std::cout << printable(cat(run["name"].get<std::string>(), ": ", run["steps"], " steps up to ",
                                       "iteration ", run["last_iteration"], ", ", run["validations"],
                                       " validations"))
                      << "\n";
        for (const auto& file : files) std::cout << "wrote " << printable(file.string()) << "\n";
    });
    return 0;
}

}  // namespace

void add_graphs_verb(CLI::App& app, Context& context) {
    CLI::App* verb = app.add_subcommand(
        "graphs", "Draw the losses, learning rate and gradient norm of trainings; export their numbers");
    const auto options = std::make_shared<GraphsVerb>();
    verb->add_option("RUN", options->sources,
                     "Voices, run folders, events.jsonl files, or logs of DLAS; several are compared")
        ->required();
    verb->add_option("--out", options->out,
                     "Folder to write into; default: finetune/graphs of a single voice, else ./graphs");
    verb->add_option("--over", options->over, "What the graphs go over: iteration, epoch, hours")
        ->check(CLI::IsMember(std::vector<std::string>{"iteration", "epoch", "hours"}))
        ->capture_default_str();
    verb->add_option("--smooth", options->smooth, "Draw the mean of the last so many iterations")
        ->check(CLI::Range(1, 1000000))
        ->capture_default_str();
    verb->add_flag("--csv", options->csv, "Also write RUN.csv, for a spreadsheet");
    verb->add_flag("--tensorboard", options->tensorboard, "Also write tensorboard/RUN/ for TensorBoard");
    verb->footer(
        "Examples:\n"
        "  testudo graphs ada\n"
        "  testudo graphs ada bob --over epoch --smooth 20 --out compared\n"
        "  testudo graphs train_ada_230401-101500.log --csv --tensorboard");
    verb->callback(
        [&context, options] { context.action = [&context, options] { return draw(context, *options); }; });
}

}  // namespace testudo::cli
