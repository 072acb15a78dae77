#include "studio/job_book.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <set>

#include "core/error.h"
#include "core/event_tail.h"
#include "core/file_size.h"
#include "core/strings.h"

namespace testudo::studio {

namespace {

constexpr double longest_wait = 30;  // seconds for a file that others hold for milliseconds
constexpr JobState states[] = {JobState::waiting, JobState::running, JobState::done,
                               JobState::failed,  JobState::stopped, JobState::interrupted};

JobState state_of(const std::string& name) {
    for (const JobState state : states)
        if (name == name_of(state)) return state;
    throw input_error(cat("\"", printable(name), "\" is no state of a job"), "");
}

Json to_json(const ProcessId& process) {
    return {{"pid", process.pid}, {"start", process.start}, {"boot", process.boot}};
}

const Json& member(const Json& of, const char* key) {
    const auto found = of.find(key);
    if (found == of.end()) throw input_error(cat("\"", key, "\" is missing"), "");
    return *found;
}

template <class T>
T field(const Json& of, const char* key) {
    try {
        return member(of, key).get<T>();
    } catch (const Json::exception&) {
        throw input_error(cat("\"", key, "\" is of the wrong type"), "");
    }
}

template <class T>
T field(const Json& of, const char* key, T otherwise) {
    return of.contains(key) ? field<T>(of, key) : std::move(otherwise);
}

ProcessId process_of(const Json& values) {
    return {field<int>(values, "pid"), field<std::uint64_t>(values, "start"),
            field<std::string>(values, "boot")};
}

// It names a folder.
bool is_id(const std::string& text) {
    return !text.empty() && text.size() <= 15 && text.find_first_not_of("0123456789") == std::string::npos;
}

Job job_of(const Json& values, const fs::path& folder) {
    Job job;
    job.id = field<std::string>(values, "id");
    if (!is_id(job.id)) throw input_error(cat("\"", printable(job.id), "\" is no number of a job"), "");
    job.request.kind = field<std::string>(values, "kind");
    job.request.voice = field<std::string>(values, "voice");
    job.request.settings = field(values, "settings", Json::object());
    if (!job.request.settings.is_object()) throw input_error("settings of a job are no object", "");
    if (values.contains("yaml")) job.request.yaml = field<std::string>(values, "yaml");
    job.state = state_of(field<std::string>(values, "state"));
    job.queued = field(values, "queued", false);
    job.begun = field(values, "begun", false);
    job.stopping = field<std::string>(values, "stopping", "");
    job.added = field(values, "added", 0.0);
    job.started = field(values, "started", 0.0);
    job.ended = field(values, "ended", 0.0);
    job.reason = field<std::string>(values, "reason", "");
    job.hint = field<std::string>(values, "hint", "");
    job.exit_code = field(values, "exit_code", -1);
    if (values.contains("process")) job.process = process_of(member(values, "process"));
    job.events_from = field(values, "events_from", std::uint64_t{0});
    if (job.state == JobState::running && !job.process) throw input_error("a running job has no process", "");
    job.folder = folder / job.id;
    job.events = job.folder / "events.jsonl";
    job.output = job.folder / "output.txt";
    return job;
}

void end(Job& job, JobState state, std::string reason = "", std::string hint = "") {
    job.state = state;
    job.reason = std::move(reason);
    job.hint = std::move(hint);
    job.process.reset();
    if (job.ended == 0) job.ended = now_in_seconds();
}

// One that was asked to stop, and did.
void end_stopped(Job& job) {
    const bool again = job.stopping == "pause" && job.queued;
    if (job.stopping.empty())
        end(job, JobState::interrupted, "it was stopped from outside of the queue");
    else
        end(job, again ? JobState::waiting : JobState::stopped);
    if (again) {
        job.ended = 0;
        job.exit_code = -1;
    }
    job.stopping.clear();
}

std::string signal_text(int signal) {
    const char* name = ::strsignal(signal);
    return cat("its process was ended by signal ", signal, name ? cat(" (", name, ")") : "",
               signal == SIGKILL ? ": the memory may have been too small" : "");
}

// The last lines that it printed.
std::string last_words(const fs::path& output) {
    constexpr std::uintmax_t most = 1000;
    if (size_of(output) == 0) return {};
    const MappedFile file(output);
    const auto bytes = file.bytes();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return trim(to_utf8(text.substr(text.size() - std::min<std::uintmax_t>(most, text.size()))));
}

// Its `done` or `failed` event; null without one.
Json last_word(const Job& job) {
    Json last;
    for (Json& event : EventTail(job.events, job.events_from).next())
        if (has_text(event, "type", "done") || has_text(event, "type", "failed")) last = std::move(event);
    return last;
}

}  // namespace

const char* name_of(JobState state) {
    switch (state) {
        case JobState::waiting:
            return "waiting";
        case JobState::running:
            return "running";
        case JobState::done:
            return "done";
        case JobState::failed:
            return "failed";
        case JobState::stopped:
            return "stopped";
        case JobState::interrupted:
            break;
    }
    return "interrupted";
}

double now_in_seconds() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool is_to_come(const Job& job) {
    return job.state == JobState::waiting || (job.state == JobState::interrupted && job.queued);
}

bool ended_for_good(const Job& job) { return job.state != JobState::running && !is_to_come(job); }

bool settle(Job& job) {
    if (job.state != JobState::running) return false;
    // In this order: one that ends between the two would be gone without a status.
    if (is_alive(*job.process)) return false;
    const std::optional<int> status = exit_status(*job.process);
    const Json last = last_word(job);
    job.exit_code = status.value_or(-1);
    constexpr int interrupted = static_cast<int>(ErrorKind::interrupted);
    if (last.is_object()) job.ended = number_or(last, "time", 0);
    if (last.is_object() && has_text(last, "type", "done")) {
        const auto result = last.find("result");
        const bool told = result != last.end() && result->is_object();
        const bool stopped = told && result->value("stopped", Json()) == Json(true);
        // What a verb found wrong with its input is a result, too (validate): its exit code tells.
        if (job.exit_code < 0)
            job.exit_code = stopped ? interrupted
                            : told  ? static_cast<int>(number_or(*result, "exit_code", 0))
                                    : 0;
        stopped ? end_stopped(job) : end(job, JobState::done);
    } else if (last.is_object()) {
        if (job.exit_code < 0) job.exit_code = static_cast<int>(number_or(last, "exit_code", 1));
        if (job.exit_code == interrupted)
            end_stopped(job);
        else
            end(job, JobState::failed, text_or(last, "reason"), text_or(last, "hint"));
    } else if (!job.stopping.empty() && (!status || *status >= 128)) {
        end_stopped(job);  // before its first step, or at once
    } else if (!status) {
        end(job, JobState::interrupted, "its process was killed, or the machine was");
    } else if (*status == 0) {
        end(job, JobState::done);
    } else {
        const std::string words = last_words(job.output);
        end(job, JobState::failed,
            *status > 128   ? signal_text(*status - 128)
            : words.empty() ? cat("it ended with the exit code ", *status)
                            : words,
            cat("What it printed is in ", job.output, "."));
    }
    job.stopping.clear();
    return true;
}

JobBook::JobBook(const Jobs& of)
    : file_(of.workspace().config() / "queue.json"),
      lock_((make_folders(of.folder()), of.folder()), longest_wait) {
    if (fs::exists(file_)) {
        const std::string where = to_utf8(file_.native());
        const Json values = read_json(file_);
        try {
            read(values, of.folder());
        } catch (const std::exception& error) {
            throw input_error(cat(where, " is damaged: ", error.what()),
                              "Correct it in an editor; or delete it, which forgets the jobs in it.");
        }
    }
    bool changed = false;
    for (Job& job : jobs) changed = settle(job) || changed;
    if (runner && !is_alive(*runner)) {
        runner.reset();
        changed = true;
    }
    if (changed) write();
}

void JobBook::read(const Json& values, const fs::path& folder) {
    paused = field(values, "paused", false);
    next_id = field<std::int64_t>(values, "next_id");
    if (next_id < 1) throw input_error("\"next_id\" is below 1", "");
    if (values.contains("runner")) {
        runner = process_of(values["runner"]);
        runner_name = field<std::string>(values["runner"], "name", "");
    }
    std::set<std::string> ids;
    for (const Json& one : member(values, "jobs")) {
        jobs.push_back(job_of(one, folder));
        if (!ids.insert(jobs.back().id).second)
            throw input_error(cat("the number ", jobs.back().id, " is there twice"), "");
        next_id = std::max<std::int64_t>(next_id, std::stoll(jobs.back().id) + 1);
    }
}

Job& JobBook::at(const std::string& id) {
    for (Job& job : jobs)
        if (job.id == id) return job;
    throw usage_error(cat("there is no job ", printable(id)), "See `testudo queue list`.");
}

void JobBook::write() {
    Json values = {{"version", 1}, {"next_id", next_id}, {"paused", paused}};
    if (runner) {
        values["runner"] = to_json(*runner);
        values["runner"]["name"] = runner_name;
    }
    values["jobs"] = Json::array();
    for (const Job& job : jobs) {
        Json one = studio::to_json(job);
        if (job.process) one["process"] = to_json(*job.process);
        one["events_from"] = job.events_from;
        values["jobs"].push_back(std::move(one));
    }
    write_json(file_, values);
}

Json to_json(const Job& job) {
    Json out = {{"id", job.id},
                {"kind", job.request.kind},
                {"voice", job.request.voice},
                {"settings", job.request.settings},
                {"state", name_of(job.state)},
                {"queued", job.queued},
                {"begun", job.begun},
                {"added", job.added}};
    if (!job.request.yaml.empty()) out["yaml"] = to_utf8(job.request.yaml.native());
    if (!job.stopping.empty()) out["stopping"] = job.stopping;
    if (job.started > 0) out["started"] = job.started;
    if (job.ended > 0) out["ended"] = job.ended;
    if (!job.reason.empty()) out["reason"] = to_utf8(job.reason);
    if (!job.hint.empty()) out["hint"] = to_utf8(job.hint);
    if (job.exit_code >= 0) out["exit_code"] = job.exit_code;
    return out;
}

Json to_json(const JobList& list) {
    Json out = {{"paused", list.paused}, {"runner", Json()}, {"jobs", Json::array()}};
    if (list.runner) out["runner"] = {{"pid", list.runner->pid}, {"name", list.runner_name}};
    for (const Job& job : list.jobs) {
        Json one = to_json(job);
        if (job.process) one["pid"] = job.process->pid;
        one["events"] = to_utf8(job.events.native());
        out["jobs"].push_back(std::move(one));
    }
    return out;
}

}  // namespace testudo::studio
