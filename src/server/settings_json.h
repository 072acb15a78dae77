#pragma once
// Settings as a page needs them to draw a form; from describe() (core/settings.h).
#include "core/settings.h"

namespace testudo::server {

Json setting_json(const Setting& setting);

template <class Value>
const char* type_name() {
    if constexpr (std::is_same_v<Value, bool>)
        return "boolean";
    else if constexpr (std::is_integral_v<Value>)
        return "integer";
    else if constexpr (std::is_floating_point_v<Value>)
        return "number";
    else if constexpr (std::is_same_v<Value, std::string>)
        return "text";
    else if constexpr (std::is_same_v<Value, std::vector<double>>)
        return "numbers";
    else
        return "texts";
}

template <class Settings>
Json schema_of() {
    Json out = Json::array();
    const Settings defaults{};
    for_each_setting(defaults, [&](const auto& value, const Setting& setting) {
        Json one = setting_json(setting);
        one["type"] = type_name<std::decay_t<decltype(value)>>();
        one["default"] = settings_detail::to_json_value(value);
        out.push_back(std::move(one));
    });
    return out;
}

// Error(usage) for a key that is no setting: a page of another version.
template <class Settings>
void check_keys(const Json& values) {
    for (const auto& [key, value] : values.items())
        if (!is_setting<Settings>(key))
            throw usage_error(cat("there is no setting \"", printable(key), "\""), "See /api/schemas.");
}

}  // namespace testudo::server
