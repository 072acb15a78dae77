#pragma once
// Where connections wait for their next request: all of them in one thread, so that a client who sends
// slowly, half or nothing at all holds nobody up. Only a head that is whole gets a thread of its own.
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/connection.h"

namespace testudo::server {

struct LobbyLimits {
    std::chrono::milliseconds head{10000};  // from the first byte of a head to its last
    std::chrono::milliseconds idle{15000};  // for the first byte
    std::chrono::milliseconds leave{2000};  // for a client to read why it was sent away
    std::size_t seats = 1024;               // when more come, those who have waited longest are closed
};

class Lobby {
  public:
    // `ready` is called by the lobby's thread with a socket that is the callee's from then on, and what was
    // received: a whole head or more. It must be short.
    using Ready = std::function<void(int socket, std::string received)>;
    Lobby(const LobbyLimits& limits, std::size_t head_bytes, Ready ready);
    ~Lobby();  // leave()

    // From any thread; after leave() the socket is closed at once. `received` is what came already.
    void admit(int socket, std::string received = {});
    // Writes why, if given, and lets the client read what was written before its unread bytes reset the
    // connection.
    void send_away(int socket, const std::optional<Refusal>& why = {});
    void leave();  // closes all

  private:
    using Clock = std::chrono::steady_clock;
    struct Guest {
        int socket = -1;
        std::string received = {};
        Clock::time_point came, until;
        std::size_t searched = 0;  // of `received`: no end of a head there
        bool leaving = false;
        std::uint64_t discarded = 0;
    };

    void enter(Guest guest);
    void run();
    void receive_guests();
    int milliseconds_left() const;
    bool listen_to(Guest& guest);  // false: no longer here
    bool look_for_head(Guest& guest);
    void begin_to_leave(Guest& guest, const std::optional<Refusal>& why) const;
    void make_room();
    bool has_time(Guest& guest) const;  // false: no longer here

    const LobbyLimits limits_;
    const std::size_t head_bytes_;
    const Ready ready_;
    const int wake_;
    std::mutex mutex_;
    std::vector<Guest> coming_;  // guarded by mutex_
    bool closed_ = false;        // guarded by mutex_
    std::vector<Guest> guests_;  // the thread's own
    std::thread thread_;
};

}  // namespace testudo::server
