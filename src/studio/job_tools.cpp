#include "studio/job_tools.h"

#include <algorithm>

#include "core/error.h"
#include "core/settings.h"
#include "core/strings.h"
#include "dataset/settings.h"
#include "dataset/voice_name.h"

namespace testudo::studio {

namespace {

struct Tool {
    std::string kind;
    std::vector<std::string> verb;
    bool voice;                            // it is of a voice, which comes first
    std::vector<std::string> positional;   // settings that are given by position, all needed
    std::vector<std::string> flags;        // settings that are flags
    std::vector<std::string> needed = {};  // of the flags
    bool dataset_settings = false;         // those, too
};

const std::vector<Tool>& tools() {
    static const std::vector<Tool> all = {
        {"pull", {"models", "pull"}, false, {"names"}, {"force"}},
        {"init", {"models", "init"}, false, {}, {"size", "name", "seed", "text_tokens", "overwrite"}},
        {"merge", {"models", "merge"}, false, {"a", "b"}, {"weight", "to", "overwrite"}, {"weight", "to"}},
        {"convert", {"models", "convert"}, false, {"from", "to"}, {"precision", "overwrite"}},
        {"tokenizer", {"tokenizer", "train"}, true, {}, {"size", "language", "to", "overwrite"}},
        {"import", {"import"}, false, {"folder"}, {"how"}},
        {"hear", {"dataset", "hear"}, true, {"recording", "segment"}, {}, {}, true},
    };
    return all;
}

const Tool& find_tool(const std::string& kind) {
    return *std::find_if(tools().begin(), tools().end(), [&](const Tool& tool) { return tool.kind == kind; });
}

bool holds(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_dataset_setting(const std::string& key) {
    const dataset::DatasetSettings defaults{};
    bool known = false;
    for_each_setting(defaults,
                     [&](const auto&, const Setting& setting) { known = known || setting.key == key; });
    return known;
}

bool is_plain(const Json& value) {
    if (value.is_array())
        return std::all_of(value.begin(), value.end(),
                           [](const Json& item) { return item.is_string() || item.is_number(); });
    return value.is_string() || value.is_number() || value.is_boolean();
}

std::string text_of(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array()) return value.dump();
    std::vector<std::string> parts;
    for (const Json& part : value) parts.push_back(text_of(part));
    return join(parts, ",");
}

}  // namespace

bool is_tool(const std::string& kind) {
    return std::any_of(tools().begin(), tools().end(), [&](const Tool& tool) { return tool.kind == kind; });
}

void check_tool(const JobRequest& request) {
    const Tool& tool = find_tool(request.kind);
    if (!request.settings.is_object())
        throw usage_error("the settings of a job are no object", "Give keys with values.");
    for (const auto& [key, value] : request.settings.items()) {
        const bool own = holds(tool.positional, key) || holds(tool.flags, key);
        if (!own && !(tool.dataset_settings && is_dataset_setting(key)))
            throw usage_error(cat(request.kind, " has no setting \"", printable(key), "\""), "Leave it out.");
        if (!is_plain(value) ||
            (value.is_string() && value.get<std::string>().find('\0') != std::string::npos))
            throw usage_error(cat(request.kind, ": the value of ", key, " cannot be meant"),
                              "Give a text, a number or true or false.");
    }
    std::vector<std::string> needed = tool.positional;
    needed.insert(needed.end(), tool.needed.begin(), tool.needed.end());
    for (const std::string& key : needed)
        if (!request.settings.contains(key) || text_of(request.settings[key]).empty())
            throw usage_error(cat(request.kind, " needs ", key), "Give it.");
    if (tool.dataset_settings) {
        dataset::DatasetSettings settings;
        settings_from_json(settings, request.settings, request.kind);
        check_settings(settings);
    }
    if (tool.voice) dataset::check_voice_name(request.voice);
    if (!tool.voice && !request.voice.empty())
        throw usage_error(cat(request.kind, " is of no voice"), "Leave it out.");
}

std::vector<std::string> command_of_tool(const JobRequest& request) {
    const Tool& tool = find_tool(request.kind);
    std::vector<std::string> arguments = tool.verb;
    for (const auto& [key, value] : request.settings.items()) {
        if (holds(tool.positional, key)) continue;
        std::string flag = "--" + key;
        std::replace(flag.begin(), flag.end(), '_', '-');
        if (value.is_boolean()) {
            // Flags that only switch on have no --no form.
            if (value.get<bool>())
                arguments.push_back(flag);
            else if (!holds(tool.flags, key))
                arguments.push_back(flag.replace(0, 2, "--no-"));
        } else if (text_of(value).empty()) {
            arguments.insert(arguments.end(), {flag, ""});
        } else {
            arguments.push_back(cat(flag, "=", text_of(value)));
        }
    }
    if (tool.voice || !tool.positional.empty()) arguments.push_back("--");
    if (tool.voice) arguments.push_back(request.voice);
    if (request.kind == "hear") {
        arguments.push_back(
            cat(text_of(request.settings["recording"]), ":", text_of(request.settings["segment"])));
        return arguments;
    }
    for (const std::string& key : tool.positional) {
        const Json& value = request.settings[key];
        if (!value.is_array()) arguments.push_back(text_of(value));
        if (value.is_array())
            for (const Json& one : value) arguments.push_back(text_of(one));
    }
    return arguments;
}

}  // namespace testudo::studio
