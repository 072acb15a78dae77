#include "training/meeting.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstring>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "core/interrupt.h"
#include "core/strings.h"
#include "training/reach_rank0.h"

namespace testudo::training {

namespace {

using std::chrono::milliseconds;

constexpr double beat_seconds = 1, poll_seconds = 0.05;
constexpr double farewell_seconds = 3;   // for the others to hear why this process leaves
constexpr double greeting_seconds = 10;  // for a store that is reached to answer
constexpr double parting_seconds = 10;   // for the others to be done at the end
constexpr const char* lost_key = "lost";

milliseconds as_milliseconds(double seconds) { return milliseconds(std::llround(1000 * seconds)); }

std::string machine() {
    char name[HOST_NAME_MAX + 1] = {};
    return ::gethostname(name, HOST_NAME_MAX) == 0 ? to_utf8(name) : std::string("unknown");
}

std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

// A free port that this machine alone reaches; the store takes the socket over.
int local_socket() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (socket < 0 || ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw environment_error(cat("cannot listen on 127.0.0.1: ", std::strerror(errno)),
                                "Close programs that hold many connections, then try again.");
    return socket;
}

bool serves_store(const World& world) { return world.leads() && !world.served; }

c10::intrusive_ptr<c10d::TCPStore> connect(const World& world, bool serves, double seconds) {
    c10d::TCPStoreOptions options;
    options.port = world.port;
    options.isServer = serves;
    options.numWorkers = static_cast<std::size_t>(world.size);
    options.waitWorkers = false;
    options.timeout = as_milliseconds(seconds);
    if (serves && world.port == 0) options.masterListenFd = local_socket();
    // Who serves need not find itself by a name.
    return c10::make_intrusive<c10d::TCPStore>(serves_store(world) ? "127.0.0.1" : world.address, options);
}

}  // namespace

Meeting::Meeting(const World& world, MeetingOptions options)
    : world_(world),
      options_(std::move(options)),
      beats_(static_cast<std::size_t>(world.size)),
      heard_(static_cast<std::size_t>(world.size)) {
    for (int rank = 0; rank < world_.size; ++rank) who_.push_back(cat("rank ", rank));
    open();
    try {
        wait_for_all();
    } catch (const Error&) {
        throw;
    } catch (const std::exception&) {
        throw environment_error("rank 0 left while the other ranks were waited for",
                                "See what it said, then start again.");
    }
    std::fill(heard_.begin(), heard_.end(), Clock::now());
    answered_ = Clock::now();
    beat_ = std::thread([this] { beat(); });
    look_after_ = std::thread([this] { look_after(); });
}

Meeting::~Meeting() { stop_threads(); }

std::string Meeting::key(const std::string& name) const { return cat("testudo/", world_.attempt, "/", name); }

c10::intrusive_ptr<c10d::Store> Meeting::store(const std::string& name) const {
    return c10::make_intrusive<c10d::PrefixStore>(key(name), store_);
}

const std::string& Meeting::who(int rank) const { return who_.at(static_cast<std::size_t>(rank)); }

void Meeting::reach_rank0() const {
    const auto why =
        cannot_reach(world_.address, world_.port, options_.join_seconds, stop_requested, options_.waiting);
    if (!why) return;
    if (stop_requested())
        throw Error(ErrorKind::interrupted, "stopped while rank 0 was waited for", "Start again.");
    throw environment_error(cat("rank 0 is missing: nothing answered at ", world_.address, ", port ",
                                world_.port, ", within ", options_.join_seconds, " s: ", *why),
                            "Start rank 0 on that machine with the same MASTER_ADDR and MASTER_PORT, and "
                            "let no firewall stand between.");
}

void Meeting::open() {
    const bool serves = serves_store(world_);
    if (!serves) reach_rank0();
    try {
        const auto store = connect(world_, serves, serves ? options_.join_seconds : greeting_seconds);
        store->setTimeout(as_milliseconds(options_.join_seconds));
        world_.port = store->getPort();
        store_ = store;
    } catch (const std::exception& error) {
        const std::string why = error.what();
        if (serves)
            throw environment_error(
                cat("rank 0 cannot listen on port ", world_.port, ": ", why.substr(0, why.find('\n'))),
                "Choose another MASTER_PORT, the same on all machines.");
        throw environment_error(
            cat("what answers at ", world_.address, ", port ", world_.port, " is not rank 0 of a training"),
            "Choose another MASTER_PORT, the same on all machines.");
    }
    if (options_.listening) options_.listening(world_.port);
}

void Meeting::wait_for_all() {
    const auto start = Clock::now();
    store_->set(key(cat("who/", world_.rank)), cat("process ", ::getpid(), " on the machine ", machine()));
    arrive("here");
    for (;;) {
        const std::vector<int> absent = missing("here");
        if (absent.empty()) break;
        if (stop_requested())
            throw Error(ErrorKind::interrupted, "stopped while the other ranks were waited for",
                        "Start again.");
        std::optional<std::string> why = options_.ended ? options_.ended() : std::nullopt;
        if (!why && store_->check({key(lost_key)})) why = text_of(store_->get(key(lost_key)));
        if (why) throw environment_error(*why, "See what it said, correct that and start again.");
        if (std::chrono::duration<double>(Clock::now() - start).count() > options_.join_seconds) {
            std::vector<std::string> names;
            for (const int rank : absent) names.push_back(cat("rank ", rank));
            throw environment_error(
                cat(join(names, ", "), absent.size() == 1 ? " is" : " are", " missing: of ", world_.size,
                    " ranks ", world_.size - static_cast<int>(absent.size()), " met at ", world_.address,
                    ", port ", world_.port, ", within ", options_.join_seconds, " s"),
                "Start them too, with the same WORLD_SIZE, MASTER_ADDR and MASTER_PORT, or give them more "
                "time with "
                "--join-seconds.");
        }
        std::this_thread::sleep_for(as_milliseconds(poll_seconds));
    }
    for (int rank = 0; rank < world_.size; ++rank)
        who_[static_cast<std::size_t>(rank)] =
            cat("rank ", rank, " (", printable(text_of(store_->get(key(cat("who/", rank))))), ")");
}

void Meeting::arrive(const std::string& step) { store_->set(key(cat(step, "/", world_.rank)), "1"); }

std::vector<int> Meeting::missing(const std::string& step) const {
    std::vector<int> absent;
    for (int rank = 0; rank < world_.size; ++rank)
        if (!store_->check({key(cat(step, "/", rank))})) absent.push_back(rank);
    return absent;
}

std::optional<std::string> Meeting::lost() const {
    const std::lock_guard lock(mutex_);
    return lost_.empty() ? std::nullopt : std::optional(lost_);
}

void Meeting::name_lost(const std::string& why) {
    {
        const std::lock_guard lock(mutex_);
        if (!lost_.empty()) return;
        lost_ = why;
        lost_at_ = Clock::now();
    }
    changed_.notify_all();
}

bool Meeting::pause(double seconds) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, as_milliseconds(seconds), [&] { return stop_.load(); });
    return !stop_;
}

