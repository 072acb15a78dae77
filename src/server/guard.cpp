#include "server/guard.h"

#include <arpa/inet.h>
#include <sys/random.h>

#include <algorithm>

#include "core/error.h"
#include "core/hash.h"
#include "core/strings.h"

namespace testudo::server {

namespace {

constexpr const char* cookie_name = "testudo_token";
constexpr std::size_t least_token = 12;  // characters: guessing would take for ever
constexpr std::size_t login_bytes = 4096;

// "name:7851" -> "name", "[::1]:7851" -> "::1"; nothing for what is neither, "[::1].example" for one.
std::string without_port(const std::string& host) {
    const bool six = host.starts_with('[');
    const auto end = host.find(six ? ']' : ':');
    if (end == std::string::npos) return six ? "" : host;
    const std::string rest = host.substr(end + (six ? 1 : 0));
    if (!rest.empty() && (rest[0] != ':' || rest.find_first_not_of("0123456789", 1) != std::string::npos))
        return "";
    return host.substr(six ? 1 : 0, end - (six ? 1 : 0));
}

bool is_address(const std::string& host) {
    in6_addr buffer{};
    return ::inet_pton(AF_INET, host.c_str(), &buffer) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), &buffer) == 1;
}

// Takes as long for each wrong one.
bool same(const std::string& a, const std::string& b) {
    unsigned char difference = a.size() == b.size() ? 0 : 1;
    for (std::size_t i = 0; i < a.size(); ++i)
        difference = static_cast<unsigned char>(difference | (a[i] ^ b[b.empty() ? 0 : i % b.size()]));
    return difference == 0 && !b.empty();
}

std::string cookie_of(const Request& request) {
    for (const std::string& pair : split(request.header("cookie"), ';')) {
        const std::string one = trim(pair);
        if (one.starts_with(cat(cookie_name, "="))) return one.substr(one.find('=') + 1);
    }
    return {};
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
    return out;
}

}  // namespace

bool is_loopback(const std::string& host) {
    return host == "localhost" || host == "::1" || (host.starts_with("127.") && is_address(host));
}

std::string new_token() {
    unsigned char bytes[16];
    if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        throw environment_error("no random numbers for a token", "Give one with --token.");
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const unsigned char byte : bytes) {
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

std::string checked_token(const std::string& token) {
    const bool plain = std::none_of(token.begin(), token.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
    });
    if (token.size() < least_token || !plain || trim(token) != token)
        throw usage_error(
            cat("the token must have ", least_token,
                " characters or more, no control characters, and no spaces at its ends"),
            "Choose a longer one, or leave it out on an address beyond loopback: a random one is made.");
    return token;
}

// A name could be made to lead here by another site's DNS; an address cannot.
bool Guard::is_own_host(const std::string& host) const {
    const std::string name = lower_ascii(without_port(host));
    return name == "localhost" || name.ends_with(".localhost") || is_address(name) ||
           std::any_of(options_.names.begin(), options_.names.end(),
                       [&](const std::string& own) { return lower_ascii(own) == name; });
}

std::string Guard::cookie() const { return sha256(cat("testudo cookie ", options_.token)); }

bool Guard::is_known(const Request& request) const {
    if (options_.token.empty()) return true;
    const std::string given = request.header("authorization");
    constexpr std::string_view scheme = "bearer ";
    if (lower_ascii(given.substr(0, scheme.size())) == scheme &&
        same(trim(given.substr(scheme.size())), options_.token))
        return true;
    return same(cookie_of(request), cookie());
}

