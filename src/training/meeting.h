#pragma once
// Where the processes of a training find each other and watch over each other: PyTorch's TCPStore, which rank
// 0 serves. Each process says every second that it lives; one that has ended or fallen silent is named to
// all.
#include <c10/util/intrusive_ptr.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "training/world.h"

namespace c10d {
class Store;
}

namespace testudo::training {

struct MeetingOptions {
    double join_seconds = 120;   // until all have to be there
    double silent_seconds = 12;  // without a word a process counts as lost
    double grace_seconds = 8;    // for a process to leave by itself once another is lost; then it is ended
    // Rank 0: the store listens on this port; called before the others are waited for.
    std::function<void(std::uint16_t port)> listening = {};
    // The others: rank 0 does not answer yet, and why; at most once.
    std::function<void(const std::string&)> waiting = {};
    // Rank 0: what is known of processes that it started: why one has ended, if so. Called from another
    // thread.
    std::function<std::optional<std::string>()> ended = {};
    // The last thing a process does that has to be ended, because it hangs or computes on; then it exits.
    std::function<void(const Error&)> last_words = {};
};

class Meeting {
  public:
    // Returns when all are there. Error(environment) naming who is missing when the time is over.
    Meeting(const World& world, MeetingOptions options);
    ~Meeting();
    Meeting(const Meeting&) = delete;
    Meeting& operator=(const Meeting&) = delete;

    c10::intrusive_ptr<c10d::Store> store(const std::string& name) const;  // its keys, apart from all others
    const std::string& who(int rank) const;  // "rank 1 (process 77 on the machine b)"

    // Says that this process has come to `step`, and which have not.
    void arrive(const std::string& step);
    std::vector<int> missing(const std::string& step) const;

    // Which process is lost, once one is.
    std::optional<std::string> lost() const;
    // After a connection broke: waits until it is known who is lost; nothing when all still live.
    std::optional<std::string> find_lost();
    // Tells all others that this process leaves because of `why`, and waits a moment until they know. `why`
    // empty: says nothing. A thread may hang in a connection that is broken: this must then never be
    // destroyed.
    void leave_failing(const std::string& why);
    // All have done their work; rank 0 waits for the others to go first.
    void leave();

  private:
    using Clock = std::chrono::steady_clock;
    void open();
    void reach_rank0() const;
    void wait_for_all();
    void beat();        // thread: says that this process lives, looks for who does not
    void look_after();  // thread: ends this process when it cannot end itself
    void stop_threads();
    void name_lost(const std::string& why);
    void find_silent(c10d::Store& store);
    bool pause(double seconds);  // false: the threads are to stop
    std::string key(const std::string& name) const;

    World world_;
    MeetingOptions options_;
    c10::intrusive_ptr<c10d::Store> store_;
    std::vector<std::string> who_;
    std::vector<std::int64_t> beats_;       // rank 0: of each process
    std::vector<Clock::time_point> heard_;  // rank 0: when they last grew
    std::atomic<bool> stop_ = false, told_ = false;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string lost_;  // under the mutex, as:
    Clock::time_point lost_at_, answered_ = Clock::now();
    std::thread beat_, look_after_;
};

}  // namespace testudo::training
