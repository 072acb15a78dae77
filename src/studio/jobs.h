#pragma once
// Jobs: the program's long verbs as child processes, started, watched, stopped and listed; and the queue of
// those that wait for their turn. Everything lives in two places of the workspace, so any number of programs
// (terminals, a server) see and change the same jobs, and none of it is lost with one of them:
//   config/queue.json     all jobs, those that wait in their order (docs/formats.md)
//   config/jobs/<id>/     a job's own events.jsonl, output.txt (what it printed), train.yaml (as it was when
//                         the job was made, so that the voice can be configured anew meanwhile)
// A job outlives whoever started it. One whose process is gone without its last event is `interrupted`: it
// was killed, or the machine was.
//
// For a server: list() now and then (or after inotify on config/queue.json), follow job.events with EventTail
// (core/event_tail.h; "seq" only grows, also when a job goes on later, so it serves as Last-Event-ID), and
// one thread with run_queue() (studio/run_queue.h). All members may be called from any thread.
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
    interrupted,  // its process was killed from outside; one of the queue goes on in its turn
};
const char* name_of(JobState state);

struct JobRequest {
    // prepare, transcribe, diarize, slice, dataset, validate, train, resume, or one of studio/job_tools.h
    std::string kind;
    std::string voice;  // may be left empty beside a yaml, which names it
    // Keys of DatasetSettings (prepare, transcribe, slice, dataset; of diarize: speakers,
    // overwrite_corrections); epochs and device (train, resume); device and measure (validate). What is
    // absent has the verb's default.
    Json settings = Json::object();
    fs::path yaml = {};  // train, resume, validate: instead of training/<voice>/train.yaml
};

// Error(usage): an unknown kind or setting, a value out of range, a name that no voice can have.
void check_request(const JobRequest& request);

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
bool is_to_come(const Job& job);      // waiting, or interrupted and of the queue
bool ended_for_good(const Job& job);  // neither running nor to come

struct JobList {
    bool paused = false;              // no job of the queue is started
    std::optional<ProcessId> runner;  // who works the queue, while it lives
    std::string runner_name;          // "testudo queue run"
    std::vector<Job> jobs;            // running, then those to come in their order, then ended, newest first
};
Json to_json(const Job& job);       // {id, kind, voice, settings, state, …}: docs/formats.md
Json to_json(const JobList& list);  // {paused, runner, jobs}

class JobBook;

class Jobs {
  public:
    // `program`: the binary that children run.
    explicit Jobs(Workspace workspace, fs::path program = "/proc/self/exe");

    // All throw Error(environment) when config/ cannot be written, Error(input) for a damaged queue.json,
    // Error(usage) for an id that is not there or a job in a state in which this cannot be.

    JobList list() const;  // also notes down which running jobs ended meanwhile
    Job find(const std::string& id) const;
    Json result(const Job& job) const;  // of the `done` event of its last start; null when there is none

    // Error(usage) as check_request(), Error(input) for a configuration that cannot be used.
    Job start(const JobRequest& request);  // at once, beside the queue; `failed` when it cannot be started
    Job add(const JobRequest& request);    // to the end of the queue
    // One that ended waits again, at the end of the queue, to go on from what it saved.
    Job again(const std::string& id);
    void move(const std::string& id, std::size_t position);  // among those to come; 1: the next
    // One that is to come will not run. A running one saves what it has and ends as `stopped` (SIGTERM);
    // `now`: it is killed, and loses what came since its last save. Returns at once: see list().
    void stop(const std::string& id, bool now = false);
    void remove(const std::string& id);  // with its folder; a running one is an Error(usage)
    std::size_t clear();                 // removes all that ended for good; returns how many
    // `now`: running jobs of the queue save, and go on after resume().
    void pause(bool now = false);
    void resume();

    // For who works the queue; see run_queue().
    void take_queue(const std::string& name);  // Error(environment) naming who works it already
    void leave_queue();
    void yield_running();  // running jobs of the queue save and wait again, as the next ones
    std::optional<Job>
    start_next();  // unless paused, or a job of the queue runs; a failed start is a job, too

    const Workspace& workspace() const { return workspace_; }
    fs::path folder() const { return workspace_.config() / "jobs"; }

  private:
    Job make(JobBook& book, const JobRequest& request, bool queued);
    void begin(JobBook& book, Job& job);

    Workspace workspace_;
    fs::path program_;
};

}  // namespace testudo::studio
