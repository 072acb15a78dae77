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

bool has_text(const Json& event, const char* key, std::string_view value) {
    const auto found = event.find(key);
    return found != event.end() && found->is_string() && found->get_ref<const std::string&>() == value;
}

std::string text_or(const Json& event, const char* key, std::string otherwise) {
    const auto found = event.find(key);
    return found != event.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

double number_or(const Json& event, const char* key, double otherwise) {
    const auto found = event.find(key);
    return found != event.end() && found->is_number() ? found->get<double>() : otherwise;
}

}  // namespace testudo
