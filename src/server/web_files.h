#pragma once
// The page, as it was built into the program (web/dist); none where the program was built without it.
#include <span>
#include <string_view>

#include "server/http.h"

namespace testudo::server {

struct WebFile {
    std::string_view path;   // "/index.html"
    std::string_view bytes;  // gzip
    std::string_view hash;   // of the file
};
std::span<const WebFile> web_files();

// Which page it is; empty without one. The names of all other files stand in it, with their hashes.
std::string_view page_hash();

// "/" is /index.html. Nothing when there is no such file.
std::optional<Response> web_response(const Request& request);

}  // namespace testudo::server
