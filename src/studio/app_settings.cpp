#include "studio/app_settings.h"

#include "core/error.h"
#include "core/json.h"

namespace testudo::studio {

namespace {

Json read_exec(const fs::path& file) {
    std::error_code error;
    if (!fs::exists(file, error)) return Json::object();
    Json values = read_json(file);
    if (!values.is_object())
        throw input_error(cat(file, " is no JSON object"), "Correct it, or move it away.");
    return values;
}

}  // namespace

AppSettings read_app_settings(const Workspace& workspace) {
    const fs::path file = workspace.config() / "exec.json";
    AppSettings settings;
    settings_from_json(settings, read_exec(file), file.string());
    return settings;
}

void write_app_settings(const Workspace& workspace, const AppSettings& settings) {
    check_settings(settings);
    const fs::path file = workspace.config() / "exec.json";
    Json values = read_exec(file);
    values.update(settings_to_json(settings));
    write_json(file, values);
}

}  // namespace testudo::studio
