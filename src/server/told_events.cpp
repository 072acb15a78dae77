#include "server/told_events.h"

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/event_tail.h"
#include "core/files.h"
#include "core/strings.h"

namespace testudo::server {

namespace {

constexpr std::size_t most_bytes = 4 << 20;

struct Line {
    std::string_view text;
    std::uint64_t end = 0;  // byte behind it in the file
};

// Cheap, so that a long file is not parsed: it may let through what only mentions a type.
bool may_be_of(std::string_view line, const std::vector<std::string>& types) {
    return types.empty() || std::any_of(types.begin(), types.end(), [&](const std::string& type) {
               return line.find('"' + type + '"') != std::string_view::npos;
           });
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
    const MappedFile mapped(file);
    const auto bytes = mapped.bytes();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const bool reset = from > text.size() || (from > 0 && text[from - 1] != '\n');
    if (reset) {
        from = 0;
        out["reset"] = true;
    }
    std::size_t at = from, kept_bytes = 0;
    std::deque<std::pair<Line, Json>> kept;
    for (auto end = text.find('\n', at); end != std::string_view::npos; end = text.find('\n', at)) {
        const Line line{text.substr(at, end - at), end + 1};
        at = end + 1;
        if (line.text.size() > most_bytes || !may_be_of(line.text, types)) continue;
        kept.emplace_back(line, Json());
        kept_bytes += line.text.size();
        // Of types that are asked for, what is no such event must not push out one that is.
        if (!types.empty()) {
            Json event = Json::parse(line.text, nullptr, false);
            if (event.is_object() &&
                std::find(types.begin(), types.end(), text_or(event, "type")) != types.end()) {
                kept.back().second = std::move(event);
            } else {
                kept_bytes -= line.text.size();
                kept.pop_back();
            }
        }
        while (kept.size() > last || kept_bytes > most_bytes) {
            kept_bytes -= kept.front().first.text.size();
            kept.pop_front();
        }
    }
    for (auto& [line, parsed] : kept) {
        Json event = parsed.is_null() ? Json::parse(line.text, nullptr, false) : std::move(parsed);
        if (!event.is_object()) continue;
        event["offset"] = line.end;
        out["events"].push_back(std::move(event));
    }
    out["next"] = at;
    return out;
}

}  // namespace testudo::server
