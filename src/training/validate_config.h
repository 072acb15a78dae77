#pragma once
// Will a run work? Everything that a configuration needs is looked at before it starts, nothing is trained
// or moved.
#include <filesystem>
#include <string>

#include "core/events.h"
#include "core/json.h"

namespace testudo::training {

struct ValidateOptions {
    std::string voice = {};  // a problem when the configuration is of another; empty: any
    std::string device = "auto";
    bool measure = true;  // run steps of the longest batch to know the memory
};

// {voice, yaml, verdict: "go"|"caution"|"no-go", exit_code: 0|3|4, findings: [{name, level: "ok"|
// "suggestion"|"problem", value, remedy?, kind?: "input"|"environment"}], suggestions: [{key, from, to,
// reason}], command?, numbers: {lines, validation_lines, iterations_per_epoch, start, iterations,
// checkpoints, checkpoint_bytes, disk_bytes, disk_free_bytes, memory_bytes, memory_available_bytes,
// memory_measured, …}}. no-go: a finding is a problem; caution: there is a suggestion. What is wrong with a
// run is a finding, never an error; only Error(interrupted) and defects are thrown.
Json validate_configuration(const std::filesystem::path& workspace, const std::filesystem::path& yaml,
                            const ValidateOptions& options, Events& events);

}  // namespace testudo::training
