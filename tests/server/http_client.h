#pragma once
// A client that says exactly what a test wants to be said, byte for byte.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/strings.h"
#include "server/described.h"

namespace testudo::test {

struct Answer {
    int status = 0;                              // 0: the connection ended without one
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    Json json() const { return Json::parse(body, nullptr, false); }
};

class Socket {
  public:
    explicit Socket(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    ~Socket() { ::close(socket_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    bool connected() const { return connected_; }
    bool send(std::string_view text) const {
        while (!text.empty()) {
            const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    // More of what was received; false at the end, or after `seconds` without anything.
    bool receive(double seconds = 10) {
        pollfd polled{socket_, POLLIN, 0};
        if (::poll(&polled, 1, static_cast<int>(seconds * 1000)) != 1) return false;
        char piece[65536];
        const ssize_t got = ::recv(socket_, piece, sizeof piece, 0);
        if (got <= 0) return false;
        received.append(piece, static_cast<std::size_t>(got));
        return true;
    }
    // The next answer on this connection.
    Answer answer(bool has_body = true, double seconds = 10) {
        Answer out;
        std::size_t end;
        while ((end = received.find("\r\n\r\n")) == std::string::npos)
            if (!receive(seconds)) return out;
        const auto lines = split_lines(received.substr(0, end));
        out.status = std::stoi(split(lines[0], ' ').at(1));
        for (std::size_t i = 1; i < lines.size(); ++i) {
            const auto colon = lines[i].find(':');
            out.headers[lower_ascii(lines[i].substr(0, colon))] = trim(lines[i].substr(colon + 1));
        }
        received.erase(0, end + 4);
        if (out.status == 100) return answer(has_body, seconds);
        if (!has_body || out.status == 204 || out.status == 304 || !out.headers.contains("content-length"))
            return out;
        const std::size_t length = std::stoull(out.headers["content-length"]);
        while (received.size() < length)
            if (!receive(seconds)) break;
        out.body = received.substr(0, length);
        received.erase(0, length);
        return out;
    }
    std::string received;

  private:
    int socket_;
    bool connected_ = false;
};

struct Call {
    std::string method = "GET", target;
    std::string headers = {};  // lines with their ends
    std::string body = {};
};

inline std::string text_of(const Call& call, int port) {
    const bool hosted = call.headers.find("Host:") != std::string::npos;
    const bool sized = !call.body.empty() || call.method == "POST" || call.method == "PUT";
    return cat(call.method, " ", call.target, " HTTP/1.1\r\n",
               hosted ? "" : cat("Host: 127.0.0.1:", port, "\r\n"), call.headers,
               sized ? cat("Content-Length: ", call.body.size(), "\r\n") : "", "\r\n", call.body);
}

// Each answer must be one that docs/openapi.yaml describes.
inline Answer ask(int port, const Call& call) {
    Socket socket(port);
    socket.send(text_of(call, port));
    Answer answer = socket.answer(call.method != "HEAD");
    const auto type = answer.headers.find("content-type");
    EXPECT_EQ(undescribed(call.method, call.target, answer.status,
                          type == answer.headers.end() ? "" : type->second, answer.body),
              "");
    return answer;
}

inline Answer get(int port, const std::string& target, const std::string& headers = {}) {
    return ask(port, {"GET", target, headers});
}

inline Answer send_json(int port, const std::string& method, const std::string& target, const Json& body) {
    return ask(port, {method, target, "Content-Type: application/json\r\n", body.dump()});
}

}  // namespace testudo::test
