#pragma once
// Looks at jobs and files, and tells what changed. So it does not matter who changes them: this server, a
// terminal, an editor.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/json.h"
#include "server/event_cursor.h"
#include "studio/jobs.h"

namespace testudo::server {

struct JobView {
    Json jobs = Json::array();  // Job of docs/openapi.yaml, running ones first, then waiting, then ended
    Json queue;                 // Queue
    std::vector<EventFeed> feeds;
};

class Watch {
  public:
    // `tell(name, data, level)`: of EventHub; nothing is told before start().
    Watch(const studio::Workspace& workspace, const studio::Jobs& jobs);
    ~Watch();
    void start(std::function<void(const std::string&, const Json&, bool)> tell);
    void stop();  // tells nothing more

    std::shared_ptr<const JobView> jobs() const;
    void look_now();  // after a change of our own: when it returns, jobs() knows, and what changed is told
    std::uint64_t revision() const { return revision_; }

  private:
    struct LastEvents {
        std::uint64_t size = 0;
        Json progress, training, ending;  // the newest progress event, that of stage train; done or failed
    };
    void run();
    void look_at_jobs();
    void look_at_files();
    Json view_of(const studio::Job& job, int position);
    const LastEvents& last_events(const studio::Job& job);

    const studio::Workspace& workspace_;
    const studio::Jobs& jobs_;
    std::function<void(const std::string&, const Json&, bool)> tell_;
    std::atomic<std::uint64_t> revision_ = 1;

    std::mutex look_mutex_;  // of looking
    std::map<std::string, LastEvents> last_events_;
    std::map<std::string, std::string> marks_;  // what -> state of its files
    std::string level_;                         // of the jobs, as last told

    mutable std::mutex mutex_;  // of the view and of waiting
    std::shared_ptr<const JobView> view_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

// The last events of a file that may be long.
std::vector<Json> last_events_of(const fs::path& events, std::uint64_t from, std::size_t bytes);

}  // namespace testudo::server
