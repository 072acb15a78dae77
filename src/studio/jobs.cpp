#include "studio/jobs.h"

#include <algorithm>
#include <csignal>

#include "core/error.h"
#include "core/event_tail.h"
#include "core/file_size.h"
#include "core/files.h"
#include "core/strings.h"
#include "studio/job_book.h"
#include "studio/job_commands.h"
#include "training/config.h"
#include "training/run_paths.h"

namespace testudo::studio {

namespace {

constexpr std::size_t most_ended = 200;  // older ones are forgotten

void remove_folder(const fs::path& folder) {
    std::error_code ignored;  // a stray folder is removed when the next job is made
    fs::remove_all(folder, ignored);
}

// What killed processes left: folders of jobs that were never written down, or not any more.
void remove_strays(const Jobs& of, const JobBook& book) {
    std::error_code error;
    std::vector<fs::path> strays;
    for (fs::directory_iterator entry(of.folder(), error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (name.find_first_not_of("0123456789") == std::string::npos &&
            std::none_of(book.jobs.begin(), book.jobs.end(), [&](const Job& job) { return job.id == name; }))
            strays.push_back(entry->path());
    }
    for (const fs::path& folder : strays) remove_folder(folder);
    remove_leftovers(of.workspace().config(), "queue.json");
}

// Forgets jobs; the file first, so that none is listed whose folder is gone.
template <class Which>
std::size_t forget(JobBook& book, Which&& which) {
    std::vector<fs::path> folders;
    for (const Job& job : book.jobs)
        if (which(job)) folders.push_back(job.folder);
    if (folders.empty()) return 0;
    std::erase_if(book.jobs, which);
    book.write();
    for (const fs::path& folder : folders) remove_folder(folder);
    return folders.size();
}

void forget_oldest(JobBook& book) {
    std::vector<double> ended;
    for (const Job& job : book.jobs)
        if (ended_for_good(job)) ended.push_back(job.ended);
    if (ended.size() <= most_ended) return;
    std::sort(ended.rbegin(), ended.rend());
    forget(book,
           [last = ended[most_ended]](const Job& job) { return ended_for_good(job) && job.ended <= last; });
}

Error wrong_state(const Job& job, const std::string& what) {
    return usage_error(cat("job ", job.id, " is ", name_of(job.state), ": ", what),
                       "See `testudo queue list`.");
}

// The configuration as it is now, read as a training will read it.
void keep_configuration_of(const Workspace& workspace, Job& job) {
    const JobRequest& request = job.request;
    const fs::path file = request.yaml.empty() ? training::run_paths(workspace.root(), request.voice).yaml
                                               : training::find_configuration(workspace.root(), request.yaml);
    const std::string voice = training::read_config(workspace.root(), file).voice;
    if (request.voice.empty()) job.request.voice = voice;
    if (job.request.voice != voice)
        throw input_error(cat(file, " is of another voice: its name is ", printable(voice)),
                          cat("Write \"name: ", request.voice, "\" there, or name the file alone."));
    training::run_paths(workspace.root(), voice);
    if (!request.yaml.empty()) job.request.yaml = fs::absolute(file).lexically_normal();
    training::must_be_configured(file);
    write_file(job.folder / "train.yaml", read_file(file));
}

// Asks the running jobs of the queue to save and to wait again. Written down before they are told: what they
// end with is then understood.
void ask_to_pause(JobBook& book) {
    for (Job& job : book.jobs)
        if (job.queued && job.state == JobState::running && job.stopping.empty()) job.stopping = "pause";
    book.write();
    for (const Job& job : book.jobs)
        if (job.queued && job.stopping == "pause") send_signal(*job.process, SIGTERM);
}

}  // namespace

Jobs::Jobs(Workspace workspace, fs::path program)
    : workspace_(std::move(workspace)), program_(std::move(program)) {}

JobList Jobs::list() const {
    const JobBook book(*this);
    JobList out{book.paused, book.runner, book.runner_name, book.jobs};
    const auto rank = [](const Job& job) {
        return job.state == JobState::running ? 0 : is_to_come(job) ? 1 : 2;
    };
    std::stable_sort(out.jobs.begin(), out.jobs.end(), [&](const Job& a, const Job& b) {
        if (rank(a) != rank(b)) return rank(a) < rank(b);
        return rank(a) == 2 && a.ended > b.ended;
    });
    return out;
}

Job Jobs::find(const std::string& id) const { return JobBook(*this).at(id); }

Json Jobs::result(const Job& job) const {
    Json result;
    for (Json& event : EventTail(job.events, job.events_from).next())
        if (has_text(event, "type", "done") && event.contains("result")) result = std::move(event["result"]);
    return result;
}

Job Jobs::make(JobBook& book, const JobRequest& request, bool queued) {
    check_request(request);
    remove_strays(*this, book);
    forget_oldest(book);
    Job job;
    job.id = cat(book.next_id++);
    job.request = request;
    job.queued = queued;
    job.added = now_in_seconds();
    job.folder = folder() / job.id;
    job.events = job.folder / "events.jsonl";
    job.output = job.folder / "output.txt";
    make_folders(job.folder);
    if (has_configuration(request.kind)) keep_configuration_of(workspace_, job);
    book.jobs.push_back(job);
    return job;
}

void Jobs::begin(JobBook& book, Job& job) {
    job.ended = 0;
    job.exit_code = -1;
    job.reason.clear();
    job.hint.clear();
    job.stopping.clear();
    job.events_from = size_of(job.events);
    try {
        check_request(job.request);  // the file may be of another hand
        const GoingOn from = going_on(workspace_, job);
        if (from == GoingOn::complete) {  // it was killed behind its last checkpoint
            job.state = JobState::done;
            job.ended = now_in_seconds();
            job.exit_code = 0;
            book.write();
            return;
        }
        start_detached({program_, command_of(workspace_, job, from), job.output},
                       [&](const ProcessId& process) {
                           job.process = process;
                           job.state = JobState::running;
                           job.started = now_in_seconds();
                           job.begun = true;
                           book.write();
                       });
    } catch (const Error& error) {
        job.state = JobState::failed;
        job.reason = error.what();
        job.hint = error.hint();
        job.exit_code = static_cast<int>(error.kind());
        job.ended = now_in_seconds();
        job.process.reset();
        book.write();
    }
}

Job Jobs::start(const JobRequest& request) {
    JobBook book(*this);
    const std::string id = make(book, request, false).id;
    begin(book, book.at(id));
    return book.at(id);
}

Job Jobs::add(const JobRequest& request) {
    JobBook book(*this);
    const Job job = make(book, request, true);
    book.write();
    return job;
}

Job Jobs::again(const std::string& id) {
    JobBook book(*this);
    Job job = book.at(id);
    if (!ended_for_good(job)) throw wrong_state(job, "it has not ended");
    job.state = JobState::waiting;
    job.queued = true;
    job.ended = 0;
    job.exit_code = -1;
    job.reason.clear();
    job.hint.clear();
    std::erase_if(book.jobs, [&](const Job& one) { return one.id == id; });
    book.jobs.push_back(job);
    book.write();
    return job;
}

void Jobs::move(const std::string& id, std::size_t position) {
    JobBook book(*this);
    const Job moved = book.at(id);
    if (!is_to_come(moved)) throw wrong_state(moved, "only one that is to come can be moved");
    if (position < 1) throw usage_error("the first position is 1", "Give 1 or more.");
    std::erase_if(book.jobs, [&](const Job& job) { return job.id == id; });
    auto place = book.jobs.begin();
    for (std::size_t before = 0; place != book.jobs.end(); ++place)
        if (is_to_come(*place) && ++before == position) break;
    book.jobs.insert(place, moved);
    book.write();
}

void Jobs::stop(const std::string& id, bool now) {
    JobBook book(*this);
    Job& job = book.at(id);
    if (job.state == JobState::running) {
        job.stopping = "stop";
        book.write();
        send_signal(*job.process, now ? SIGKILL : SIGTERM);
        return;
    }
    if (!is_to_come(job)) throw wrong_state(job, "there is nothing to stop");
    job.state = JobState::stopped;
    job.ended = now_in_seconds();
    book.write();
}

void Jobs::remove(const std::string& id) {
    JobBook book(*this);
    if (book.at(id).state == JobState::running) throw wrong_state(book.at(id), "stop it first");
    forget(book, [&](const Job& job) { return job.id == id; });
}

std::size_t Jobs::clear() {
    JobBook book(*this);
    return forget(book, [](const Job& job) { return ended_for_good(job); });
}

void Jobs::pause(bool now) {
    JobBook book(*this);
    book.paused = true;
    now ? ask_to_pause(book) : book.write();
}

void Jobs::resume() {
    JobBook book(*this);
    book.paused = false;
    book.write();
}

void Jobs::take_queue(const std::string& name) {
    JobBook book(*this);
    if (book.runner && *book.runner != this_process())
        throw environment_error(cat("the queue of ", workspace_.root(), " is worked by process ",
                                    book.runner->pid, " (", printable(book.runner_name), ") already"),
                                "Watch it there; or stop that one, then run the command again.");
    book.runner = this_process();
    book.runner_name = name;
    book.write();
}

void Jobs::leave_queue() {
    JobBook book(*this);
    if (!book.runner || *book.runner != this_process()) return;
    book.runner.reset();
    book.write();
}

void Jobs::yield_running() {
    JobBook book(*this);
    ask_to_pause(book);
}

std::optional<Job> Jobs::start_next() {
    JobBook book(*this);
    const bool busy = std::any_of(book.jobs.begin(), book.jobs.end(), [](const Job& job) {
        return job.queued && job.state == JobState::running;
    });
    const auto next = std::find_if(book.jobs.begin(), book.jobs.end(), is_to_come);
    if (book.paused || busy || next == book.jobs.end()) return {};
    begin(book, *next);
    return *next;
}

}  // namespace testudo::studio
