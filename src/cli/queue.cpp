#include <algorithm>
#include <ctime>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "studio/run_queue.h"
#include "training/settings.h"

namespace testudo::cli {

namespace {

using studio::Job;
using studio::Jobs;
using studio::JobState;

std::string title(const Job& job) {
    return cat("job ", job.id, ", ", job.request.kind, " ", job.request.voice);
}

struct AddVerb {
    std::string target, kind = "train";
    bool resume = false;
    std::optional<std::int64_t> epochs;
    std::string device;
    std::vector<std::string> settings;

    studio::JobRequest request() const {
        studio::JobRequest out;
        out.kind = resume ? "resume" : kind;
        if (fs::path(target).extension() == ".yaml" || fs::path(target).extension() == ".yml")
            out.yaml = target;
        else
            out.voice = target;
        if (epochs) out.settings["epochs"] = *epochs;
        if (!device.empty()) out.settings["device"] = device;
        for (const std::string& setting : settings) {
            const auto equals = setting.find('=');
            if (equals == std::string::npos)
                throw usage_error(cat("\"", printable(setting), "\" is no KEY=VALUE"),
                                  "Write it so: --set whisper_model=small");
            const std::string value = setting.substr(equals + 1);
            const Json parsed = Json::parse(value, nullptr, false);
            out.settings[setting.substr(0, equals)] = parsed.is_discarded() ? Json(value) : parsed;
        }
        return out;
    }
};

std::string since(double time) {
    const auto seconds = static_cast<std::time_t>(time);
    std::tm local{};
    char text[32];
    ::localtime_r(&seconds, &local);
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local);
    return text;
}

std::string remark(const Job& job) {
    if (job.state == JobState::running && !job.stopping.empty()) return "is being stopped";
    if (studio::is_to_come(job) && job.begun) return "goes on from what it saved";
    return split_lines(job.reason + "\n").front();
}

void print_list(const studio::JobList& list) {
    if (list.jobs.empty()) std::cout << "The queue is empty: testudo queue add VOICE\n";
    std::vector<std::vector<std::string>> rows = {
        {"POSITION", "ID", "JOB", "VOICE", "STATE", "SINCE", "REMARK"}};
    std::size_t position = 0;
    for (const Job& job : list.jobs)
        rows.push_back({studio::is_to_come(job) ? cat(++position) : "-", job.id, job.request.kind,
                        job.request.voice, name_of(job.state),
                        since(job.ended > 0                    ? job.ended
                              : job.state == JobState::running ? job.started
                                                               : job.added),
                        remark(job)});
    if (rows.size() > 1) print_rows(rows);
    if (list.paused) std::cout << "paused: go on with `testudo queue resume`\n";
    if (!list.runner && position > 0) std::cout << "nobody works the queue: testudo queue run\n";
}

int list_queue(const Context& context) {
    const auto list = Jobs(context.open()).list();
    print(context, to_json(list), [&] { print_list(list); });
    return 0;
}

int run_queue(const Context& context) {
    Jobs jobs(context.open());
    ProgressLine line(context.style());
    const StopOnSignal stop;
    const auto say = [&](const std::string& text) {
        if (!context.json) line.draw({{"type", "log"}, {"level", "info"}, {"message", text}});
    };
    studio::RunQueueOptions options;
    options.begins = [&](const Job& job) {
        say(cat(title(job), job.begun && job.events_from > 0 ? " goes on" : ""));
    };
    options.on_event = [&](const Job& job, const Json& event) {
        if (!context.json) return line.draw(event);
        Json with = {{"job", job.id}};
        with.update(event);
        line.draw(with);
    };
    options.ends = [&](const Job& job) {
        if (job.state == JobState::failed && !context.json)
            line.draw({{"type", "log"},
                       {"level", "error"},
                       {"message", cat(title(job), " failed: ", job.reason, ". ", job.hint)}});
        else
            say(cat(title(job), ": ",
                    job.state == JobState::waiting ? "saved, and waits to go on" : name_of(job.state)));
    };
    if (jobs.list().paused) say("the queue is paused: go on with `testudo queue resume` elsewhere");
    const auto outcome = studio::run_queue(jobs, options);
    if (!context.json && !context.quiet)
        std::cout << outcome.done << " done, " << outcome.failed << " failed"
                  << (outcome.interrupted ? "; stopped: go on with `testudo queue run`" : "") << std::endl;
    if (outcome.interrupted) return static_cast<int>(ErrorKind::interrupted);
    return outcome.first_failure;
}

void add_add(CLI::App& queue, Context& context) {
    CLI::App* verb = queue.add_subcommand("add", "Append a job, with the configuration as it is now");
    const auto options = std::make_shared<AddVerb>();
    verb->add_option("VOICE", options->target, "Folder below training/, or a configuration (.yaml)")
        ->required();
    verb->add_option("--epochs", options->epochs, "Epochs in all, instead of the configuration's")
        ->check(CLI::Range(std::int64_t{1}, training::most_epochs));
    verb->add_option("--device", options->device, "auto, cpu, cuda, cuda:1");
    verb->add_flag("--resume", options->resume, "Go on from the newest checkpoint instead of beginning anew");
    verb->add_option("--job", options->kind, "What to do")
        ->capture_default_str()
        ->check(CLI::IsMember(
            {"prepare", "transcribe", "diarize", "slice", "dataset", "validate", "train", "resume"}))
        ->excludes("--resume");
    verb->add_option("--set", options->settings, "KEY=VALUE, a setting of the job; may be given again")
        ->allow_extra_args(false);
    verb->footer(
        "Examples:\n"
        "  testudo queue add ada\n"
        "  testudo queue add ada --epochs 50\n"
        "  testudo queue add other/train.yaml\n"
        "  testudo queue add bob --job prepare --set whisper_model=small --set language=de");
    verb->callback([&context, options] {
        context.action = [&context, options] {
            const Job job = Jobs(context.open()).add(options->request());
            print(context, to_json(job), [&] {
                std::cout << printable(title(job)) << ": waits. Work the queue with: testudo queue run\n";
            });
            return 0;
        };
    });
}

// A verb that changes the queue and says what is so now.
void add_change(CLI::App& queue, Context& context, const char* name, const char* help,
                const std::function<void(CLI::App&)>& flags,
                const std::function<std::string(Jobs&)>& change) {
    CLI::App* verb = queue.add_subcommand(name, help);
    flags(*verb);
    verb->callback([&context, change] {
        context.action = [&context, change] {
            Jobs jobs(context.open());
            const std::string said = change(jobs);
            if (context.json) return list_queue(context);
            std::cout << said << "\n";
            return 0;
        };
    });
}

void add_changes(CLI::App& queue, Context& context) {
    struct Given {
        std::string id;
        std::int64_t position = 1;
        bool now = false;
    };
    const auto given = std::make_shared<Given>();
    const auto id = [given](CLI::App& verb) {
        verb.add_option("ID", given->id, "As `queue list` shows it")->required();
    };
    add_change(queue, context, "remove", "Forget a job that does not run", id, [given](Jobs& jobs) {
        jobs.remove(given->id);
        return cat("job ", given->id, " is removed");
    });
    add_change(
        queue, context, "move", "Give a job that is to come another position; 1: the next",
        [given, id](CLI::App& verb) {
            id(verb);
            verb.add_option("POSITION", given->position, "From 1")->required();
        },
        [given](Jobs& jobs) {
            jobs.move(given->id, static_cast<std::size_t>(std::max<std::int64_t>(0, given->position)));
            return cat("job ", given->id, " is moved");
        });
    add_change(
        queue, context, "stop", "A running job saves and ends; one that is to come will not run",
        [given, id](CLI::App& verb) {
            id(verb);
            verb.add_flag("--now", given->now, "Kill it: what came since its last save is lost");
        },
        [given](Jobs& jobs) {
            jobs.stop(given->id, given->now);
            return cat("job ", given->id, " is told to stop");
        });
    add_change(queue, context, "again", "Let a job that ended wait again, to go on from what it saved", id,
               [given](Jobs& jobs) {
                   jobs.again(given->id);
                   return cat("job ", given->id, " waits");
               });
    add_change(
        queue, context, "pause", "Start no new job",
        [given](CLI::App& verb) {
            verb.add_flag("--now", given->now,
                          "The running one saves, too, and goes on after `queue resume`");
        },
        [given](Jobs& jobs) {
            jobs.pause(given->now);
            return std::string("paused; go on with `testudo queue resume`");
        });
    const auto none = [](CLI::App&) {};
    add_change(queue, context, "resume", "Start jobs again after `queue pause`", none, [](Jobs& jobs) {
        jobs.resume();
        return std::string(jobs.list().runner ? "the queue goes on"
                                              : "the queue goes on with `testudo queue run`");
    });
    add_change(queue, context, "clear", "Forget all jobs that ended", none,
               [](Jobs& jobs) { return cat(jobs.clear(), " removed"); });
}

}  // namespace

void add_queue_verb(CLI::App& app, Context& context) {
    CLI::App* queue = app.add_subcommand("queue", "Several jobs, one after the other");
    queue->require_subcommand(1);
    queue->footer(
        "Examples:\n"
        "  testudo configure ada --preset robust && testudo queue add ada\n"
        "  testudo configure ada --preset accurate && testudo queue add ada\n"
        "  testudo queue run                     Ctrl-C saves; `queue run` goes on\n"
        "  testudo queue list\n"
        "  testudo queue move 3 1\n"
        "  testudo queue pause --now && testudo queue resume");
    add_add(*queue, context);
    CLI::App* list = queue->add_subcommand("list", "Jobs: running, to come, ended");
    list->callback([&context] { context.action = [&context] { return list_queue(context); }; });
    CLI::App* run = queue->add_subcommand("run", "Work the queue until it is empty");
    run->footer(
        "Jobs run in processes of their own: when this one is killed the running job goes on, and the next "
        "`queue run` watches it.\n"
        "Ends with the exit code of the first job that failed, with 130 after Ctrl-C.");
    run->callback([&context] { context.action = [&context] { return run_queue(context); }; });
    add_changes(*queue, context);
}

}  // namespace testudo::cli
