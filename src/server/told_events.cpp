#include "server/told_events.h"

#include <algorithm>
#include <deque>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/event_tail.h"
#include "core/strings.h"
#include "server/event_cursor.h"

namespace testudo::server {

namespace {

constexpr std::size_t most_bytes = 4 << 20, piece_bytes = 1 << 20;

// Cheap, so that a long file is not parsed: it may let through what only mentions a type.
bool may_be_of(std::string_view line, const std::vector<std::string>& types) {
    return types.empty() || std::any_of(types.begin(), types.end(), [&](const std::string& type) {
               return line.find('"' + type + '"') != std::string_view::npos;
           });
}

bool begins_line(const fs::path& file, std::uint64_t at) {
    if (at == 0) return true;
    std::ifstream in(file, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(at - 1));
    return in.get() == '\n';
}

}  // namespace

Json told_events(const fs::path& file, std::uint64_t from, const Request& request) {
    const auto last = static_cast<std::size_t>(integer_of(request, "last", 1000, 1, 10000));
    std::vector<std::string> types;
    for (const auto& type : split(request.value("types").value_or(""), ','))
        if (!type.empty()) types.push_back(type);
    Json out = {{"events", Json::array()}, {"next", 0}};
    std::error_code error;
    if (!fs::exists(file, error)) return out;
    if (!begins_line(file, from)) {
        from = 0;
        out["reset"] = true;
    }
    struct Kept {
        EventLine line;
        Json event;  // null: not parsed yet
    };
    std::deque<Kept> kept;
    std::size_t kept_bytes = 0;
    std::uint64_t next = from;
    const auto wanted = [&](std::string_view line) { return may_be_of(line, types); };
    for (std::uint64_t at = from;; at = next) {
        for (EventLine& line : read_lines(file, at, piece_bytes, next, wanted)) {
            Json event;
            // What is no such event must not push out one that is.
            if (!types.empty()) {
                event = Json::parse(line.text, nullptr, false);
                if (!event.is_object() ||
                    std::find(types.begin(), types.end(), text_or(event, "type")) == types.end())
                    continue;
            }
            kept_bytes += line.text.size();
            kept.push_back({std::move(line), std::move(event)});
            for (; kept.size() > last || kept_bytes > most_bytes; kept.pop_front())
                kept_bytes -= kept.front().line.text.size();
        }
        if (next == at) break;
    }
    for (auto& [line, event] : kept) {
        if (event.is_null()) event = Json::parse(line.text, nullptr, false);
        if (!event.is_object()) continue;
        event["offset"] = line.end;
        out["events"].push_back(std::move(event));
    }
    out["next"] = next;
    return out;
}

}  // namespace testudo::server
