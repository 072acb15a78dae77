#pragma once
// One connection of a client: bytes in and out with limits on size and time, so that slow, endless and
// malformed requests cost little and end. What it lets through is simpler than HTTP allows: a body has a
// length, heads are at most 32 KiB.
#include <httplib.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace testudo::server {

struct ConnectionLimits {
    std::chrono::milliseconds head{10000};   // from the first byte of a head to its last
    std::chrono::milliseconds idle{15000};   // between requests
    std::chrono::milliseconds stall{30000};  // for the next bytes of a body, or until some are taken
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
// What is wrong with a head (request line and headers, with the blank line), if anything. `body` becomes the
// length of the body.
std::optional<Refusal> check_head(std::string_view head, const ConnectionLimits& limits, std::uint64_t& body);

// In front of the names of headers that the library must not understand.
constexpr const char* own_header = "own-";
std::string hidden_from_library(std::string_view head);

class Connection : public httplib::Stream {
  public:
    // `stop`: a descriptor that becomes readable when the server stops.
    Connection(int socket, int stop, const ConnectionLimits& limits);

    enum class Head { ready, refused, gone };
    // Waits for a request and reads its head. `refused`: an answer was written.
    Head read_head();
    std::uint64_t body_left() const { return body_left_; }
    std::uint64_t bytes_written() const { return written_; }

    // The handler of this request wants the socket for itself: what the library writes is dropped.
    void take(std::function<void(int socket)> by) { taken_by_ = std::move(by); }
    const std::function<void(int socket)>& taken_by() const { return taken_by_; }

    void refuse(const Refusal& refusal);  // writes it
    // Lets the client read what was written before its unread bytes reset the connection.
    void linger();

    bool is_readable() const override;
    bool is_writable() const override;
    ssize_t read(char* to, std::size_t size) override;
    ssize_t write(const char* from, std::size_t size) override;
    void get_remote_ip_and_port(std::string& ip, int& port) const override;
    void get_local_ip_and_port(std::string& ip, int& port) const override;
    socket_t socket() const override { return socket_; }

  private:
    bool wait(short events, std::chrono::steady_clock::time_point until) const;

    int socket_, stop_;
    const ConnectionLimits& limits_;
    std::string buffer_;     // received and not yet given to the library
    std::size_t given_ = 0;  // of buffer_
    std::size_t head_left_ = 0;
    std::uint64_t body_left_ = 0, written_ = 0;
    std::function<void(int)> taken_by_;
};

}  // namespace testudo::server
