#include "server/lobby.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace testudo::server {

namespace {

constexpr std::uint64_t most_discarded = std::uint64_t{16} << 20;
constexpr std::size_t piece_bytes = 16384;

}  // namespace

Lobby::Lobby(const LobbyLimits& limits, std::size_t head_bytes, Ready ready)
    : limits_(limits),
      head_bytes_(head_bytes),
      ready_(std::move(ready)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

Lobby::~Lobby() {
    leave();
    ::close(wake_);
}

void Lobby::enter(Guest guest) {
    {
        const std::scoped_lock lock(mutex_);
        if (closed_) {
            ::close(guest.socket);
            return;
        }
        coming_.push_back(std::move(guest));
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
}

void Lobby::admit(int socket, std::string received) {
    const auto now = Clock::now();
    const auto until = now + (received.empty() ? limits_.idle : limits_.head);
    enter({.socket = socket, .received = std::move(received), .came = now, .until = until});
}

void Lobby::send_away(int socket, const std::optional<Refusal>& why) {
    Guest guest{.socket = socket, .came = Clock::now(), .until = {}};
    begin_to_leave(guest, why);
    enter(std::move(guest));
}

void Lobby::leave() {
    {
        const std::scoped_lock lock(mutex_);
        closed_ = true;
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
    if (thread_.joinable()) thread_.join();
}

void Lobby::begin_to_leave(Guest& guest, const std::optional<Refusal>& why) const {
    if (why) {
        // It fits what the kernel keeps for a socket; who has left so much unread gets no answer.
        const std::string text = refusal_text(*why);
        [[maybe_unused]] const ssize_t sent =
            ::send(guest.socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    ::shutdown(guest.socket, SHUT_WR);
    guest.leaving = true;
    guest.received = {};
    guest.until = Clock::now() + limits_.leave;
}

bool Lobby::look_for_head(Guest& guest) {
    const auto end = guest.received.find(head_end, guest.searched);
    if (end == std::string::npos && guest.received.size() <= head_bytes_) {
        guest.searched =
            guest.received.size() < head_end.size() ? 0 : guest.received.size() - head_end.size();
        return true;
    }
    if (end == std::string::npos || end + head_end.size() > head_bytes_) {
        begin_to_leave(guest, Refusal{431, "usage", "the head of the request is too large"});
        return true;
    }
    ready_(guest.socket, std::move(guest.received));
    return false;
}

bool Lobby::listen_to(Guest& guest) {
    char piece[piece_bytes];
    const ssize_t got = ::recv(guest.socket, piece, sizeof piece, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    guest.discarded += guest.leaving && got > 0 ? static_cast<std::uint64_t>(got) : 0;
    if (got <= 0 || guest.discarded > most_discarded) {
        ::close(guest.socket);
        return false;
    }
    if (guest.leaving) return true;
    if (guest.received.empty()) guest.until = Clock::now() + limits_.head;
    guest.received.append(piece, static_cast<std::size_t>(got));
    return look_for_head(guest);
}

bool Lobby::has_time(Guest& guest) const {
    if (Clock::now() < guest.until) return true;
    if (!guest.leaving && !guest.received.empty()) {
        begin_to_leave(guest, Refusal{408, "usage", "the head of the request took too long"});
        return true;
    }
    ::close(guest.socket);
    return false;
}

void Lobby::make_room() {
    if (guests_.size() <= limits_.seats) return;
    const auto first_to_stay = guests_.begin() + static_cast<std::ptrdiff_t>(guests_.size() - limits_.seats);
    std::nth_element(guests_.begin(), first_to_stay, guests_.end(),
                     [](const Guest& a, const Guest& b) { return a.came < b.came; });
    for (auto guest = guests_.begin(); guest != first_to_stay; ++guest) ::close(guest->socket);
    guests_.erase(guests_.begin(), first_to_stay);
}

void Lobby::receive_guests() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_, &count, sizeof count);
    std::vector<Guest> coming;
    {
        const std::scoped_lock lock(mutex_);
        coming.swap(coming_);
    }
    for (Guest& guest : coming)
        if (guest.received.empty() || look_for_head(guest)) guests_.push_back(std::move(guest));
    make_room();
}

int Lobby::milliseconds_left() const {
    auto until = Clock::time_point::max();
    for (const Guest& guest : guests_) until = std::min(until, guest.until);
    if (until == Clock::time_point::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60000));
}

void Lobby::run() {
    std::vector<pollfd> polled;
    while (true) {
        {
            const std::scoped_lock lock(mutex_);
            if (closed_) break;
        }
        polled.assign(1, {wake_, POLLIN, 0});
        for (const Guest& guest : guests_) polled.push_back({guest.socket, POLLIN, 0});
        if (::poll(polled.data(), polled.size(), milliseconds_left()) < 0) continue;
        std::size_t stayed = 0;
        for (std::size_t i = 0; i < guests_.size(); ++i) {
            if ((polled[i + 1].revents && !listen_to(guests_[i])) || !has_time(guests_[i])) continue;
            if (stayed != i) guests_[stayed] = std::move(guests_[i]);
            ++stayed;
        }
        guests_.resize(stayed);
        if (polled[0].revents) receive_guests();
    }
    for (const Guest& guest : guests_) ::close(guest.socket);
    for (const Guest& guest : coming_) ::close(guest.socket);
}

}  // namespace testudo::server
