#include "cli/program.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <new>
#include <optional>

#include "cli/verbs.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/voice_name.h"
#include "training/allocator.h"

namespace testudo::cli {

namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  testudo prepare ada                   recordings in voices/ada become a dataset in training/ada\n"
    "  testudo configure ada --epochs 50     write training/ada/train.yaml\n"
    "  testudo train ada                     fine-tune; Ctrl-C saves and leaves\n"
    "  testudo resume ada                    go on from the newest state\n"
    "  testudo doctor                        is this machine fit?\n"
    "  testudo serve --open                  all of it in the browser\n"
    "Exit codes: 0 done, 1 defect of Testudo, 2 wrong flags or settings, 3 unusable input, 4 disk, network "
    "or\n"
    "permission, 5 training diverged, 130 interrupted.\n"
    "`testudo VERB --help` explains a verb.";

// The first lines of libtorch's messages say what happened; the rest is its call stack.
std::string without_stack(std::string what) {
    for (const char* mark : {"\nException raised from", "\nframe #0"})
        if (const auto at = what.find(mark); at != std::string::npos) what.resize(at);
    return what;
}

// libgomp's threads spin while they wait, by default; where another program uses a core that makes computing
// many times slower. Waking a sleeping one takes long, too, so they look for more to do for a moment first.
// libgomp reads its settings when it is loaded, so verbs that compute for long start once more.
void let_threads_sleep(const CLI::App& app, char** argv) {
    const char* policy = std::getenv("OMP_WAIT_POLICY");
    if (std::getenv("GOMP_SPINCOUNT") || (policy && std::string_view(policy) != "passive")) return;
    for (const char* verb :
         {"prepare", "transcribe", "diarize", "dataset", "validate", "train", "resume", "bench", "demo"})
        if (app.got_subcommand(verb)) {
            ::setenv("OMP_WAIT_POLICY", "passive", 1);
            ::setenv("GOMP_SPINCOUNT", "1000", 1);
            ::setenv("TORCH_CPP_LOG_LEVEL", "ERROR", 0);  // what its network code retries is no news
            ::execv("/proc/self/exe", argv);  // comes back only when it failed: then go on as we are
        }
}

Error out_of_memory() {
    return environment_error("not enough memory", "Use a smaller batch or model, or close other programs.");
}

// Whoever read our output wanted no more of it (`| head`).
bool reader_left() {
    pollfd out{STDOUT_FILENO, 0, 0};
    return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

// Whatever is being handled, as what the user is to be told.
Error error_of_any_voice() {
    try {
        throw;
    } catch (const Error& error) {
        return error;
    } catch (const std::filesystem::filesystem_error& error) {
        return environment_error(cat("cannot use ", error.path1(), ": ", error.code().message()),
                                 "Check that it exists and that your user may read and write it.");
    } catch (const std::exception& error) {
        if (training::is_out_of_memory(error)) return out_of_memory();
        return {ErrorKind::internal, without_stack(error.what()),
                "This is a defect of Testudo: please report it with the command you ran."};
    }
}

Error current_error(const Context& context) {
    const Error error = error_of_any_voice();
    if (context.voice.empty()) return error;
    return {error.kind(), error.what(), dataset::for_voice(error.hint(), context.voice)};
}

// What was given for VOICE of the verb that was chosen.
std::string voice_of(const CLI::App& app) {
    for (const CLI::App* verb : app.get_subcommands())
        if (const std::string below = voice_of(*verb); !below.empty()) return below;
    const CLI::Option* voice = app.get_option_no_throw("VOICE");
    return voice && voice->count() > 0 ? voice->results().front() : std::string();
}

}  // namespace

int report(const Context& context, const Error& error) {
    if (context.json)
        std::cerr << Json{{"error",
                           {{"what", to_utf8(std::string_view(error.what()))},
                            {"hint", error.hint()},
                            {"exit_code", static_cast<int>(error.kind())}}}}
                         .dump()
                  << std::endl;
    else
        std::cerr << "error: " << printable(error.what()) << "\n" << printable(error.hint()) << std::endl;
    return static_cast<int>(error.kind());
}

Json run_job(const Context& context, const std::function<Json(Events&)>& job) {
    training::use_training_allocator();  // before the first large tensor of the job
    ProgressLine line(context.style());
    Events events;
    line.attach(events);
    std::optional<Events> copy;
    if (!context.events.empty()) {
        copy.emplace(context.events);
        events.listen([&copy](const Json& event) { copy->relay(event); });
    }
    const StopOnSignal stop;
    try {
        Json result = job(events);
        events.done(result);
        return result;
    } catch (const std::exception&) {
        const Error error = current_error(context);
        events.failed(error.what(), error.hint(), static_cast<int>(error.kind()));
        throw error;
    }
}

void print(const Context& context, const Json& document, const std::function<void()>& text) {
    if (context.json)
        std::cout << document.dump(2, ' ', false, Json::error_handler_t::replace) << std::endl;
    else
        text();
}

void print_rows(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], count_code_points(row[i]));
    }
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line +=
                row[i] + std::string(i + 1 < row.size() ? widths[i] - count_code_points(row[i]) + 2 : 0, ' ');
        std::cout << printable(line) << "\n";
    }
    std::cout << std::flush;
}

