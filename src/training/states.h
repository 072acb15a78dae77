#pragma once
// The resume states of a voice that a user may choose from: those of its run and of earlier, archived runs.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "training/run_paths.h"

namespace testudo::training {

struct StateEntry {
    fs::path file, model;  // the model that belongs to it, there or not
    std::string run;       // "finetune", "finetune_archived_…"
    bool archived = false;
    std::int64_t iteration = 0;             // of the file's name
    std::optional<std::int64_t> epoch;      // epochs finished; nothing when the file cannot be read
    std::optional<double> validation_loss;  // total, of these very weights; nothing when not validated
    bool best = false;               // of its run, among those validated on the same as the newest of them
    double time = 0;                 // of the last change, seconds since 1970
    double bytes = 0;                // of state, model, average and adapters
    std::int64_t adapters_rank = 0;  // of a training of adapters; else 0
    std::string problem;             // why it cannot be resumed from; empty: it is complete
    bool complete() const { return problem.empty(); }
};

// Newest first: those of the run by iteration, then the archived runs'. Damaged files are entries with a
// problem, never an error.
std::vector<StateEntry> list_states(const fs::path& workspace, const std::string& voice);
// [{file, model, run, archived, iteration, epoch, validation_loss, best, time, bytes, lora_rank, complete,
//   problem?}]
Json to_json(const std::vector<StateEntry>& states);

// The newest complete state of the run. Error(input) when there is none, naming the newest archived one.
fs::path latest_state(const fs::path& workspace, const std::string& voice);

}  // namespace testudo::training
