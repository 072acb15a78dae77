#pragma once
// One connection of a client that has sent a request (server/lobby.h waits for its head): bytes in and out
// with limits on size and time, so that slow, endless and malformed requests cost little and end. What it
// lets through is simpler than HTTP allows: a body has a length, heads are at most 32 KiB.
#include <httplib.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace testudo::server {

struct ConnectionLimits {
    std::chrono::milliseconds stall{30000};   // for the next bytes of a body, or until some are taken
    std::chrono::milliseconds hurried{1000};  // the same while others wait for a thread
    std::size_t head_bytes = 32 << 10;
    std::size_t line_bytes = 8000;
    std::size_t header_lines = 100;
    // Others wait for a thread: who has nothing to say gives his up.
    std::function<bool()> crowded = [] { return false; };
};

struct Refusal {
    int status = 400;
    const char* kind = "usage";
    const char* what = "";
};
std::string refusal_text(const Refusal& refusal);  // as an answer

constexpr std::string_view head_end = "\r\n\r\n";

// What is wrong with a head (request line and headers, with the blank line), if anything. `body` becomes the
// length of the body.
std::optional<Refusal> check_head(std::string_view head, const ConnectionLimits& limits, std::uint64_t& body);

// In front of the names of headers that the library must not understand.
constexpr const char* own_header = "own-";
std::string hidden_from_library(std::string_view head);

class Connection : public httplib::Stream {
  public:
    // `stop`: a descriptor that becomes readable when the server stops. `received`: a whole head, or more.
    Connection(int socket, int stop, const ConnectionLimits& limits, std::string received);

    // Of the next request: false when its head is not whole. Then, or before the next one, comes body.
    bool has_head() const { return buffer_.find(head_end, given_) != std::string::npos; }
    std::optional<Refusal> begin_request();  // what is wrong with it
    std::string take_rest();                 // what was received of later requests
    std::uint64_t body_left() const { return body_left_; }
    std::uint64_t bytes_written() const { return written_; }

    // The handler of this request wants the socket for itself: what the library writes is dropped.
    void take(std::function<void(int socket)> by) { taken_by_ = std::move(by); }
    const std::function<void(int socket)>& taken_by() const { return taken_by_; }

    bool is_readable() const override;
    bool is_writable() const override;
    ssize_t read(char* to, std::size_t size) override;
    ssize_t write(const char* from, std::size_t size) override;
    void get_remote_ip_and_port(std::string& ip, int& port) const override;
    void get_local_ip_and_port(std::string& ip, int& port) const override;
    socket_t socket() const override { return socket_; }

  private:
    bool wait(short events, std::chrono::steady_clock::time_point until) const;
    bool wait_for_body() const;
    bool stopped() const;

    int socket_, stop_;
    const ConnectionLimits& limits_;
    std::string buffer_;     // received and not yet given to the library
    std::size_t given_ = 0;  // of buffer_
    std::size_t head_left_ = 0;
    std::uint64_t body_left_ = 0, written_ = 0;
    std::function<void(int)> taken_by_;
};

}  // namespace testudo::server
