#include "server/router.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::server {

namespace {

bool is_name(const std::string& segment) { return segment.starts_with('{'); }

bool can_be_segment(const std::string& text) {
    return text != "." && text != ".." && std::none_of(text.begin(), text.end(), [](char c) {
               return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
           });
}

}  // namespace

void Router::add(const std::string& method, const std::string& pattern, Handler handler) {
    routes_.push_back({method, pattern, split(pattern.substr(1), '/'), std::move(handler)});
}

Response Router::answer(Request request) const {
    std::vector<std::string> segments;
    for (const std::string& raw : split(std::string_view(request.path).substr(1), '/')) {
        const auto segment = decode_percent(raw);
        if (!segment || !can_be_segment(*segment))
            throw usage_error(
                "the address holds what no name can hold",
                "Names are UTF-8, encoded with percent signs, without slashes and control characters.");
        segments.push_back(*segment);
    }
    const std::string method = request.method == "HEAD" ? "GET" : request.method;
    bool known = false;
    for (const Route& route : routes_) {
        if (route.segments.size() != segments.size()) continue;
        std::map<std::string, std::string> parts;
        bool fits = true;
        for (std::size_t i = 0; fits && i < segments.size(); ++i) {
            const std::string& wanted = route.segments[i];
            if (!is_name(wanted))
                fits = wanted == segments[i];
            else if (segments[i].empty())
                fits = false;
            else
                parts[wanted.substr(1, wanted.size() - 2)] = segments[i];
        }
        if (!fits) continue;
        known = true;
        if (route.method != method) continue;
        request.parts = std::move(parts);
        return route.handler(request);
    }
    if (known)
        throw HttpError{405, "method", cat(request.method, " is not possible here"),
                        "See docs/openapi.yaml for what is."};
    throw not_found("there is nothing at this address", "See docs/openapi.yaml for what there is.");
}

std::vector<std::string> Router::routes() const {
    std::vector<std::string> out;
    for (const Route& route : routes_) out.push_back(cat(route.method, " ", route.pattern));
    return out;
}

}  // namespace testudo::server
