#include "training/reach_rank0.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>

#include "core/strings.h"

namespace testudo::training {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds nap{200};
constexpr milliseconds longest_try{2000};  // for one address: another may answer
constexpr milliseconds soon{2000};         // until it is said that this takes long

// Zero, or the errno of what stood against it.
int error_of_connecting(const addrinfo& place, milliseconds longest) {
    const int socket = ::socket(place.ai_family, place.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket < 0) return errno;
    int error = ::connect(socket, place.ai_addr, place.ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        pollfd done{socket, POLLOUT, 0};
        socklen_t size = sizeof error;
        if (::poll(&done, 1, static_cast<int>(longest.count())) != 1)
            error = ETIMEDOUT;
        else if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            error = errno;
    }
    ::close(socket);
    return error;
}

std::optional<std::string> try_once(const std::string& address, std::uint16_t port, milliseconds longest) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (const int error = ::getaddrinfo(address.c_str(), cat(port).c_str(), &hints, &found); error != 0)
        return cat("the name ", printable(address), " is not known (", ::gai_strerror(error), ")");
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
    int error = 0;
    for (const addrinfo* place = found; place; place = place->ai_next)
        if ((error = error_of_connecting(*place, longest)) == 0) return {};
    return std::string(std::strerror(error));
}

}  // namespace

std::optional<std::string> cannot_reach(const std::string& address, std::uint16_t port, double seconds,
                                        const std::function<bool()>& stop,
                                        const std::function<void(const std::string&)>& waiting) {
    const auto start = Clock::now();
    const auto end =
        start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    bool said = false;
    while (true) {
        const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
        auto why = try_once(address, port, std::clamp(left, milliseconds(1), longest_try));
        if (!why || stop() || Clock::now() + nap > end) return why;
        if (!said && waiting && Clock::now() > start + soon) {
            waiting(*why);
            said = true;
        }
        std::this_thread::sleep_for(nap);
    }
}

}  // namespace testudo::training
