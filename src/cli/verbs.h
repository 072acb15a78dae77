#pragma once
// What every verb gets, and the verbs. Each add_… declares its subcommand with flags and help; parsing
// chooses the action, which runs after parsing.
#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "cli/progress.h"
#include "core/error.h"
#include "core/events.h"
#include "studio/workspace.h"

namespace testudo::cli {

struct Context {
    std::string workspace, events;
    std::string voice;  // that the verb is about; empty: none or several
    bool json = false, quiet = false, offline = false;
    std::function<int()> action;

    studio::Workspace open() const { return studio::Workspace::open(workspace); }
    ProgressLine::Style style() const {
        return json    ? ProgressLine::Style::json
               : quiet ? ProgressLine::Style::quiet
                       : ProgressLine::Style::text;
    }
};

// Runs `job` with its events drawn; writes the final `done` or `failed` event. Ctrl-C asks the job to stop
// (core/interrupt.h). Returns the job's result; its key "stopped": true means that the user stopped it.
Json run_job(const Context& context, const std::function<Json(Events&)>& job);
inline int exit_code(const Json& result) {
    return result.is_object() && result.value("stopped", false) ? 130 : 0;
}

// Tells the user on standard error; returns the exit code.
int report(const Context& context, const Error& error);

// Prints `document` as JSON when --json was given, else calls `text`.
void print(const Context& context, const Json& document, const std::function<void()>& text);
void print_rows(
    const std::vector<std::vector<std::string>>& rows);  // aligned columns; the first row is the heading

void add_dataset_verbs(CLI::App& app, Context& context);  // transcribe, slice, dataset, prepare
// A verb below `testudo dataset`, where `dataset VOICE` is a verb of its own: what belongs to that one (its
// flags, a voice of its own) is refused beside the verb below. `action` runs after parsing.
CLI::App* add_verb_below_dataset(CLI::App& dataset, Context& context, const char* name, const char* help,
                                 std::function<int()> action);
void add_curation_verbs(CLI::App& dataset, Context& context);   // show, edit, …, undo, import, export
void add_statistics_verb(CLI::App& dataset, Context& context);  // dataset stats

void add_diarize_verb(CLI::App& app, Context& context);    // diarize
void add_training_verbs(CLI::App& app, Context& context);  // configure, states, validate, train, resume
void add_graphs_verb(CLI::App& app, Context& context);     // graphs
void add_models_verb(CLI::App& app, Context& context);     // models list|init|inspect|convert|pull
void add_tokenizer_verb(CLI::App& app, Context& context);  // tokenizer train|show|tokenize|coverage
void add_queue_verb(CLI::App& app, Context& context);      // queue
void add_machine_verbs(CLI::App& app, Context& context);   // doctor, bench
void add_demo_verb(CLI::App& app, Context& context);       // demo
void add_serve_verb(CLI::App& app, Context& context);      // serve
void add_import_verb(CLI::App& app, Context& context);     // import
void add_hear_verb(CLI::App& dataset, Context& context);   // dataset hear

}  // namespace testudo::cli
