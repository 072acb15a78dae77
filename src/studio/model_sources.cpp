#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "studio/pull.h"

namespace testudo::embedded {
extern const std::string_view models_json;  // data/models.json
}

namespace testudo::studio {
namespace {

ModelFile parse_file(const Json& item) {
    ModelFile file;
    file.target = item.at("target").get<std::string>();
    file.urls = item.at("urls").get<std::vector<std::string>>();
    file.sha256 = item.value("sha256", "");
    file.bytes = item.value("bytes", std::uint64_t{0});
    const fs::path target(file.target);
    const bool leaves =
        std::any_of(target.begin(), target.end(), [](const fs::path& part) { return part == ".."; });
    if (file.target.empty() || target.is_absolute() || leaves || !target.has_filename())
        throw input_error(cat("the target \"", to_utf8(file.target), "\" leaves the workspace"),
                          "Name a file below the workspace.");
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (!file.sha256.empty() &&
        (file.sha256.size() != 64 || !std::all_of(file.sha256.begin(), file.sha256.end(), is_digit)))
        throw input_error(cat("the checksum of ", file.target, " is not 64 hexadecimal digits"),
                          "Write the SHA-256 in lower case, or leave it empty.");
    return file;
}

}  // namespace

std::vector<ModelSource> parse_model_sources(std::string_view json, const std::string& where) {
    const Json table = parse_json(json, where);
    std::vector<ModelSource> out;
    try {
        for (const auto& entry : table.at("models")) {
            ModelSource source;
            source.name = entry.at("name").get<std::string>();
            source.about = entry.value("about", "");
            source.licence = entry.value("licence", "");
            source.also = entry.value("also", std::vector<std::string>());
            for (const auto& item : entry.at("files")) source.files.push_back(parse_file(item));
            if (source.files.empty())
                throw input_error(cat(source.name, " has no file"), "Name at least one.");
            source.target = source.files.front().target;
            source.bytes = source.files.front().bytes;
            out.push_back(std::move(source));
        }
    } catch (const Json::exception& error) {
        throw input_error(cat(where, " is not a table of models: ", error.what()),
                          "Give every model a name and files with target and urls.");
    } catch (const Error& error) {
        throw input_error(cat(where, ": ", error.what()), error.hint());
    }
    return out;
}

const std::vector<ModelSource>& model_sources() {
    static const std::vector<ModelSource> sources =
        parse_model_sources(embedded::models_json, "data/models.json");
    return sources;
}

std::vector<ModelSource> model_sources(const Workspace& workspace) {
    std::vector<ModelSource> sources = model_sources();
    const fs::path own = workspace.config() / "models.json";
    if (!fs::exists(own)) return sources;
    for (ModelSource& source : parse_model_sources(read_file(own), own.string())) {
        const auto same = std::find_if(sources.begin(), sources.end(),
                                       [&](const auto& other) { return other.name == source.name; });
        if (same == sources.end())
            sources.push_back(std::move(source));
        else
            *same = std::move(source);
    }
    return sources;
}

const ModelSource* find_source(const std::vector<ModelSource>& sources, const std::string& name) {
    for (const auto& source : sources)
        if (source.name == name ||
            std::find(source.also.begin(), source.also.end(), name) != source.also.end())
            return &source;
    return nullptr;
}

const ModelSource& model_source(const std::vector<ModelSource>& sources, const std::string& name) {
    if (const ModelSource* found = find_source(sources, name)) return *found;
    std::vector<std::string> names;
    for (const auto& source : sources) names.push_back(source.name);
    throw usage_error(cat("there is no published model \"", to_utf8(name), "\""),
                      cat("Choose one of: ", join(names, ", "), "."));
}

}  // namespace testudo::studio
