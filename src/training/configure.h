#pragma once
// Settings -> training/<voice>/train.yaml (DLAS' form) and train.json.
#include <filesystem>

#include "core/events.h"
#include "core/json.h"
#include "training/settings.h"
#include "training/yaml_settings.h"

namespace testudo::training {

// Checks settings, lists, source model and tokenizer, adjusts what cannot be (and says so), and writes both
// files. An existing train.yaml keeps the keys that this does not set. Returns {yaml, json, lines,
// validation_lines, batch_size, iterations_per_epoch, iterations, save_every, validate_every, model: {layers,
// model_dim, heads, …}}. Error(usage) for settings out of range, Error(input) for a missing or empty
// train.txt, an unusable model or tokenizer.
Json configure(const std::filesystem::path& workspace, TrainingSettings settings, Events& events);

// The settings of an existing train.json (the original's too); keys that it lacks keep their defaults.
TrainingSettings read_settings(const std::filesystem::path& json);

// The same of its text. Error(input) with line and column for a value that a setting cannot have.
// `leftovers`, if given, gets the keys that are none.
TrainingSettings settings_of_json(const std::string& text, const std::string& where,
                                  std::vector<NotUnderstood>* leftovers = nullptr);

}  // namespace testudo::training
