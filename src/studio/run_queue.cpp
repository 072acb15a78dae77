#include "studio/run_queue.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/error.h"
#include "core/event_tail.h"
#include "core/file_size.h"
#include "core/interrupt.h"
#include "studio/job_book.h"

namespace testudo::studio {

namespace {

class Taken {
  public:
    Taken(Jobs& jobs, const std::string& name) : jobs_(jobs) { jobs_.take_queue(name); }
    ~Taken() {
        try {
            jobs_.leave_queue();
        } catch (const std::exception&) {  // whoever comes next sees that this process is gone
        }
    }
    Taken(const Taken&) = delete;
    Taken& operator=(const Taken&) = delete;

  private:
    Jobs& jobs_;
};

class Runner {
  public:
    Runner(Jobs& jobs, const RunQueueOptions& options) : jobs_(jobs), options_(options) {}

    QueueOutcome run() {
        bool asked_to_pause = false;
        for (;;) {
            const JobList list = jobs_.list();
            look_at(list);
            if (!outcome_.interrupted)
                outcome_.interrupted = options_.stop ? options_.stop() : stop_requested();
            if (outcome_.interrupted) {
                if (!watched_ || options_.leave_running) return outcome_;
                if (!std::exchange(asked_to_pause, true)) jobs_.yield_running();
            } else if (!watched_) {
                if (const auto job = jobs_.start_next()) {
                    begin(*job, job->events_from);
                    continue;
                }
                const bool more = std::any_of(list.jobs.begin(), list.jobs.end(), is_to_come);
                if (options_.until_empty && !more) return outcome_;
            }
            std::this_thread::sleep_for(std::chrono::duration<double>(options_.look_seconds));
        }
    }

  private:
    void begin(const Job& job, std::uint64_t from) {
        watched_ = job;
        tail_ = EventTail(job.events, from);
        if (options_.begins) options_.begins(job);
        if (job.state != JobState::running) end(job);  // it could not be started
    }

    void pass_on() {
        for (const Json& event : tail_.next())
            if (options_.on_event) options_.on_event(*watched_, event);
    }

    void end(const Job& job) {
        pass_on();
        if (job.state == JobState::done) ++outcome_.done;
        if (job.state == JobState::stopped) ++outcome_.stopped;
        if (job.state == JobState::failed && ++outcome_.failed == 1)
            outcome_.first_failure =
                job.exit_code > 0 ? job.exit_code : static_cast<int>(ErrorKind::internal);
        if (options_.ends) options_.ends(job);
        watched_.reset();
    }

    void look_at(const JobList& list) {
        if (watched_) {
            pass_on();
            const auto now = std::find_if(list.jobs.begin(), list.jobs.end(),
                                          [&](const Job& job) { return job.id == watched_->id; });
            if (now == list.jobs.end())
                watched_.reset();
            else if (now->state != JobState::running)
                end(*now);
        }
        if (watched_) return;
        // Started by a runner that is gone.
        for (const Job& job : list.jobs)
            if (job.queued && job.state == JobState::running) {
                begin(job, size_of(job.events));
                return;
            }
    }

    Jobs& jobs_;
    const RunQueueOptions& options_;
    QueueOutcome outcome_;
    std::optional<Job> watched_;
    EventTail tail_{fs::path()};
};

}  // namespace

QueueOutcome run_queue(Jobs& jobs, const RunQueueOptions& options) {
    const Taken taken(jobs, options.name);
    return Runner(jobs, options).run();
}

}  // namespace testudo::studio
