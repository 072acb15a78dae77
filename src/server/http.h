#pragma once
// Requests and answers as the server's handlers see them; which library carries them is known to
// http_server.cpp alone.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/files.h"
#include "core/json.h"

namespace testudo::server {

using Names = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string method;                        // GET, HEAD, POST, PUT, DELETE
    std::string path;                          // below the base path, as sent: "/api/voices/ad%C3%A4"
    Names query, headers;                      // names of headers in lower case
    std::map<std::string, std::string> parts;  // what stood at {name} in the route, decoded
    std::string remote;                        // address of who asks
    std::uint64_t length = 0;                  // of the body

    // Gives the body piece by piece to `sink`, which returns false for no more. False when the connection
    // broke off before the end. To be called once at most.
    std::function<bool(const std::function<bool(std::string_view)>& sink)> body;

    std::string header(std::string_view name) const;                // empty when there is none
    std::optional<std::string> value(std::string_view name) const;  // of the query
    const std::string& part(const std::string& name) const { return parts.at(name); }
};

// A part of a file, opened: what is sent stays the same though the name gets another file meanwhile.
struct FilePart {
    explicit FilePart(const fs::path& file);  // Error(input) when it cannot be opened
    ~FilePart();
    FilePart(const FilePart&) = delete;
    FilePart& operator=(const FilePart&) = delete;

    int descriptor = -1;
    std::uint64_t size = 0;               // of the whole file
    std::uint64_t offset = 0, count = 0;  // what is sent
    double changed = 0;                   // seconds since 1970
};

struct Response {
    int status = 200;
    std::string type = "application/json";
    std::string body;
    Names headers = {};
    std::shared_ptr<FilePart> file = {};  // instead of body
    // The connection is no longer ours: this gets its socket, and closes it one day.
    std::function<void(int socket)> take_over = {};
};

// What a handler throws when the answer is none of core/error.h's kinds.
struct HttpError {
    int status = 500;
    std::string kind, what, hint;
    Json more = Json::object();  // other keys of "error"
    Json fresh = {};             // of a conflict: what is there now
};
HttpError not_found(const std::string& what, const std::string& hint);
HttpError conflict(const std::string& what, const std::string& hint, Json fresh = {});

Response json_response(const Json& value, int status = 200);
HttpError handled_error();             // whatever is being handled in a catch block
Json to_json(const HttpError& error);  // what a page shows of it: what, hint, kind, …
Response error_response();             // of handled_error()
Response error_response(const HttpError& error);

// The JSON object of a body of at most 8 MiB. HttpError 415 for another type, 413; Error(usage) for no JSON.
Json json_body(const Request& request);
// All of a body of at most `limit` bytes.
std::string text_body(const Request& request, std::size_t limit);

// Query values. Error(usage) for what is none, or out of bounds.
bool flag_of(const Request& request, const char* name, bool fallback);
double number_of(const Request& request, const char* name, std::optional<double> fallback);
std::int64_t integer_of(const Request& request, const char* name, std::optional<std::int64_t> fallback,
                        std::int64_t least, std::int64_t most);
std::string choice_of(const Request& request, const char* name, const std::vector<std::string>& choices);

// "a%20b" -> "a b"; `plus`: '+' is a space, too. Nothing for what is not encoded properly, or no UTF-8.
std::optional<std::string> decode_percent(std::string_view text, bool plus = false);
Names parse_query(std::string_view query);

// The file with the one range that the request asks for: 200, 206 or 416. `type` as in Content-Type.
Response file_response(const Request& request, const fs::path& file, const std::string& type);

// `text` with an ETag; 304 when the request has it already.
Response tagged_response(const Request& request, Response response, const std::string& etag);

}  // namespace testudo::server
