#include "server/web_files.h"

#include <algorithm>

#include "core/strings.h"
#include "server/gzip.h"

namespace testudo::server {

namespace {

constexpr std::string_view no_page =
    "<!doctype html><html lang=\"en\"><meta "
    "charset=\"utf-8\"><title>Testudo</title><main><h1>Testudo</h1><p>This program was built "
    "without its page. Build it with <code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>, then "
    "build the program again."
    "</p><p>The API works: see <a href=\"api/state\">api/state</a> and docs/openapi.yaml.</p></main></html>";

std::string type_of(std::string_view path) {
    static constexpr std::pair<std::string_view, std::string_view> types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".txt", "text/plain; charset=utf-8"},
        {".map", "application/json"}};
    for (const auto& [ending, type] : types)
        if (path.ends_with(ending)) return std::string(type);
    return "application/octet-stream";
}

bool takes_gzip(const Request& request) {
    return request.header("accept-encoding").find("gzip") != std::string::npos;
}

}  // namespace

std::string_view page_hash() {
    for (const WebFile& file : web_files())
        if (file.path == "/index.html") return file.hash;
    return {};
}

std::optional<Response> web_response(const Request& request) {
    const std::string path = request.path == "/" ? "/index.html" : request.path;
    const auto files = web_files();
    const auto found =
        std::find_if(files.begin(), files.end(), [&](const WebFile& file) { return file.path == path; });
    Response response;
    if (found == files.end()) {
        if (path != "/index.html") return std::nullopt;
        response.type = "text/html; charset=utf-8";
        response.body = no_page;
        return response;
    }
    response.type = type_of(path);
    const std::string tag = cat('"', found->hash, '"');
    if (takes_gzip(request)) {
        response.body = found->bytes;
        response.headers.emplace_back("Content-Encoding", "gzip");
    } else {
        response.body = gunzip(found->bytes);
    }
    response.headers.emplace_back("Vary", "Accept-Encoding");
    response = tagged_response(request, std::move(response), tag);
    // Names of built files hold a hash of what is in them.
    if (path.starts_with("/assets/"))
        for (auto& [name, value] : response.headers)
            if (name == "Cache-Control") value = "public, max-age=31536000, immutable";
    return response;
}

}  // namespace testudo::server
