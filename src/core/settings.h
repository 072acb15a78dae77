#pragma once
// A setting is declared once. A settings struct is plain data with one
//     template <class Visitor> static void describe(Visitor&& visit) {
//         visit(&TrainingSettings::epochs, Setting{.key = "epochs", .label = "Epochs", .help = "…", .min =
//         0.01});
//     }
// and flags, JSON files, validation, forms and the docs page all come from it. Members may be bool, int,
// std::int64_t, double, std::string, std::vector<double> or std::vector<std::string>; the default is the
// member's own.
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/json.h"
#include "core/strings.h"

namespace testudo {

struct Setting {
    std::string key;         // JSON key; the flag is the key with dashes: batch_size -> --batch-size
    std::string label = {};  // as a form shows it
    std::string unit = {};
    std::string help = {};
    std::optional<double> min = {}, max = {};
    std::vector<std::string> choices = {};                          // of a string member; empty: anything
    std::vector<std::pair<std::string, std::string>> aliases = {};  // other names of choices: {alias, choice}
    bool advanced = false;                                          // hidden from the short help
    bool sentences = false;  // a list of texts that hold commas: as a flag one each time
};

namespace settings_detail {
template <class T>
Json to_json_value(const T& value) {
    return Json(value);
}

template <class T>
void from_json_value(const Json& value, T& out, const std::string& name) {
    const auto wrong = [&](const char* wanted) {
        return usage_error(cat(name, " must be ", wanted, ", not ", value.dump()), "Correct the value.");
    };
    if constexpr (std::is_same_v<T, bool>) {
        if (!value.is_boolean()) throw wrong("true or false");
    } else if constexpr (std::is_integral_v<T>) {
        // Bounds as powers of two: what lies between them can be converted exactly.
        constexpr int bits = std::numeric_limits<T>::digits;
        const double number = value.is_number() ? value.get<double>() : 0.5;
        if (number != std::trunc(number) || number < -std::ldexp(1.0, bits) ||
            number >= std::ldexp(1.0, bits))
            throw wrong("a whole number");
    } else if constexpr (std::is_floating_point_v<T>) {
        if (!value.is_number()) throw wrong("a number");
    } else if constexpr (std::is_same_v<T, std::string>) {
        if (!value.is_string()) throw wrong("a text");
    } else {
        if (!value.is_array()) throw wrong("a list");
        for (const auto& item : value)
            if (std::is_same_v<typename T::value_type, std::string> ? !item.is_string() : !item.is_number())
                throw wrong("a list of such values");
    }
    out = value.get<T>();
}

template <class T>
void check_value(const T& value, const Setting& setting) {
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
        const double number = static_cast<double>(value);
        if ((setting.min && !(number >= *setting.min)) || (setting.max && !(number <= *setting.max)))
            throw usage_error(
                cat(setting.key, " is ", plain(static_cast<double>(value)), ", outside its range ",
                    setting.min ? cat("from ", plain(*setting.min)) : std::string("up"), " ",
                    setting.max ? cat("to ", plain(*setting.max)) : std::string("upwards"),
                    setting.unit.empty() ? "" : " ", setting.unit),
                "Choose a value in that range.");
    } else if constexpr (std::is_same_v<T, std::string>) {
        if (setting.choices.empty()) return;
        for (const auto& choice : setting.choices)
            if (choice == value) return;
        throw usage_error(cat(setting.key, " is \"", value, "\", which it cannot be"),
                          cat("Choose one of: ", join(setting.choices, ", "), "."));
    }
}
inline void resolve_alias(std::string& value, const Setting& setting) {
    for (const auto& [alias, choice] : setting.aliases)
        if (value == alias) {
            value = choice;
            return;
        }
}
}  // namespace settings_detail

// Calls visit(value&, const Setting&) for each member of `settings`.
template <class Settings, class Visitor>
void for_each_setting(Settings& settings, Visitor&& visit) {
    std::remove_const_t<Settings>::describe(
        [&](auto member, Setting setting) { visit(settings.*member, setting); });
}

template <class Settings>
Json settings_to_json(const Settings& settings) {
    Json out = Json::object();
    for_each_setting(settings, [&](const auto& value, const Setting& setting) {
        out[setting.key] = settings_detail::to_json_value(value);
    });
    return out;
}

template <class Settings>
bool is_setting(const std::string& key) {
    bool known = false;
    Settings::describe([&](auto, const Setting& setting) { known = known || setting.key == key; });
    return known;
}

// Takes the keys that are there, leaves the others as they are, ignores unknown ones. Throws Error(usage) on
// a wrong type.
template <class Settings>
void settings_from_json(Settings& settings, const Json& values, const std::string& where) {
    for_each_setting(settings, [&](auto& value, const Setting& setting) {
        if (const auto found = values.find(setting.key); found != values.end())
            with_setting(setting.key, [&] {
                settings_detail::from_json_value(*found, value, cat(where, ": ", setting.key));
            });
        if constexpr (std::is_same_v<std::remove_reference_t<decltype(value)>, std::string>)
            settings_detail::resolve_alias(value, setting);
    });
}

// Throws Error(usage) naming the first setting out of its range or choices.
template <class Settings>
void check_settings(const Settings& settings) {
    for_each_setting(settings, [](const auto& value, const Setting& setting) {
        with_setting(setting.key, [&] { settings_detail::check_value(value, setting); });
    });
}

// Throws Error(usage) naming the first of `values` that is no setting of Settings, has the wrong type, or is
// out of its range or choices. What is not given need not be right.
template <class Settings>
void check_given(const Json& values, const std::string& where) {
    if (!values.is_object())
        throw usage_error(cat("the settings of ", where, " are no object"), "Give keys with values.");
    Settings settings;
    for (const auto& [key, value] : values.items())
        if (!is_setting<Settings>(key))
            throw usage_error(cat(where, " has no setting \"", printable(key), "\""), "Leave it out.");
    settings_from_json(settings, values, where);
    for_each_setting(settings, [&](const auto& value, const Setting& setting) {
        if (values.contains(setting.key))
            with_setting(setting.key, [&] { settings_detail::check_value(value, setting); });
    });
}

}  // namespace testudo
