#include "server/connection.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <set>

#include "core/strings.h"
#include "server/http.h"

namespace testudo::server {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds look_around{100};

// Another reader of the same request could go by the other one.
constexpr std::string_view once[] = {"host",          "origin", "sec-fetch-site", "sec-fetch-mode",
                                     "authorization", "cookie", "content-length", "content-type",
                                     "content-range", "range"};

std::optional<std::uint64_t> body_length(const std::string& value) {
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (value.empty() || error != std::errc() || end != value.data() + value.size()) return std::nullopt;
    return length;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

void address_of(int socket, int (*get)(int, sockaddr*, socklen_t*), std::string& ip, int& port) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    char text[INET6_ADDRSTRLEN] = "";
    if (get(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return;
    if (address.ss_family == AF_INET) {
        const auto* four = reinterpret_cast<const sockaddr_in*>(&address);
        ::inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
        port = ntohs(four->sin_port);
    } else if (address.ss_family == AF_INET6) {
        const auto* six = reinterpret_cast<const sockaddr_in6*>(&address);
        ::inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
        port = ntohs(six->sin6_port);
    }
    ip = text;
}

}  // namespace

std::optional<Refusal> check_head(std::string_view head, const ConnectionLimits& limits,
                                  std::uint64_t& body) {
    body = 0;
    for (auto at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at + 1))
        if (at == 0 || head[at - 1] != '\r') return Refusal{400, "usage", "a line does not end as it should"};
    const auto lines = split_lines(head.substr(0, head.size() - head_end.size()));
    if (lines.empty()) return Refusal{400, "usage", "the request has no first line"};
    if (lines.size() - 1 > limits.header_lines)
        return Refusal{431, "usage", "the request has too many headers"};
    const auto words = split(lines[0], ' ');
    if (words.size() != 3 || !is_token(words[0]) || !words[2].starts_with("HTTP/1."))
        return Refusal{400, "usage", "the first line of the request cannot be read"};
    if (lines[0].size() > limits.line_bytes) return Refusal{414, "usage", "the address is too long"};
    if (!words[1].starts_with('/')) return Refusal{400, "usage", "the address does not begin with a slash"};
    std::set<std::string> seen;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const std::string& line = lines[i];
        if (line.size() > limits.line_bytes) return Refusal{431, "usage", "a header is too long"};
        const auto colon = line.find(':');
        if (colon == std::string::npos || !is_token(std::string_view(line).substr(0, colon)))
            return Refusal{400, "usage", "a header cannot be read"};
        if (std::any_of(line.begin(), line.end(), [](char c) {
                return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
            }))
            return Refusal{400, "usage", "a header holds control characters"};
        const std::string name = lower_ascii(std::string_view(line).substr(0, colon)),
                          value = trim(std::string_view(line).substr(colon + 1));
        if (!seen.insert(name).second && std::find(std::begin(once), std::end(once), name) != std::end(once))
            return Refusal{400, "usage", "the request has two of a header that there is one of"};
        if (name == "content-length") {
            const auto length = body_length(value);
            if (!length) return Refusal{400, "usage", "the length of the request cannot be read"};
            body = *length;
        } else if (name == "transfer-encoding") {
            return Refusal{411, "usage", "the request does not say how long it is"};
        } else if (name == "content-encoding" && value != "identity") {
            return Refusal{415, "media_type", "the request is compressed"};
        }
    }
    return std::nullopt;
}

// The library would read Range by a regular expression and numbers that may overflow, and compress by
// Accept-Encoding: both are ours. It gets them under another name.
std::string hidden_from_library(std::string_view head) {
    std::string out;
    for (std::size_t at = 0; at < head.size();) {
        const auto end = head.find("\r\n", at) + 2;
        const std::string_view line = head.substr(at, end - at);
        const std::string name = lower_ascii(line.substr(0, line.find(':')));
        if (name == "range" || name == "accept-encoding") out += own_header;
        out += line;
        at = end;
    }
    return out;
}

std::string refusal_text(const Refusal& refusal) {
    const Response answer = error_response(
        {refusal.status, refusal.kind, refusal.what, "See docs/http.md for what a request may be."});
    return cat("HTTP/1.1 ", refusal.status,
               " Refused\r\nContent-Type: application/json\r\nContent-Length: ", answer.body.size(),
               "\r\nConnection: close\r\n\r\n", answer.body);
}

Connection::Connection(int socket, int stop, const ConnectionLimits& limits, std::string received)
    : socket_(socket), stop_(stop), limits_(limits), buffer_(std::move(received)) {}

bool Connection::stopped() const {
    pollfd polled{stop_, POLLIN, 0};
    return ::poll(&polled, 1, 0) == 1;
}

bool Connection::wait(short events, Clock::time_point until) const {
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        if (left <= 0) return false;
        pollfd polled[] = {{socket_, events, 0}, {stop_, POLLIN, 0}};
        const int count = ::poll(polled, 2, static_cast<int>(left));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0 || polled[1].revents) return false;
        return true;
    }
}

std::optional<Refusal> Connection::begin_request() {
    buffer_.erase(0, given_);
    given_ = 0;
    const std::size_t size = buffer_.find(head_end) + head_end.size();
    if (size > limits_.head_bytes) return Refusal{431, "usage", "the head of the request is too large"};
    if (const auto refusal = check_head(std::string_view(buffer_).substr(0, size), limits_, body_left_))
        return refusal;
    const std::string head = hidden_from_library(std::string_view(buffer_).substr(0, size));
    buffer_.replace(0, size, head);
    head_left_ = head.size();
    written_ = 0;
    return std::nullopt;
}

std::string Connection::take_rest() {
    std::string rest = buffer_.substr(given_);
    buffer_.clear();
    given_ = 0;
    return rest;
}

bool Connection::wait_for_body() const {
    const auto began = Clock::now();
    while (!wait(POLLIN, Clock::now() + look_around)) {
        const auto waited = Clock::now() - began;
        if (waited >= limits_.stall || (waited >= limits_.hurried && limits_.crowded()) || stopped())
            return false;
    }
    return true;
}

bool Connection::is_readable() const { return true; }

bool Connection::is_writable() const { return taken_by_ || wait(POLLOUT, Clock::now() + limits_.stall); }

ssize_t Connection::read(char* to, std::size_t size) {
    // Never beyond this request: what follows is the next one's.
    const std::uint64_t left = head_left_ > 0 ? head_left_ : body_left_;
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, left));
    if (size == 0) return 0;
    ssize_t got = 0;
    if (given_ < buffer_.size()) {
        size = std::min(size, buffer_.size() - given_);
        std::copy_n(buffer_.data() + given_, size, to);
        given_ += size;
        got = static_cast<ssize_t>(size);
    } else {
        do {
            if (!wait_for_body()) return -1;
            got = ::recv(socket_, to, size, 0);
        } while (got < 0 && (errno == EINTR || errno == EAGAIN));
    }
    if (got > 0 && head_left_ > 0)
        head_left_ -= static_cast<std::size_t>(got);
    else if (got > 0)
        body_left_ -= static_cast<std::uint64_t>(got);
    return got;
}

ssize_t Connection::write(const char* from, std::size_t size) {
    if (taken_by_) return static_cast<ssize_t>(size);
    while (wait(POLLOUT, Clock::now() + limits_.stall)) {
        const ssize_t sent = ::send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (sent > 0) written_ += static_cast<std::uint64_t>(sent);
        return sent;
    }
    return -1;
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
    address_of(socket_, ::getpeername, ip, port);
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
    address_of(socket_, ::getsockname, ip, port);
}

}  // namespace testudo::server
