#include "training/presets.h"

#include "core/error.h"
#include "core/strings.h"

namespace testudo::training {

namespace {

const Json robust_values = {{"epochs", 50},
                            {"learning_rate", 1e-4},
                            {"learning_rate_scheme", "MultiStepLR"},
                            {"learning_rate_schedule", {2, 4, 9, 18, 25, 33, 50, 59}},
                            {"learning_rate_gamma", 0.5},
                            {"text_lr_weight", 0.01},
                            {"mel_lr_weight", 1.0}};

Json with(Json values, const Json& changes) {
    values.update(changes);
    return values;
}

}  // namespace

std::span<const Preset> presets() {
    static const std::vector<Preset> all = {
        {"robust", "Robust", "Fast and safe for small and large datasets: 50 epochs from 1e-4, halved early.",
         robust_values},
        // "Longer training at low LRs definitely make the best models": the epochs of the original's default.
        {"accurate", "Accurate", "Ten times the epochs from 1e-5: the best models, given the time.",
         with(robust_values, {{"epochs", 500},
                              {"learning_rate", 1e-5},
                              {"learning_rate_schedule", {2, 4, 9, 18, 25, 33, 50}}})},
        {"new-language", "New language",
         "As robust, with the full weight on the text: to teach another language.",
         with(robust_values, {{"text_lr_weight", 1.0}})}};
    return all;
}

const Preset& find_preset(const std::string& name) {
    std::vector<std::string> names;
    for (const Preset& preset : presets()) {
        if (preset.name == name) return preset;
        names.push_back(preset.name);
    }
    throw usage_error(cat("there is no preset \"", name, "\""), cat("Choose ", join(names, ", "), "."));
}

void apply_preset(TrainingSettings& settings, const std::string& name) {
    const Preset& preset = find_preset(name);
    settings_from_json(settings, preset.values, cat("preset ", preset.name));
}

Json presets_to_json() {
    Json all = Json::array();
    for (const Preset& preset : presets())
        all.push_back({{"name", preset.name},
                       {"label", preset.label},
                       {"help", preset.help},
                       {"values", preset.values}});
    return all;
}

}  // namespace testudo::training
