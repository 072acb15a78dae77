#include "studio/job_tools.h"

#include <algorithm>

#include "core/error.h"
#include "core/settings.h"
#include "core/strings.h"
#include "dataset/settings.h"
#include "dataset/voice_name.h"
#include "studio/job_flags.h"

namespace testudo::studio {

namespace {

struct PullSettings {
    std::vector<std::string> names;
    bool force = false;
    template <class Visitor>
    static void describe(Visitor&& visit) {
        visit(&PullSettings::names, Setting{.key = "names"});
        visit(&PullSettings::force, Setting{.key = "force"});
    }
};

struct InitSettings {
    std::string size, name;
    std::int64_t seed = 1, text_tokens = 256;
    bool overwrite = false;
    template <class Visitor>
    static void describe(Visitor&& visit) {
        using S = InitSettings;
        visit(&S::size, Setting{.key = "size", .choices = {"nano", "micro", "small", "full"}});
        visit(&S::name, Setting{.key = "name"});
        visit(&S::seed, Setting{.key = "seed", .min = 0});
        visit(&S::text_tokens, Setting{.key = "text_tokens", .min = 1, .max = 1 << 20});
        visit(&S::overwrite, Setting{.key = "overwrite"});
    }
};

struct MergeSettings {
    std::string a, b, to;
    double weight = 0.5;
    bool overwrite = false;
    template <class Visitor>
    static void describe(Visitor&& visit) {
        using S = MergeSettings;
        visit(&S::a, Setting{.key = "a"});
        visit(&S::b, Setting{.key = "b"});
        visit(&S::to, Setting{.key = "to"});
        visit(&S::weight, Setting{.key = "weight", .min = 0, .max = 1});
        visit(&S::overwrite, Setting{.key = "overwrite"});
    }
};

struct ConvertSettings {
    std::string from, to, precision;
    bool overwrite = false;
    template <class Visitor>
    static void describe(Visitor&& visit) {
        using S = ConvertSettings;
        visit(&S::from, Setting{.key = "from"});
        visit(&S::to, Setting{.key = "to"});
        visit(&S::precision, Setting{.key = "precision", .choices = {"keep", "fp32", "fp16", "bf16"}});
        visit(&S::overwrite, Setting{.key = "overwrite"});
    }
};

struct TokenizerSettings {
    std::int64_t size = 255;
    std::string language, to;
    bool overwrite = false;
    template <class Visitor>
    static void describe(Visitor&& visit) {
        using S = TokenizerSettings;
        visit(&S::size, Setting{.key = "size", .min = 1, .max = 1 << 20});
        visit(&S::language, Setting{.key = "language"});
        visit(&S::to, Setting{.key = "to"});
        visit(&S::overwrite, Setting{.key = "overwrite"});
    }
};

struct ImportSettings {
    std::string folder, how;
    template <class Visitor>
    static void describe(Visitor&& visit) {
        visit(&ImportSettings::folder, Setting{.key = "folder"});
        visit(&ImportSettings::how, Setting{.key = "how", .choices = {"copy", "link"}});
    }
};

struct HearSettings : dataset::DatasetSettings {
    std::string recording;
    std::int64_t segment = 0;
    template <class Visitor>
    static void describe(Visitor&& visit) {
        dataset::DatasetSettings::describe(visit);
        visit(&HearSettings::recording, Setting{.key = "recording"});
        visit(&HearSettings::segment, Setting{.key = "segment", .min = 0});
    }
};

struct Tool {
    std::string kind;
    std::vector<std::string> verb;
    void (*check)(const Json& values, const std::string& kind);
    bool voice;                            // it is of a voice, which comes first
    std::vector<std::string> positional;   // settings that are given by position, all needed
    std::vector<std::string> needed = {};  // of the others
};

const std::vector<Tool>& tools() {
    static const std::vector<Tool> all = {
        {"pull", {"models", "pull"}, check_given<PullSettings>, false, {"names"}},
        {"init", {"models", "init"}, check_given<InitSettings>, false, {}},
        {"merge", {"models", "merge"}, check_given<MergeSettings>, false, {"a", "b"}, {"weight", "to"}},
        {"convert", {"models", "convert"}, check_given<ConvertSettings>, false, {"from", "to"}},
        {"tokenizer", {"tokenizer", "train"}, check_given<TokenizerSettings>, true, {}},
        {"import", {"import"}, check_given<ImportSettings>, false, {"folder"}},
        {"hear", {"dataset", "hear"}, check_given<HearSettings>, true, {"recording", "segment"}},
    };
    return all;
}

const Tool& find_tool(const std::string& kind) {
    return *std::find_if(tools().begin(), tools().end(), [&](const Tool& tool) { return tool.kind == kind; });
}

bool holds(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool is_tool(const std::string& kind) {
    return std::any_of(tools().begin(), tools().end(), [&](const Tool& tool) { return tool.kind == kind; });
}

void check_tool(const JobRequest& request) {
    const Tool& tool = find_tool(request.kind);
    tool.check(request.settings, request.kind);
    std::vector<std::string> needed = tool.positional;
    needed.insert(needed.end(), tool.needed.begin(), tool.needed.end());
    for (const std::string& key : needed)
        with_setting(key, [&] {
            if (!request.settings.contains(key) || flag_value(request.settings[key]).empty())
                throw usage_error(cat(request.kind, " needs ", key), "Give it.");
        });
    for (const auto& [key, value] : request.settings.items())
        if (flag_value(value).find('\0') != std::string::npos)
            throw usage_error(cat(request.kind, ": the value of ", key, " cannot be meant"),
                              "Give a text without zero bytes.");
    if (tool.voice) dataset::check_voice_name(request.voice);
    if (!tool.voice && !request.voice.empty())
        throw usage_error(cat(request.kind, " is of no voice"), "Leave it out.");
}

std::vector<std::string> command_of_tool(const JobRequest& request) {
    const Tool& tool = find_tool(request.kind);
    std::vector<std::string> arguments = tool.verb;
    for (const auto& [key, value] : request.settings.items()) {
        // Switches of the tools have no --no form; those of DatasetSettings do.
        const bool off = value.is_boolean() && !value.get<bool>() && request.kind != "hear";
        if (!holds(tool.positional, key) && !off) add_flag(arguments, key, value);
    }
    if (tool.voice || !tool.positional.empty()) arguments.push_back("--");
    if (tool.voice) arguments.push_back(request.voice);
    if (request.kind == "hear") {
        arguments.push_back(
            cat(flag_value(request.settings["recording"]), ":", flag_value(request.settings["segment"])));
        return arguments;
    }
    for (const std::string& key : tool.positional) {
        const Json& value = request.settings[key];
        if (!value.is_array()) arguments.push_back(flag_value(value));
        if (value.is_array())
            for (const Json& one : value) arguments.push_back(flag_value(one));
    }
    return arguments;
}

}  // namespace testudo::studio
