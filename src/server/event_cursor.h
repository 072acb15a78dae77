#pragma once
// How far a client of the event stream has got: for each job that runs or will the bytes of its events.jsonl
// that were told, and when the newest one was started. A job that was made before and is not named has told
// all. So a place in many files is one short text, and means the same after a restart of the server. (Of a
// job that had ended and was made to go on twice meanwhile, only the second time is told.)
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"

namespace testudo::server {

struct EventCursor {
    std::uint64_t newest = 0;                     // start of the newest job, ms since 1970
    std::map<std::uint64_t, std::uint64_t> open;  // job -> bytes told
    bool operator==(const EventCursor&) const = default;
};

std::string to_string(const EventCursor& cursor);  // "1795676400123|9:5120,12:0"
std::optional<EventCursor> parse_cursor(std::string_view text);

// The events of a job, as a file that grows.
struct EventFeed {
    std::uint64_t job = 0;
    std::uint64_t started = 0;  // the last time, ms since 1970; 0: not yet
    std::uint64_t from = 0;     // bytes of the file that earlier starts wrote
    fs::path file;
    bool ended = false;       // nothing comes unless it is made to go on
    std::uint64_t added = 0;  // when it was made, ms since 1970
};

struct EventLine {
    std::uint64_t end = 0;  // byte behind it
    std::string text;       // JSON without line break
};
// Whole lines of `file` from `offset` on, about `most` bytes of them; what is no JSON, and what is not
// `wanted` where that is given, is passed over. `next` becomes the byte behind the last one.
std::vector<EventLine> read_lines(const fs::path& file, std::uint64_t offset, std::size_t most,
                                  std::uint64_t& next,
                                  const std::function<bool(std::string_view)>& wanted = {});

// Where `cursor` stands in a feed; nothing when it has all of it.
std::optional<std::uint64_t> place_in(const EventCursor& cursor, const EventFeed& feed);
// The cursor with so much of the feed told; `all`: it has ended and there is no more.
void advance(EventCursor& cursor, const EventFeed& feed, std::uint64_t told, bool all);
// The end of all feeds, which are in the order of their starts here and below.
EventCursor at_end_of(const std::vector<EventFeed>& feeds);
// Forgets jobs that are gone, and names all that have something to tell before any of them moves `newest`.
void admit(EventCursor& cursor, const std::vector<EventFeed>& feeds);

}  // namespace testudo::server
