#pragma once
// The web studio: HTTP API, event stream and page over a workspace.
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "server/http.h"
#include "server/http_server.h"
#include "studio/workspace.h"

namespace testudo::server {

struct ServeOptions {
    std::string host = "127.0.0.1";
    int port = 7851;                      // 0: any
    std::string base = "/";               // path below which everything is, behind a proxy
    std::string token;                    // empty: none on loopback, one of its own elsewhere
    std::vector<std::string> host_names;  // names that the server goes by, beside addresses and localhost
    std::string access_log;  // file of one JSON object a request; "-": standard output; empty: none
    fs::path program = "/proc/self/exe";  // what jobs are run with
    HttpLimits limits = {};
};

class Studio {
  public:
    // Error(usage) for a base path or host that cannot be; Error(environment) when the address is taken.
    Studio(const studio::Workspace& workspace, ServeOptions options);
    ~Studio();

    std::vector<std::string> addresses() const;  // http://127.0.0.1:7851/; several for 0.0.0.0 and ::
    const std::string& token() const;
    int port() const;
    void run();   // until stop()
    void stop();  // from any thread; jobs go on
    std::vector<std::string> routes() const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace testudo::server
