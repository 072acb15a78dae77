#pragma once
// Works the queue: starts its jobs one after the other and watches them.
#include <functional>

#include "studio/jobs.h"

namespace testudo::studio {

struct RunQueueOptions {
    std::string name = "testudo queue run";                 // what others are told who works the queue
    std::function<void(const Job&)> begins, ends;           // also of a job that was running already
    std::function<void(const Job&, const Json&)> on_event;  // each event of the running job
    std::function<bool()> stop;                             // asked between two looks; none: stop_requested()
    bool until_empty = true;                                // false: waits for more (a server)
    bool leave_running = false;  // once stopped, the running job goes on by itself (a server)
    double look_seconds = 0.2;
};

struct QueueOutcome {
    int done = 0, failed = 0, stopped = 0;  // jobs that ended while this ran
    int first_failure = 0;                  // the exit code of the first that failed
    bool interrupted = false;  // by `stop`: the running job saved and waits, the queue is as it was
};

// Returns once nothing is to come (while it is paused something is), or `stop` says so. A job that fails does
// not end it. Error(environment) when another works the queue.
QueueOutcome run_queue(Jobs& jobs, const RunQueueOptions& options = {});

}  // namespace testudo::studio
