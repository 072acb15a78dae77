#pragma once
// Which key of a training YAML becomes which setting: one table for every way in.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "training/settings.h"
#include "training/yaml_reader.h"

namespace testudo::training {

// What a file says that becomes no setting.
struct NotUnderstood {
    std::string key;  // "train.warmup_iter"
    std::int64_t line = 0;
    std::string why;
};

constexpr std::size_t most_not_understood = 100;  // more are not told

// What iterations are to be divided by; nothing when it cannot be known.
using PerEpoch = std::optional<double>;

// Iterations of an epoch as the file itself tells them, by the epochs it was written with.
PerEpoch told_per_epoch(const YamlReader& yaml);

// `yaml` as settings. Error(input) at its line for a value of a wrong type.
TrainingSettings settings_in(const YamlReader& yaml, const std::filesystem::path& workspace,
                             PerEpoch per_epoch);

// Error(input) at its line for a value that the setting cannot have, or where nothing in the file is known.
void check_settings_in(const YamlReader& yaml, const TrainingSettings& settings);

// Keys that become no setting and are not what `configure` writes of itself.
std::vector<NotUnderstood> not_understood_in(const YamlReader& yaml, PerEpoch per_epoch);

}  // namespace testudo::training
