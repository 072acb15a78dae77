#include "core/json_text.h"

#include <algorithm>

#include "core/json.h"
#include "core/strings.h"

namespace testudo {

namespace {

// Where the value of `key` begins in the object or list at `at`; npos when it has none.
std::size_t member(std::string_view text, std::size_t at, const std::string& key) {
    const bool object = text[at] == '{';
    std::size_t index = 0;
    for (at = skip_json_space(text, at + 1); at < text.size() && text[at] != '}' && text[at] != ']';
         at = skip_json_space(text, at)) {
        if (text[at] == ',') at = skip_json_space(text, at + 1);
        bool found = !object && std::to_string(index++) == key;
        if (object) {
            const std::size_t begin = at;
            at = skip_json_string(text, at);
            found = Json::parse(text.substr(begin, at - begin)).get<std::string>() == key;
            at = skip_json_space(text, skip_json_space(text, at) + 1);
        }
        if (found) return at;
        at = skip_json_value(text, at);
    }
    return std::string_view::npos;
}

}  // namespace

std::size_t skip_json_space(std::string_view text, std::size_t at) {
    return std::min(text.find_first_not_of(" \t\r\n", at), text.size());
}

std::size_t skip_json_string(std::string_view text, std::size_t at) {
    for (++at; text[at] != '"'; ++at)
        if (text[at] == '\\') ++at;
    return at + 1;
}

std::size_t skip_json_value(std::string_view text, std::size_t at) {
    if (text[at] == '"') return skip_json_string(text, at);
    int depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = skip_json_string(text, at);
            continue;
        }
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') {
            if (depth == 0) return at;  // of what is around a number, true, false or null
            if (--depth == 0) return at + 1;
        }
        if (depth == 0 && (c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n')) return at;
        ++at;
    }
    return at;
}

std::string place_in_json(std::string_view text, const std::vector<std::string>& path) {
    std::size_t at = skip_json_space(text, 0);
    for (const std::string& part : path) {
        if (at >= text.size() || (text[at] != '{' && text[at] != '[')) break;
        const std::size_t next = member(text, at, part);
        if (next == std::string_view::npos) break;
        at = next;
    }
    const std::string_view before = text.substr(0, at);
    const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
    return cat("line ", 1 + std::count(before.begin(), before.end(), '\n'), ", column ",
               1 + count_code_points(std::string(before.substr(line_begin))));
}

}  // namespace testudo
