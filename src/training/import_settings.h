#pragma once
// The settings that a configuration was made from, read back from what a training or `configure` left.
#include <filesystem>

#include "core/events.h"
#include "training/settings.h"

namespace testudo::training {

struct ImportedSettings {
    TrainingSettings settings;
    std::filesystem::path from;
};

// Settings of `voice` from, in this order, the copy of its configuration that the latest training left in
// finetune/, train.yaml, train.json (the original's, too). A file that cannot be read is warned of and the
// next one taken. Error(input) when there is none. A resume state is not taken over: a run is gone on with
// because it is asked for.
ImportedSettings import_settings(const std::filesystem::path& workspace, const std::string& voice,
                                 Events& events);

// Those of one YAML or train.json; relative to the workspace, else to where we are. Its resume state stays.
ImportedSettings import_settings_of(const std::filesystem::path& workspace,
                                    const std::filesystem::path& file);

// The settings of a training YAML (the original's, too). Iterations become epochs by the iterations an epoch
// had when the file was written, where it says so, else by those of the list it names.
TrainingSettings settings_of_yaml(const std::filesystem::path& workspace, const std::filesystem::path& yaml);

}  // namespace testudo::training
