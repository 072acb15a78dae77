#include "core/yaml.h"

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"

namespace testudo {

YAML::Node parse_yaml(const std::string& text, const std::string& where) {
    try {
        return YAML::Load(text);
    } catch (const YAML::Exception& error) {
        throw input_error(
            cat(where, ", line ", error.mark.line + 1, ", column ", error.mark.column + 1,
                ": not valid YAML (", error.msg, ")"),
            "Correct that place in an editor, or write the configuration again with `testudo configure`.");
    }
}

YAML::Node read_yaml(const std::filesystem::path& path) {
    return parse_yaml(read_file(path, 16 << 20), to_utf8(path.native()));
}

void write_yaml(const std::filesystem::path& path, const YAML::Node& document) {
    YAML::Emitter out;
    out << document;
    write_file(path, std::string(out.c_str()) + "\n");
}

}  // namespace testudo
