#pragma once
// The settings that a configuration was made from, read back from what a training or `configure` left.
#include <filesystem>
#include <string>
#include <vector>

#include "core/events.h"
#include "training/settings.h"
#include "training/yaml_settings.h"

namespace testudo::training {

constexpr std::size_t longest_import = 256 << 10;  // bytes; a configuration has some 5000

struct ImportedSettings {
    TrainingSettings settings;
    std::filesystem::path from = {};
    std::vector<NotUnderstood> not_understood = {};
    std::vector<std::string> remarks = {};  // of what was understood: files that are not here, …
};

// Settings of `voice` from, in this order, the copy of its configuration that the latest training left in
// finetune/, train.yaml, train.json (the original's, too). A file that cannot be read is warned of and the
// next one taken. Error(input) when there is none. A resume state is not taken over: a run is gone on with
// because it is asked for.
ImportedSettings import_settings(const std::filesystem::path& workspace, const std::string& voice,
                                 Events& events);

// Those of one YAML or train.json; relative to the workspace, else to where we are. Its resume state stays.
// Iterations that do not say how many an epoch has are divided by the lines of the list that the file names,
// where that lies in the workspace, else by those of `voice`.
ImportedSettings import_settings_of(const std::filesystem::path& workspace, const std::string& voice,
                                    const std::filesystem::path& file);

// Warnings of what was not understood, and the remarks.
void tell(const ImportedSettings& imported, Events& events);

// The same of a text that came from anywhere. Error(input) with its line for a value that cannot be taken.
ImportedSettings import_settings_text(const std::filesystem::path& workspace, const std::string& voice,
                                      const std::string& text, const std::string& name);

// The settings of a training YAML (the original's, too). Iterations become epochs by the iterations an epoch
// had when the file was written, where it says so, else by those of the list it names. Error(input) for what
// could not be trained by.
TrainingSettings settings_of_yaml(const std::filesystem::path& workspace, const std::filesystem::path& yaml);

}  // namespace testudo::training