void Meeting::find_silent(c10d::Store& store) {
    std::optional<std::string> why;
    if (options_.ended) why = options_.ended();
    const auto now = Clock::now();
    for (int rank = 1; rank < world_.size && !why; ++rank) {
        const auto i = static_cast<std::size_t>(rank);
        const std::int64_t count = store.add(key(cat("beat/", rank)), 0);
        if (count != beats_[i]) {
            beats_[i] = count;
            heard_[i] = now;
        } else if (std::chrono::duration<double>(now - heard_[i]).count() > options_.silent_seconds) {
            why = cat(who_[i], " is lost: nothing was heard of it for ", options_.silent_seconds, " s");
        }
    }
    if (!why) return;
    store.set(key(lost_key), *why);
    name_lost(*why);
}

void Meeting::beat() {
    try {
        // A connection of its own: that of the main thread may be waiting for something.
        const auto store = connect(world_, false, options_.silent_seconds);
        do {
            store->add(key(cat("beat/", world_.rank)), 1);
            if (!told_ && store->check({key(lost_key)})) {
                name_lost(text_of(store->get(key(lost_key))));
                store->add(key("told"), 1);
                told_ = true;
            }
            if (world_.leads() && !lost()) find_silent(*store);
            const std::lock_guard lock(mutex_);
            answered_ = Clock::now();
        } while (pause(beat_seconds));
    } catch (const std::exception&) {
        if (!stop_) name_lost(cat(who_[0], " is lost: its connection ended"));
    }
}

void Meeting::look_after() {
    while (pause(beat_seconds / 2)) {
        std::unique_lock lock(mutex_);
        const auto now = Clock::now();
        const double silent = std::chrono::duration<double>(now - answered_).count();
        if (lost_.empty() && silent > options_.silent_seconds) {
            lost_ = cat(who_[0], " is lost: it did not answer for ", options_.silent_seconds, " s");
            lost_at_ = now;
        }
        if (lost_.empty() || std::chrono::duration<double>(now - lost_at_).count() < options_.grace_seconds)
            continue;
        const Error error = environment_error(lost_,
                                              "Look at that machine, then go on with `testudo resume`: the "
                                              "last checkpoint is whole.");
        lock.unlock();
        if (options_.last_words) options_.last_words(error);
        ::_exit(static_cast<int>(error.kind()));
    }
}

std::optional<std::string> Meeting::find_lost() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, as_milliseconds(options_.silent_seconds + 2 * beat_seconds),
                      [&] { return !lost_.empty(); });
    return lost_.empty() ? std::nullopt : std::optional(lost_);
}

void Meeting::stop_threads() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    for (std::thread* thread : {&beat_, &look_after_})
        if (thread->joinable()) thread->join();
}

void Meeting::leave_failing(const std::string& why) {
    try {
        if (!why.empty() && !lost()) store_->set(key(lost_key), cat(who(world_.rank), " failed: ", why));
        if (!why.empty() && world_.leads())  // the store goes with rank 0
            for (double waited = 0; waited < farewell_seconds; waited += poll_seconds) {
                if (store_->add(key("told"), 0) >= world_.size) break;
                std::this_thread::sleep_for(as_milliseconds(poll_seconds));
            }
    } catch (const std::exception&) {  // rank 0 is gone: nobody can be told
    }
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    if (look_after_.joinable()) look_after_.join();
    // The store of processes on this machine always answers, and what this thread asks about them goes with
    // its owner.
    if (options_.ended && beat_.joinable()) beat_.join();
}

void Meeting::leave() {
    stop_threads();
    try {
        arrive("done");
        if (world_.leads())
            for (double waited = 0; waited < parting_seconds && !missing("done").empty();
                 waited += poll_seconds)
                std::this_thread::sleep_for(as_milliseconds(poll_seconds));
    } catch (const std::exception&) {  // whoever is gone has done its work
    }
}

}  // namespace testudo::training
