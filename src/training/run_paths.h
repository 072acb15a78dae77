#pragma once
// Where the files of a voice's training lie: the original's folders and names.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace testudo::training {

namespace fs = std::filesystem;

struct RunPaths {
    fs::path folder;    // training/<voice>
    fs::path yaml;      // training/<voice>/train.yaml
    fs::path json;      // training/<voice>/train.json, the settings the YAML was made from
    fs::path finetune;  // training/<voice>/finetune
    fs::path models;    // …/models
    fs::path states;    // …/training_state
    fs::path samples;   // …/samples
    fs::path events;    // …/events.jsonl
    fs::path origin;    // …/origin.json: where its models come from (tensors/sidecar.h)
    fs::path features;  // training/<voice>/.features: mels and codes, safe to delete

    fs::path model(std::int64_t iteration) const;                       // …/models/<it>_gpt.pth
    fs::path ema_model(std::int64_t iteration) const;                   // …/models/<it>_gpt_ema.pth
    fs::path half_model(std::int64_t iteration) const;                  // …/models/<it>_gpt_half.pth
    fs::path adapters(std::int64_t iteration) const;                    // …/models/<it>_lora.safetensors
    fs::path state(std::int64_t iteration) const;                       // …/training_state/<it>.state
    fs::path sample(std::int64_t iteration, std::size_t number) const;  // …/samples/<it>_<number>.wav
};

// Error(usage) for a name that is no plain folder name.
RunPaths run_paths(const fs::path& workspace, const std::string& voice);

// The paths of the run and of those moved aside by archive_run(), the newest of which comes first after it.
std::vector<RunPaths> all_runs(const RunPaths& run);

// The iterations of which the state is there, ascending.
std::vector<std::int64_t> state_iterations(const RunPaths& paths);
// Those of which the model is there, too.
std::vector<std::int64_t> saved_iterations(const RunPaths& paths);

// Moves an existing run (a finetune folder with models or states) aside to finetune_archived_<yymmdd-HHMMSS>;
// returns the new name, or nothing when there was no run.
std::optional<fs::path> archive_run(const RunPaths& paths);

}  // namespace testudo::training
