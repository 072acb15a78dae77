#pragma once
// Named sets of settings: the suggestions of the original's manual. Declared once; flags, help and pages
// list them from here.
#include <span>
#include <string>

#include "core/json.h"
#include "training/settings.h"

namespace testudo::training {

struct Preset {
    std::string name, label, help;
    Json values;  // keys of TrainingSettings; the others keep what they are
};

std::span<const Preset> presets();
// Error(usage) naming the presets there are.
const Preset& find_preset(const std::string& name);
void apply_preset(TrainingSettings& settings, const std::string& name);
// [{name, label, help, values}]
Json presets_to_json();

}  // namespace testudo::training
