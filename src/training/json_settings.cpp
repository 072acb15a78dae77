// train.json -> settings (training/configure.h).
#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "core/json_text.h"
#include "core/strings.h"
#include "training/configure.h"

namespace testudo::training {

namespace {

// What else both programs keep in the file: worked out anew by `configure`, or of other pages.
constexpr const char* kept_beside[] = {"dataset_path", "iterations"};

// The original names its schemes by their labels, keeps the schedule as a text, and earlier versions kept
// checkpointing as a truth value.
void translate(const std::string& key, Json& value, const std::string& where) {
    if (key == "learning_rate_scheme") {
        if (value == "Multistep") value = "MultiStepLR";
        if (value == "Cos. Annealing") value = "CosineAnnealingLR_Restart";
    }
    if (key == "checkpointing" && value.is_boolean()) value = value.get<bool>() ? "on" : "off";
    if (key == "learning_rate_schedule" && value.is_string())
        value = parse_json(value.get<std::string>(), cat(where, ": ", key));
}

}  // namespace

TrainingSettings settings_of_json(const std::string& text, const std::string& where,
                                  std::vector<NotUnderstood>* leftovers) {
    const Json values = parse_json(text, where);
    if (!values.is_object())
        throw input_error(cat(where, " holds no settings"), "Write them again with `testudo configure`.");
    TrainingSettings settings;
    bool any = false;
    for (const auto& [key, given] : values.items()) {
        const auto place = [&text, name = key] { return place_in_json(text, {name}); };
        bool known = false;
        if (given.is_null()) continue;  // the original's "none"
        Json value = given;
        translate(key, value, where);
        for_each_setting(settings, [&, name = key](auto& member, const Setting& setting) {
            if (setting.key != name) return;
            known = any = true;
            try {
                settings_detail::from_json_value(value, member, name);
                if constexpr (std::is_same_v<std::decay_t<decltype(member)>, std::string>)
                    settings_detail::resolve_alias(member, setting);
                if (leftovers) settings_detail::check_value(member, setting);
            } catch (const Error& error) {
                throw input_error(cat(where, ", ", place(), ": ", error.what()), error.hint());
            }
        });
        if (!known && leftovers && leftovers->size() < most_not_understood &&
            std::find(std::begin(kept_beside), std::end(kept_beside), key) == std::end(kept_beside))
            leftovers->push_back(
                {printable(key.substr(0, 60)), std::atoll(place().c_str() + sizeof "line"), "is not known"});
    }
    if (!any && leftovers)
        throw input_error(cat(where, " holds no training configuration"),
                          "Choose a training YAML of DLAS or of Testudo, or a train.json.");
    return settings;
}

TrainingSettings read_settings(const std::filesystem::path& json) {
    return settings_of_json(read_file(json), to_utf8(json.native()));
}

}  // namespace testudo::training
