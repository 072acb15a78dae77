#pragma once
// Who may ask: hosts, origins and the token.
#include <string>
#include <vector>

#include "server/http.h"

namespace testudo::server {

struct GuardOptions {
    std::string token;               // empty: nobody is asked for one
    std::vector<std::string> names;  // host names the server goes by, beside localhost and any address
    std::string base = "/";          // path of the cookie
};

class Guard {
  public:
    explicit Guard(GuardOptions options) : options_(std::move(options)) {}

    // Throws HttpError: 421 for a host that is none of ours (DNS rebinding), 403 for another site's page,
    // 401 without the token. `is_public`: needs no token.
    void check(const Request& request, bool is_public) const;
    Response login(const Request& request) const;  // POST /login
    Response login_page(const std::string& problem) const;
    Response logout() const;
    bool is_known(const Request& request) const;  // has the token, or none is needed

  private:
    bool is_own_host(const std::string& host) const;
    std::string cookie() const;

    GuardOptions options_;
};

// Added to each answer: nothing of another site is loaded, run or framed, and nothing here by another site.
void add_security_headers(Response& response);

bool is_loopback(const std::string& host);
// One that somebody chose. Error(usage) when it could be guessed or not be sent.
std::string checked_token(const std::string& token);
std::string new_token();  // 32 hexadecimal digits from the system's source of randomness

}  // namespace testudo::server
