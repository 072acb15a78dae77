#pragma once
// Whether rank 0 can be reached at all, before c10d is started: that tells each failed try aloud, and gives
// up only after twice its time.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace testudo::training {

// Tries until something takes connections at `address`, `port`, a name that is not known yet included, for
// `seconds`; then, or once `stop` says so, returns what stood against it. `waiting` is called once, after a
// moment, with that.
std::optional<std::string> cannot_reach(const std::string& address, std::uint16_t port, double seconds,
                                        const std::function<bool()>& stop,
                                        const std::function<void(const std::string&)>& waiting);

}  // namespace testudo::training
