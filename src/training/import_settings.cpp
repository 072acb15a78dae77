#include "training/import_settings.h"

#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "core/yaml.h"
#include "dataset/lines.h"
#include "text/find_tokenizer.h"
#include "training/config.h"
#include "training/configure.h"
#include "training/counting.h"
#include "training/run_paths.h"
#include "training/yaml_reader.h"
#include "training/yaml_settings.h"

namespace testudo::training {

namespace {

constexpr const char* wanted_file = "Choose a training YAML of DLAS or of Testudo, or a train.json.";

// "25112026_180102_train.yaml" -> "20261125180102"; empty for another name.
std::string moment_of_copy(const std::string& name) {
    constexpr std::string_view form = "ddddmmmm_tttttt_train.yaml";
    if (name.size() != form.size() || name[8] != '_' || !name.ends_with("_train.yaml")) return {};
    std::string digits = name.substr(0, 8) + name.substr(9, 6);
    if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) return {};
    return cat(digits.substr(4, 4), digits.substr(2, 2), digits.substr(0, 2), digits.substr(8));
}

fs::path newest_copy(const fs::path& finetune) {
    fs::path newest;
    std::string moment;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(finetune, ignored)) {
        const std::string of = moment_of_copy(entry.path().filename().string());
        if (of <= moment) continue;
        moment = of;
        newest = entry.path();
    }
    return newest;
}

// By the lines of the list that the configuration names.
double per_epoch_of(std::int64_t lines, std::int64_t batch_size) {
    return static_cast<double>(Counting{lines, batch_size, 0, 0, 0}.per_epoch());
}

// The list that a file of elsewhere names, where it is one of this workspace, else the voice's own.
fs::path list_for(const YamlReader& yaml, const fs::path& workspace, const std::string& voice) {
    std::error_code ignored;
    const fs::path named = fs::path(yaml.text("datasets.train.path").value_or("")).lexically_normal();
    if (!named.empty() && named.is_relative() && *named.begin() != ".." &&
        fs::is_regular_file(workspace / named, ignored))
        return workspace / named;
    const fs::path own = voice.empty() ? fs::path() : run_paths(workspace, voice).folder / "train.txt";
    return !own.empty() && fs::is_regular_file(own, ignored) ? own : fs::path();
}

PerEpoch per_epoch_here(const YamlReader& yaml, const fs::path& workspace, const std::string& voice,
                        std::vector<std::string>& remarks) {
    const fs::path list = list_for(yaml, workspace, voice);
    if (list.empty()) return {};
    try {
        const auto lines = static_cast<std::int64_t>(dataset::read_lines(list).size());
        remarks.push_back(cat("iterations became epochs by the ", lines, " lines of ",
                              to_utf8(list.lexically_relative(workspace).native())));
        return per_epoch_of(lines, yaml.integer_in("datasets.train.batch_size", 128, 1, 1 << 24));
    } catch (const Error& error) {
        if (list.parent_path() == run_paths(workspace, voice).folder) remarks.push_back(error.what());
        return {};
    }
}

void tell_missing_files(const TrainingSettings& settings, const fs::path& workspace,
                        std::vector<std::string>& remarks) {
    std::error_code ignored;
    for (const auto& [key, file] : {std::pair("source_model", settings.source_model),
                                    {"resume_state", settings.resume_state},
                                    {"dvae_model", settings.dvae_model}})
        if (!file.empty() && file != "latest" && file != "auto" &&
            !fs::exists(in_workspace(workspace, file), ignored))
            remarks.push_back(cat(key, ": there is no ", printable(file), " here; choose another"));
    try {
        text::find_tokenizer(workspace, settings.tokenizer_json, "tokenizer_json");
    } catch (const Error& error) {
        remarks.push_back(cat(printable(error.what()), "; choose another"));
    }
}

bool is_json(const std::string& text, const std::string& name) {
    const std::string ending = lower_ascii(fs::path(name).extension().native());
    if (ending == ".json") return true;
    return ending != ".yaml" && ending != ".yml" &&
           trim(std::string_view(text).substr(0, 200)).starts_with('{');
}

}  // namespace

TrainingSettings settings_of_yaml(const fs::path& workspace, const fs::path& file) {
    const Config config = read_config(workspace, file);
    const YamlReader yaml(file);
    PerEpoch per_epoch = told_per_epoch(yaml);
    if (!per_epoch)
        per_epoch = per_epoch_of(static_cast<std::int64_t>(dataset::read_lines(config.train_list).size()),
                                 config.batch_size);
    return settings_in(yaml, workspace, per_epoch);
}

ImportedSettings import_settings_text(const fs::path& workspace, const std::string& voice,
                                      const std::string& text, const std::string& name) {
    if (text.size() > longest_import)
        throw input_error(cat(name, " is larger than ", human_bytes(static_cast<double>(longest_import)),
                              ": no training configuration"),
                          wanted_file);
    if (!is_utf8(text) || text.find('\0') != std::string::npos)
        throw input_error(cat(name, " is no text"), wanted_file);
    ImportedSettings out;
    if (is_json(text, name)) {
        out.settings = settings_of_json(text, name, &out.not_understood);
    } else {
        const YamlReader yaml(parse_yaml(text, name), name);
        static_cast<void>(yaml.leaves());  // before anything else walks
        PerEpoch per_epoch = told_per_epoch(yaml);
        if (!per_epoch && yaml.has("train.niter"))
            per_epoch = per_epoch_here(yaml, workspace, voice, out.remarks);
        out.settings = settings_in(yaml, workspace, per_epoch);
        check_settings_in(yaml, out.settings);
        out.not_understood = not_understood_in(yaml, per_epoch);
    }
    tell_missing_files(out.settings, workspace, out.remarks);
    return out;
}

ImportedSettings import_settings_of(const fs::path& workspace, const std::string& voice,
                                    const fs::path& given) {
    const fs::path file = find_configuration(workspace, given);
    ImportedSettings out =
        import_settings_text(workspace, voice, read_file(file, longest_import), to_utf8(file.native()));
    out.from = file;
    return out;
}

void tell(const ImportedSettings& imported, Events& events) {
    for (const NotUnderstood& one : imported.not_understood)
        events.warning(cat(to_utf8(imported.from.filename().native()), ", line ", one.line, ": ", one.key,
                           " ", one.why));
    for (const std::string& remark : imported.remarks) events.warning(remark);
}

ImportedSettings import_settings(const fs::path& workspace, const std::string& voice, Events& events) {
    const RunPaths paths = run_paths(workspace, voice);
    std::vector<std::string> problems;
    for (const fs::path& file : {newest_copy(paths.finetune), paths.yaml, paths.json}) {
        if (file.empty() || !fs::exists(file)) continue;
        try {
            ImportedSettings found = import_settings_of(workspace, voice, fs::absolute(file));
            found.settings.voice = voice;
            found.settings.resume_state.clear();
            events.info(cat("settings of ", file));
            tell(found, events);
            return found;
        } catch (const Error& error) {
            problems.push_back(error.what());
            events.warning(cat("not imported: ", error.what()));
        }
    }
    throw input_error(problems.empty() ? cat("there are no settings to import in ", paths.folder)
                                       : cat("no settings can be imported: ", join(problems, "; ")),
                      "Leave --import out to begin with the defaults.");
}

}  // namespace testudo::training