namespace {

int run_verb(Context& context, int argc, char** argv) {
    CLI::App app("Testudo: a voice fine-tuning studio for TorToiSe TTS.", "testudo");
    app.set_version_flag("--version", TESTUDO_VERSION);
    app.add_option(
        "--workspace", context.workspace,
        "Folder that holds voices/ training/ models/ results/ config/ (default: $TESTUDO_WORKSPACE, else "
        "the current folder)");
    app.add_option("--events", context.events, "Append the events of a job to this file, too");
    app.add_flag("--json", context.json, "Print JSON: jobs print each event as a line");
    app.add_flag("--quiet", context.quiet, "Print only warnings, errors and results");
    app.add_flag("--offline", context.offline, "Never use the network (as TESTUDO_OFFLINE=1)");
    app.footer(kExamples);
    app.require_subcommand(1);
    app.fallthrough();  // --json and --workspace may stand behind the verb, too
    add_dataset_verbs(app, context);
    add_diarize_verb(app, context);
    add_training_verbs(app, context);
    add_graphs_verb(app, context);
    add_models_verb(app, context);
    add_tokenizer_verb(app, context);
    add_queue_verb(app, context);
    add_machine_verbs(app, context);
    add_demo_verb(app, context);
    add_import_verb(app, context);
    add_serve_verb(app, context);
    // A reader that leaves (`| head`, a `tee` that Ctrl-C ended) must not take the job along.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        app.parse(argc, argv);
        context.voice = voice_of(app);
        if (context.offline) ::setenv("TESTUDO_OFFLINE", "1", 1);
        let_threads_sleep(app, argv);
        const int code = context.action ? context.action() : 0;
        std::cout.flush();
        if (!std::cout && !reader_left())
            return report(context, environment_error("the output could not be written to the end",
                                                     "Free some space, or write it elsewhere."));
        return code;
    } catch (const CLI::ParseError& error) {
        // Flags are set only when all have been parsed.
        context.json = std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
        if (context.json && error.get_exit_code() != 0)
            return report(context, usage_error(error.what(), "See `testudo --help`."));
        const int code = app.exit(error, std::cout, std::cerr);
        return code == 0 ? 0 : static_cast<int>(ErrorKind::usage);
    }
}

}  // namespace

int run(int argc, char** argv) {
    Context context;
    try {
        return run_verb(context, argc, argv);
    } catch (const std::exception&) {
        return report(context, current_error(context));
    }
}

}  // namespace testudo::cli
