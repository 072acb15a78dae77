#include "core/json.h"

#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"

namespace testudo {

Json parse_json(std::string_view text, const std::string& where) {
    constexpr int deepest = 200;
    const Json::parser_callback_t shallow = [&](int depth, Json::parse_event_t, Json&) {
        if (depth > deepest)
            throw input_error(cat(where, " is nested more than ", deepest, " levels deep"),
                              "Check that it is the right file.");
        return true;
    };
    try {
        return Json::parse(text, shallow);
    } catch (const Json::parse_error& error) {
        const std::size_t at = std::min<std::size_t>(error.byte > 0 ? error.byte - 1 : 0, text.size());
        const auto before = text.substr(0, at);
        const auto line = 1 + std::count(before.begin(), before.end(), '\n');
        const auto last = before.rfind('\n');
        const auto column =
            count_code_points(before.substr(last == std::string_view::npos ? 0 : last + 1)) + 1;
        std::string reason = error.what();
        if (const auto colon = reason.find(": "); colon != std::string::npos)
            reason = reason.substr(colon + 2);
        throw input_error(cat(where, ", line ", line, ", column ", column, ": not valid JSON (", reason, ")"),
                          "Correct that place in an editor, or restore the file from a backup.");
    } catch (const Json::exception& error) {  // e.g. a number of 400 digits
        throw input_error(cat(where, " cannot be read: ", error.what()),
                          "Correct it in an editor, or restore the file from a backup.");
    }
}

Json read_json(const std::filesystem::path& path) {
    return parse_json(read_file(path), to_utf8(path.native()));
}

std::string format_json(const Json& value, JsonStyle style) {
    return value.dump(style.indent, style.fill, style.ascii, Json::error_handler_t::replace) + "\n";
}

void write_json(const std::filesystem::path& path, const Json& value, JsonStyle style) {
    write_file(path, format_json(value, style));
}

}  // namespace testudo
