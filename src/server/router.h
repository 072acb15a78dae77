#pragma once
// Which handler answers which address.
#include <functional>
#include <string>
#include <vector>

#include "server/http.h"

namespace testudo::server {

using Handler = std::function<Response(const Request&)>;

class Router {
  public:
    // `pattern`: "/api/voices/{voice}/recordings". GET answers HEAD, too. A name in braces is one segment of
    // the path, decoded: UTF-8, without slashes and control characters, not "." or "..".
    void add(const std::string& method, const std::string& pattern, Handler handler);

    // Throws HttpError 404 and 405, Error(usage) for a path that is not encoded properly.
    Response answer(Request request) const;
    // "GET /api/state", …; for the tests of docs/openapi.yaml.
    std::vector<std::string> routes() const;

  private:
    struct Route {
        std::string method, pattern;
        std::vector<std::string> segments;
        Handler handler;
    };
    std::vector<Route> routes_;
};

}  // namespace testudo::server