void Guard::check(const Request& request, bool is_public) const {
    const std::string host = request.header("host");
    if (!is_own_host(host))
        throw HttpError{421, "host",
                        cat("this server is not called \"", printable(to_utf8(std::string_view(host))), "\""),
                        "Open it by its address, or start it with --host-name NAME."};
    const std::string origin = request.header("origin"), site = request.header("sec-fetch-site");
    const auto scheme = origin.find("://");
    const bool foreign_origin =
        !origin.empty() &&
        (scheme == std::string::npos || lower_ascii(origin.substr(scheme + 3)) != lower_ascii(host));
    const bool foreign_site = site == "cross-site" || site == "same-site";
    const bool opens_page = request.method == "GET" && request.header("sec-fetch-mode") == "navigate" &&
                            !request.path.starts_with("/api/");
    if (foreign_origin || (foreign_site && !opens_page))
        throw HttpError{403, "forbidden", "another site asks for this", "Open the studio's own page."};
    if (!is_public && !is_known(request))
        throw HttpError{401, "unauthorized", "the token is missing or wrong",
                        "Log in with the token that the server printed at its start, or send it as "
                        "Authorization: Bearer TOKEN."};
}

Response Guard::login_page(const std::string& problem) const {
    Response response;
    response.status = problem.empty() ? 200 : 401;
    response.type = "text/html; charset=utf-8";
    response.headers.emplace_back("Cache-Control", "no-store");
    response.body = cat(
        R"(<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" )"
        R"(content="width=device-width, initial-scale=1"><title>Testudo: log in</title>)"
        R"(<link rel="icon" href="icon.svg" type="image/svg+xml"><link rel="stylesheet" href="login.css">)"
        R"(<script src="theme.js"></script><script src="login.js"></script></head>)"
        R"(<body><main><h1><img src="icon.svg" alt="" width="32" height="32">Testudo</h1>)",
        problem.empty() ? "" : cat(R"(<p class="problem" role="alert">)", escaped(problem), "</p>"),
        R"(<form method="post" action=")", options_.base,
        R"(login"><label for="token">Token</label><input id="token" name="token" type="password" )"
        R"(autocomplete="current-password" autofocus required aria-describedby="help"><p class="help" )"
        R"(id="help">The server printed it when it started.</p><button>Log in</button></form></main></body></html>)");
    return response;
}

Response Guard::login(const Request& request) const {
    const std::string type = lower_ascii(request.header("content-type"));
    const bool form = type.starts_with("application/x-www-form-urlencoded");
    std::string token;
    if (form) {
        for (const auto& [name, value] : parse_query(text_body(request, login_bytes)))
            if (name == "token") token = trim(value);
    } else {
        const Json body = json_body(request);
        if (const auto found = body.find("token"); found != body.end() && found->is_string())
            token = trim(found->get<std::string>());
    }
    if (!options_.token.empty() && !same(token, options_.token)) {
        if (form) return login_page("This is not the token.");
        throw HttpError{401, "unauthorized", "this is not the token",
                        "Use the one that the server printed at its start."};
    }
    Response response;
    response.status = form ? 303 : 204;
    if (form) response.headers.emplace_back("Location", options_.base);
    if (!options_.token.empty())
        response.headers.emplace_back("Set-Cookie", cat(cookie_name, "=", cookie(), "; Path=", options_.base,
                                                        "; HttpOnly; SameSite=Strict; Max-Age=31536000"));
    return response;
}

Response Guard::logout() const {
    Response response;
    response.status = 204;
    response.headers.emplace_back(
        "Set-Cookie", cat(cookie_name, "=; Path=", options_.base, "; HttpOnly; SameSite=Strict; Max-Age=0"));
    return response;
}

void add_security_headers(Response& response) {
    const auto has = [&](const char* name) {
        return std::any_of(response.headers.begin(), response.headers.end(),
                           [&](const auto& h) { return h.first == name; });
    };
    if (!has("Content-Security-Policy"))
        response.headers.emplace_back("Content-Security-Policy",
                                      "default-src 'none'; script-src 'self'; style-src 'self'; img-src "
                                      "'self' data: blob:; media-src 'self' blob:; "
                                      "connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src "
                                      "'self'; form-action 'self'; base-uri 'none'; "
                                      "frame-ancestors 'none'");
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.headers.emplace_back("X-Frame-Options", "DENY");
    // With no-referrer browsers would send forms of our own as from the origin "null".
    response.headers.emplace_back("Referrer-Policy", "same-origin");
    response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
    response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
    response.headers.emplace_back("Permissions-Policy", "microphone=(self), camera=(), geolocation=()");
}

}  // namespace testudo::server
