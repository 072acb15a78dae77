#include "core/event_tail.h"

#include <fstream>

namespace testudo {

std::vector<Json> EventTail::next() {
    std::vector<Json> events;
    std::ifstream in(file_, std::ios::binary);
    if (!in || !in.seekg(static_cast<std::streamoff>(offset_))) return events;
    for (std::string line; std::getline(in, line) && !in.eof();) {
        offset_ += line.size() + 1;
        Json event = Json::parse(line, nullptr, false);
        if (event.is_object()) events.push_back(std::move(event));
    }
    return events;
}

}  // namespace testudo
