#pragma once
// Jobs: the program's long verbs as child processes, started, watched, stopped and listed; and the queue of
// those that wait for their turn. Everything lives in two places of the workspace, so any number of programs
// (terminals, a server) see and change the same jobs, and none of it is lost with one of them:
//   config/queue.json     all jobs, those that wait in their order (docs/formats.md)
//   config/jobs/<id>/     a job's own events.jsonl, output.txt (what it printed), train.yaml (as it was when
//                         the job was made, so that the voice can be configured anew meanwhile)
// A job outlives whoever started it. One whose process is gone without its last event is `interrupted`: the
// machine or its process was killed.
//
// For a server: list() now and then (or after inotify on config/queue.json), follow job.events with EventTail
// (core/event_tail.h; "seq" only grows, also when a job goes on later, so it serves as Last-Event-ID), and
// one thread with run_queue() (studio/queue_runner.h).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/process.h"
#include "studio/workspace.h"

namespace testudo::studio {

enum class JobState {
    waiting,      // in the queue
    running,      // its process lives
    done,         // ended by itself, with a result
    failed,       // reason and hint say why
    stopped,      // by stop()
    interrupted,  // its process was killed from outside
};
const char* name_of(JobState state);

struct JobRequest {
    std::string kind;  // prepare, transcribe, diarize, slice, dataset, validate, train, resume
    std::string voice;
    // Keys of DatasetSettings (prepare, transcribe, slice, dataset; of diarize: speakers,
    // overwrite_corrections); epochs and device (train, resume); device and measure (validate). What is
    // absent has the verb's default.
    Json settings = Json::object();
    fs::path yaml = {};  // train, resume, validate: instead of training/<voice>/train.yaml
};

struct Job {
    std::string id;  // "1", "2", …, never used twice
    JobRequest request;
    JobState state = JobState::waiting;
    bool queued = false;       // made by add(): the queue starts it; else by start()
    bool begun = false;        // it ran before: its next start goes on from what it saved
    std::string stopping;      // what the running process was asked for: "stop", "pause" or nothing
    double added = 0;          // seconds since 1970
    double started = 0;        // the last time; 0: never
    double ended = 0;          // 0: not yet
    std::string reason, hint;  // of one that failed or was interrupted
    int exit_code = -1;        // of one that ended; -1: not known
    std::optional<ProcessId> process;
    std::uint64_t events_from = 0;  // bytes of `events` that earlier starts wrote

    fs::path folder, events, output;  // where its files lie
};

// The verb and flags that `job` is started with, behind the program's name and --workspace.
std::vector<std::string> command_of(const Job& job);

// Error(usage): an unknown kind or setting, a value out of range, a name that no voice can have.
void check_request(const JobRequest& request);

struct JobList {
    bool paused = false;              // no new job of the queue is started
    std::optional<ProcessId> runner;  // who works the queue
    std::vector<Job> jobs;            // running, then waiting in their order, then ended, newest first
};

class Jobs {
  public:
    // `program`: the binary that children run.
    explicit Jobs(Workspace workspace, fs::path program = "/proc/self/exe");

    // All throw Error(environment) when config/ cannot be written, Error(input) for a damaged queue.json,
    // Error(usage) for an id that is not there or a job in a state in which this cannot be.

    JobList list() const;  // also notes down which running jobs ended meanwhile
    Job find(const std::string& id) const;
    Json result(const Job& job) const;  // of its `done` event; null when there is none

    Job start(const JobRequest& request);                    // at once, beside the queue
    Job add(const JobRequest& request);                      // to the end of the queue
    Job start_waiting(const std::string& id);                // of the queue, out of its turn
    void move(const std::string& id, std::size_t position);  // among those that wait; 1: the next
    // A waiting or interrupted job will not run. A running one saves what it has and ends as `stopped`
    // (SIGTERM); `now`: it is killed, and loses what came since its last save. Returns at once: see list().
    void stop(const std::string& id, bool now = false);
    void remove(const std::string& id);  // with its folder; a running one is an Error(usage)
    std::size_t clear();                 // removes all that ended; returns how many
    // `now`: running jobs of the queue are stopped, and go on after resume().
    void pause(bool now = false);
    void resume();

    const Workspace& workspace() const { return workspace_; }

  private:
    friend class QueueRunner;
    class Book;  // queue.json, locked
    fs::path folder() const { return workspace_.config() / "jobs"; }

    Workspace workspace_;
    fs::path program_;
};

}  // namespace testudo::studio
