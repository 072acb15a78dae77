#include "training/states.h"

#include <sys/stat.h>

#include <algorithm>

#include "core/error.h"
#include "core/file_size.h"
#include "core/files.h"
#include "core/strings.h"
#include "tensors/pickle.h"
#include "training/checkpoint.h"

namespace testudo::training {

namespace {

double time_of(const fs::path& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? static_cast<double>(status.st_mtime) : 0;
}

StateEntry entry_of(const RunPaths& paths, std::int64_t iteration, std::string& validated_on) {
    StateEntry entry;
    entry.file = paths.state(iteration);
    entry.model = paths.model(iteration);
    entry.run = paths.finetune.filename().string();
    entry.iteration = iteration;
    entry.time = time_of(entry.file);
    entry.bytes = size_of(entry.file) + size_of(entry.model) + size_of(paths.ema_model(iteration)) +
                  size_of(paths.adapters(iteration)) + size_of(paths.half_model(iteration));
    try {
        const auto saved = read_state(entry.file, tensors::Check::structure);
        entry.epoch = saved.epoch;
        if (saved.own && saved.own->validation_loss) {
            entry.validation_loss = saved.own->validation_loss;
            validated_on = saved.own->validated_on;
        }
        if (saved.own && saved.own->adapters) entry.adapters_rank = saved.own->adapters->rank;
        check_iteration(saved, iteration);
        if (!fs::exists(entry.model))
            entry.problem = cat("its model ", entry.model.filename(), " is not there");
        else
            tensors::read_pickle(entry.model, tensors::Check::structure);
    } catch (const Error& error) {
        entry.problem = error.what();
    }
    return entry;
}

}  // namespace

std::vector<StateEntry> list_states(const fs::path& workspace, const std::string& voice) {
    const RunPaths run = run_paths(workspace, voice);
    std::vector<StateEntry> all;
    for (const RunPaths& paths : all_runs(run)) {
        auto iterations = state_iterations(paths);
        std::reverse(iterations.begin(), iterations.end());
        StateEntry* best = nullptr;
        std::string newest_on;
        const std::size_t first = all.size();
        std::vector<std::string> on(iterations.size());
        for (std::size_t i = 0; i < iterations.size(); ++i) {
            all.push_back(entry_of(paths, iterations[i], on[i]));
            all.back().archived = paths.finetune != run.finetune;
            if (newest_on.empty()) newest_on = on[i];
        }
        for (std::size_t i = 0; i < iterations.size(); ++i) {
            StateEntry& state = all[first + i];
            if (!state.complete() || !state.validation_loss || on[i] != newest_on) continue;
            if (!best || *state.validation_loss <= *best->validation_loss) best = &state;
        }
        if (best) best->best = true;
    }
    return all;
}

Json to_json(const std::vector<StateEntry>& states) {
    Json all = Json::array();
    for (const StateEntry& state : states) {
        Json one = {{"file", to_utf8(state.file.native())},
                    {"model", to_utf8(state.model.native())},
                    {"run", to_utf8(state.run)},
                    {"archived", state.archived},
                    {"iteration", state.iteration},
                    {"epoch", state.epoch ? Json(*state.epoch) : Json()},
                    {"validation_loss", state.validation_loss ? Json(*state.validation_loss) : Json()},
                    {"best", state.best},
                    {"time", state.time},
                    {"bytes", state.bytes},
                    {"lora_rank", state.adapters_rank},
                    {"complete", state.complete()}};
        if (!state.complete()) one["problem"] = to_utf8(state.problem);
        all.push_back(std::move(one));
    }
    return all;
}

fs::path latest_state(const fs::path& workspace, const std::string& voice) {
    const auto all = list_states(workspace, voice);
    const StateEntry* archived = nullptr;
    for (const StateEntry& state : all) {
        if (!state.complete()) continue;
        if (!state.archived) return state.file;
        if (!archived) archived = &state;
    }
    throw input_error(
        cat("resume_state is latest, but ", run_paths(workspace, voice).states, " holds no complete state"),
        archived ? cat("Name the newest of the archived runs, ", archived->file, ", or leave it empty.")
                 : std::string("Leave resume_state empty to start anew."));
}

}  // namespace testudo::training
