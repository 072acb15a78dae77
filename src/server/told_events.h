#pragma once
// What a job or a training has told, as consoles ask for it.
#include <cstdint>

#include "core/json.h"
#include "server/http.h"

namespace testudo::server {

// {"events", "next", "reset"?} of an events.jsonl from byte `from` on: of the types that `types` of the
// request names the newest `last`, at most 4 MiB of them; each with its "offset", the byte behind it.
// Bounded, however long the file is. `from` that is no beginning of a line (another training's file): all,
// with "reset".
Json told_events(const fs::path& file, std::uint64_t from, const Request& request);

}  // namespace testudo::server
