#include "studio/demo.h"

#include <iostream>

#include "cli/flags.h"
#include "cli/verbs.h"
#include "core/strings.h"

namespace testudo::cli {

void add_demo_verb(CLI::App& app, Context& context) {
    CLI::App* demo =
        app.add_subcommand("demo", "The whole job on a folder of recordings, with a small random base model");
    const auto options = std::make_shared<studio::DemoOptions>();
    add_flags(*demo, *options);
    demo->footer(
        "Examples:\n"
        "  testudo --workspace demo demo --recordings recordings/ --whisper tiny.en\n"
        "  ./dev demo            sets everything up and runs this on 36 real sentences");
    demo->callback([&context, options] {
        context.action = [&context, options] {
            check_settings(*options);
            const studio::Workspace workspace = context.open();
            const Json result =
                run_job(context, [&](Events& events) { return run_demo(workspace, *options, events); });
            if (!context.json && exit_code(result) == 0)
                std::cout << "\nDone in " << human_duration(result.value("seconds", 0.0))
                          << ". Everything lies in " << workspace.root().string() << ":\n"
                          << "  report and graphs   " << result.value("report", "") << "\n"
                          << "  listen              " << result.value("results", "") << "/*.wav\n"
                          << "  fine-tuned model    " << result.value("model", "") << "\n"
                          << "  state to resume     " << result.value("state", "") << "\n"
                          << "Next: put recordings of a voice into voices/<name>/ of a workspace, fetch "
                             "TorToiSe's weights\n"
                          << "(testudo models pull autoregressive dvae whisper-base.en), then\n"
                          << "  testudo prepare <name> && testudo configure <name> && testudo train <name>\n";
            return exit_code(result);
        };
    });
}

}  // namespace testudo::cli
