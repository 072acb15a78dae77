#pragma once
// The event streams of all clients, served by one thread: no thread and no buffer of its own for each. What
// is told to all is one text in memory, whoever is slow reads the files again from where he is.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/json.h"
#include "server/event_cursor.h"

namespace testudo::server {

struct EventSources {
    std::function<std::vector<EventFeed>()> feeds;            // of all started jobs, by their starts
    std::function<Json(const std::string& cursor)> greeting;  // what `hello` says
    std::chrono::milliseconds tick{200};
    std::chrono::seconds beat{15};
    std::size_t most_streams = 2000;
};

class EventHub {
  public:
    explicit EventHub(EventSources sources);
    ~EventHub();

    // Takes the socket of an answered GET: writes the head (`headers`: lines with their ends) and then events
    // from `cursor` on; without one, from now on. False, the socket is closed, when there are too many.
    bool open(int socket, const std::string& headers, const std::string& cursor);
    // To all clients, now; also to each that connects later, its latest of that name, when it is a `level`.
    void tell(const std::string& name, const Json& data, bool level);
    std::string cursor() const;  // of what was told so far
    std::size_t streams() const { return count_; }
    bool full() const { return count_ >= sources_.most_streams; }

  private:
    using Text = std::shared_ptr<const std::string>;
    struct Client {
        int socket = -1;
        std::deque<Text> pending;
        std::size_t sent = 0;  // of pending.front()
        std::size_t pending_bytes = 0;
        EventCursor cursor;
        bool live = false;  // has what all have
        bool gone = false;
    };
    void run();
    void greet(Client& client, const std::string& cursor);
    void tell_news(const std::vector<EventFeed>& feeds);
    void catch_up(Client& client, const std::vector<EventFeed>& feeds);
    void put(Client& client, Text text);
    void flush(Client& client);
    void wait();

    EventSources sources_;
    int wake_;
    std::atomic<std::size_t> count_ = 0;
    std::atomic<bool> stopping_ = false;

    mutable std::mutex mutex_;  // of what follows
    EventCursor told_;
    std::vector<std::pair<std::unique_ptr<Client>, std::string>> arrived_;  // with the cursor they bring
    std::vector<Text> to_tell_;
    std::map<std::string, Text> levels_;

    std::vector<std::unique_ptr<Client>> clients_;  // of the thread alone
    std::chrono::steady_clock::time_point next_beat_;
    std::thread thread_;
};

}  // namespace testudo::server
