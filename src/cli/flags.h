#pragma once
// Command-line flags made from a settings schema: the key learning_rate becomes --learning-rate; a bool gets
// --x and --no-x.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "core/settings.h"

namespace testudo::cli {

inline std::string flag_name(std::string key) {
    std::replace(key.begin(), key.end(), '_', '-');
    return "--" + key;
}

inline std::string flag_help(const Setting& setting) {
    std::string help = setting.help.empty() ? setting.label : setting.help;
    if (!setting.unit.empty()) help += cat(" [", setting.unit, "]");
    if (!setting.choices.empty()) help += cat(" (", join(setting.choices, ", "), ")");
    if (setting.min && setting.max) help += cat(" (", plain(*setting.min), " to ", plain(*setting.max), ")");
    return help;
}

// What else would be read as 0 or not at all: an empty text is no number; 1e3 is a whole one.
template <class Value>
std::string as_number(const std::string& given) {
    double number = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
    if (error != std::errc() || end != given.data() + given.size())
        throw CLI::ValidationError(cat("\"", given, "\" is no number"));
    if constexpr (std::is_integral_v<Value>) {
        if (number != std::trunc(number) || std::abs(number) >= 1e15)
            throw CLI::ValidationError(cat("\"", given, "\" is no whole number"));
        return cat(static_cast<std::int64_t>(number));
    }
    return given;
}

// `settings` must outlive the parsing; its values on entry are the defaults shown in the help. Keys in
// `positional` are given by position elsewhere and get no flag.
template <class Settings>
void add_flags(CLI::App& app, Settings& settings, const std::vector<std::string>& positional = {}) {
    for_each_setting(settings, [&](auto& value, const Setting& setting) {
        if (std::find(positional.begin(), positional.end(), setting.key) != positional.end()) return;
        using Value = std::remove_reference_t<decltype(value)>;
        const std::string name = flag_name(setting.key);
        CLI::Option* option = nullptr;
        if constexpr (std::is_same_v<Value, bool>) {
            option = app.add_flag(cat(name, ",!--no-", name.substr(2)), value,
                                  cat(flag_help(setting), value ? " [on]" : " [off]"));
        } else {
            option = app.add_option(name, value, flag_help(setting))->capture_default_str();
            if constexpr (std::is_arithmetic_v<Value>) option->transform(as_number<Value>);
            if constexpr (std::is_same_v<Value, std::string>)
                if (!setting.aliases.empty())
                    option->transform([setting](std::string given) {
                        settings_detail::resolve_alias(given, setting);
                        return given;
                    });
            if (setting.sentences)
                option->allow_extra_args(false);
            else if constexpr (!std::is_arithmetic_v<Value> && !std::is_same_v<Value, std::string>)
                option->delimiter(',');  // 2,4,9 as well as 2 4 9
        }
        option->group(setting.advanced ? "Advanced" : "Settings");
    });
}

// Settings that were given as flags, from `given` (what the flags were bound to) to `to`.
template <class Settings>
void take_given(const CLI::App& app, const Settings& given, Settings& to) {
    Settings::describe([&](auto member, const Setting& setting) {
        if (const CLI::Option* option = app.get_option_no_throw(flag_name(setting.key));
            option && option->count() > 0)
            to.*member = given.*member;
    });
}

}  // namespace testudo::cli
