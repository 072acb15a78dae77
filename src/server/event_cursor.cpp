#include "server/event_cursor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "core/file_size.h"
#include "core/json.h"
#include "core/strings.h"

namespace testudo::server {

namespace {

constexpr std::size_t longest_line = 1 << 20;  // a longer one is passed over

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

struct Descriptor {
    explicit Descriptor(const fs::path& file) : value(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {}
    ~Descriptor() {
        if (value >= 0) ::close(value);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int value;
};

}  // namespace

std::string to_string(const EventCursor& cursor) {
    std::string out = std::to_string(cursor.newest) + "|";
    for (const auto& [job, told] : cursor.open) {
        if (!out.ends_with('|')) out += ',';
        out += std::to_string(job) + ":" + std::to_string(told);
    }
    return out;
}

std::optional<EventCursor> parse_cursor(std::string_view text) {
    const auto bar = text.find('|');
    if (bar == std::string_view::npos) return std::nullopt;
    EventCursor cursor;
    const auto newest = number(text.substr(0, bar));
    if (!newest) return std::nullopt;
    cursor.newest = *newest;
    if (bar + 1 == text.size()) return cursor;
    for (const std::string& pair : split(text.substr(bar + 1), ',')) {
        const auto colon = pair.find(':');
        if (colon == std::string::npos) return std::nullopt;
        const auto job = number(std::string_view(pair).substr(0, colon)),
                   told = number(std::string_view(pair).substr(colon + 1));
        if (!job || !told) return std::nullopt;
        cursor.open[*job] = *told;
    }
    return cursor;
}

std::vector<EventLine> read_lines(const fs::path& file, std::uint64_t offset, std::size_t most,
                                  std::uint64_t& next, const std::function<bool(std::string_view)>& wanted) {
    std::vector<EventLine> lines;
    next = offset;
    const Descriptor opened(file);
    if (opened.value < 0) return lines;
    std::string bytes;
    // More than `most` only while not even one line is whole.
    while (bytes.size() < most || (lines.empty() && bytes.size() < longest_line)) {
        const std::size_t before = bytes.size();
        bytes.resize(before + std::max<std::size_t>(most, 4096));
        const ssize_t got = ::pread(opened.value, bytes.data() + before, bytes.size() - before,
                                    static_cast<off_t>(offset + before));
        bytes.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        std::size_t begin = static_cast<std::size_t>(next - offset);
        for (auto end = bytes.find('\n', begin); end != std::string::npos; end = bytes.find('\n', begin)) {
            const std::string_view line = std::string_view(bytes).substr(begin, end - begin);
            begin = end + 1;
            next = offset + begin;
            if ((!wanted || wanted(line)) && Json::accept(line)) lines.push_back({next, std::string(line)});
        }
        if (got <= 0) return lines;
    }
    if (lines.empty() && next == offset && bytes.size() >= longest_line) next = offset + bytes.size();
    return lines;
}

std::optional<std::uint64_t> place_in(const EventCursor& cursor, const EventFeed& feed) {
    if (const auto found = cursor.open.find(feed.job); found != cursor.open.end()) return found->second;
    if (feed.ended && feed.started <= cursor.newest) return std::nullopt;
    // One that was there before had ended then, and goes on now.
    return feed.added > cursor.newest ? 0 : feed.from;
}

void advance(EventCursor& cursor, const EventFeed& feed, std::uint64_t told, bool all) {
    cursor.newest = std::max(cursor.newest, feed.started);
    if (all)
        cursor.open.erase(feed.job);
    else
        cursor.open[feed.job] = told;
}

EventCursor at_end_of(const std::vector<EventFeed>& feeds) {
    EventCursor cursor;
    for (const EventFeed& feed : feeds) advance(cursor, feed, size_of(feed.file), feed.ended);
    return cursor;
}

void admit(EventCursor& cursor, const std::vector<EventFeed>& feeds) {
    std::erase_if(cursor.open, [&](const auto& place) {
        return std::none_of(feeds.begin(), feeds.end(),
                            [&](const EventFeed& feed) { return feed.job == place.first; });
    });
    std::uint64_t newest = cursor.newest;
    for (const EventFeed& feed : feeds) {
        if (const auto place = place_in(cursor, feed)) cursor.open[feed.job] = *place;
        newest = std::max(newest, feed.started);
    }
    cursor.newest = newest;
}

}  // namespace testudo::server
