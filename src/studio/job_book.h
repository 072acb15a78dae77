#pragma once
// config/queue.json, held by one at a time: read, brought up to date, changed and written.
#include "core/files.h"
#include "studio/jobs.h"

namespace testudo::studio {

class JobBook {
  public:
    // Waits for whoever holds it, reads it, and notes down the running jobs whose process is gone. Throws as
    // Jobs::list().
    explicit JobBook(const Jobs& jobs);

    Job& at(const std::string& id);  // Error(usage)
    void write();

    bool paused = false;
    std::int64_t next_id = 1;
    std::optional<ProcessId> runner;
    std::string runner_name;
    std::vector<Job> jobs;  // those to come in their order

  private:
    void read(const Json& values, const fs::path& folder);

    fs::path file_;
    FolderLock lock_;
};

// The state of `job`, recorded as running, from what its process left: events, exit status, output. False
// while it runs.
bool settle(Job& job);

double now_in_seconds();  // since 1970

}  // namespace testudo::studio
