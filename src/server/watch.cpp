#include "server/watch.h"

#include <algorithm>
#include <chrono>
#include <iostream>

#include "core/error.h"
#include "core/event_tail.h"
#include "core/file_size.h"
#include "core/strings.h"
#include "studio/job_tools.h"
#include "studio/run_series.h"
#include "studio/upload.h"
#include "studio/voice_summary.h"

namespace testudo::server {

namespace {

constexpr std::chrono::milliseconds between_looks{250};
constexpr std::chrono::milliseconds between_files{750};
constexpr int rest = 50;  // looking at very many files is followed by so many times as long a pause
constexpr std::size_t tail_bytes = 256 << 10;  // holds the last progress and the result

std::uint64_t milliseconds(double seconds) { return static_cast<std::uint64_t>(seconds * 1000); }

std::string state_of(const studio::Job& job) {
    if (job.state == studio::JobState::running && !job.stopping.empty()) return "stopping";
    if (studio::is_to_come(job)) return "waiting";
    if (job.state == studio::JobState::interrupted) return "lost";
    return studio::name_of(job.state);
}

std::string title_of(const studio::Job& job) {
    const auto& request = job.request;
    if (!request.voice.empty()) return cat(request.kind, " ", request.voice);
    if (request.kind == "pull" && request.settings.contains("names")) {
        std::vector<std::string> names;
        for (const Json& name : request.settings["names"])
            if (name.is_string()) names.push_back(name.get<std::string>());
        return cat("pull ", join(names, ", "));
    }
    for (const char* key : {"name", "size", "to", "folder"})
        if (const std::string what = text_or(request.settings, key); !what.empty())
            return cat(request.kind, " ", fs::path(what).filename().string());
    return request.kind;
}

std::string command_of(const studio::Job& job) {
    if (studio::is_tool(job.request.kind))
        return cat("testudo ", join(studio::command_of_tool(job.request), " "));
    return cat("testudo ", job.request.kind, " ", job.request.voice);
}

std::string mark_of(const std::vector<fs::path>& files) {
    std::string mark;
    for (const fs::path& file : files) mark += studio::change_mark(file) + ';';
    return mark;
}

// Files of a folder, by name, size and time.
std::string mark_of_folder(const fs::path& folder) {
    std::vector<std::string> marks;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        // Of an upload its note: the part that grows beside it would be told all the time.
        if (!name.starts_with('.') || studio::is_upload_note(name))
            marks.push_back(cat(name, ' ', mark_of({entry->path()})));
    }
    std::sort(marks.begin(), marks.end());
    return join(marks, "|");
}

}  // namespace

std::vector<Json> last_events_of(const fs::path& events, std::uint64_t from, std::size_t bytes) {
    const std::uint64_t size = size_of(events);
    const bool cut = size > from + bytes;
    std::uint64_t next = 0;
    std::vector<Json> out;
    // The first line is cut off, as a rule: no JSON, and passed over.
    for (const EventLine& line : read_lines(events, cut ? size - bytes : from, bytes, next)) {
        Json event = Json::parse(line.text, nullptr, false);
        if (event.is_object()) out.push_back(std::move(event));
    }
    return out;
}

Watch::Watch(const studio::Workspace& workspace, const studio::Jobs& jobs)
    : workspace_(workspace), jobs_(jobs), view_(std::make_shared<JobView>()) {
    look_at_jobs();
}

Watch::~Watch() { stop(); }

void Watch::stop() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Watch::start(std::function<void(const std::string&, const Json&, bool)> tell) {
    tell_ = std::move(tell);
    {
        const std::scoped_lock lock(look_mutex_);
        level_.clear();
        look_at_jobs();
    }
    thread_ = std::thread([this] { run(); });
}

std::shared_ptr<const JobView> Watch::jobs() const {
    const std::scoped_lock lock(mutex_);
    return view_;
}

void Watch::look_now() {
    const std::scoped_lock lock(look_mutex_);
    look_at_jobs();
    look_at_files();
}

void Watch::run() {
    auto next_files = std::chrono::steady_clock::now();
    for (auto pause = std::chrono::milliseconds(0);; pause = between_looks) {
        {
            std::unique_lock lock(mutex_);
            if (wake_.wait_for(lock, pause, [this] { return stopping_; })) return;
        }
        try {
            const std::scoped_lock lock(look_mutex_);
            look_at_jobs();
            const auto began = std::chrono::steady_clock::now();
            if (began < next_files) continue;
            look_at_files();
            const auto ended = std::chrono::steady_clock::now();
            next_files =
                ended + std::max<std::chrono::steady_clock::duration>(between_files, rest * (ended - began));
        } catch (const std::exception& error) {
            std::cerr << "warning: " << printable(error.what()) << std::endl;
            std::this_thread::sleep_for(std::chrono::seconds(2));
        }
    }
}

const Watch::LastEvents& Watch::last_events(const studio::Job& job) {
    LastEvents& last = last_events_[job.id];
    const std::uint64_t size = size_of(job.events);
    if (last.size == size) return last;
    last = {size, Json(), Json(), Json()};
    for (Json& event : last_events_of(job.events, job.events_from, tail_bytes)) {
        const std::string type = text_or(event, "type");
        if (type == "progress") {
            if (has_text(event, "stage", "train")) last.training = event;
            last.progress = std::move(event);
        } else if (type == "done" || type == "failed") {
            last.ending = std::move(event);
        }
    }
    return last;
}

Json Watch::view_of(const studio::Job& job, int position) {
    const auto& request = job.request;
    const std::string state = state_of(job);
    Json view = {{"id", job.id},
                 {"action", request.kind},
                 {"title", title_of(job)},
                 {"state", state},
                 {"created", job.added}};
    if (!request.voice.empty()) view["voice"] = request.voice;
    if (request.kind == "train" || request.kind == "resume") view["run"] = cat(request.voice, "/finetune");
    if (position >= 0) view["position"] = position;
    if (job.started > 0) view["started"] = job.started;
    if (job.ended > 0) view["ended"] = job.ended;
    view["settings"] = request.settings;
    view["command"] = command_of(job);
    if (job.started == 0) return view;
    const LastEvents& last = last_events(job);
    if (!last.progress.is_null()) view["progress"] = last.progress;
    if (!last.training.is_null() && last.training != last.progress) view["training"] = last.training;
    if ((state == "done" || state == "stopped") && last.ending.contains("result"))
        view["result"] = last.ending["result"];
    if (state == "failed" || state == "lost") {
        const bool told = last.ending.contains("reason");
        view["error"] = {{"what", told ? text_or(last.ending, "reason") : job.reason},
                         {"hint", told ? text_or(last.ending, "hint") : job.hint},
                         {"kind", "input"}};
    }
    return view;
}

void Watch::look_at_jobs() {
    const studio::JobList list = jobs_.list();
    auto view = std::make_shared<JobView>();
    Json waiting = Json::array(), running = Json::array();
    for (const studio::Job& job : list.jobs) {
        const bool to_come = studio::is_to_come(job);
        view->jobs.push_back(view_of(job, to_come ? static_cast<int>(waiting.size()) : -1));
        if (to_come) waiting.push_back(job.id);
        if (job.state == studio::JobState::running) running.push_back(job.id);
        if (job.started > 0 || to_come)
            view->feeds.push_back({std::stoull(job.id), milliseconds(job.started), job.events_from,
                                   job.events, studio::ended_for_good(job), milliseconds(job.added)});
    }
    std::stable_sort(view->feeds.begin(), view->feeds.end(),
                     [](const EventFeed& a, const EventFeed& b) { return a.started < b.started; });
    view->queue = {{"paused", list.paused}, {"waiting", std::move(waiting)}, {"running", std::move(running)}};
    if (list.runner) view->queue["runner"] = list.runner_name;
    std::erase_if(last_events_, [&](const auto& entry) {
        return std::none_of(list.jobs.begin(), list.jobs.end(),
                            [&](const studio::Job& job) { return job.id == entry.first; });
    });
    // Progress has its own events.
    Json level = view->jobs;
    for (Json& job : level)
        for (const char* key : {"progress", "training"}) job.erase(key);
    const std::string now = level.dump(-1, ' ', false, Json::error_handler_t::replace) + view->queue.dump();
    const Json told = {{"jobs", view->jobs}, {"queue", view->queue}};
    {
        const std::scoped_lock lock(mutex_);
        view_ = std::move(view);
    }
    if (now == level_) return;
    level_ = now;
    ++revision_;
    if (!tell_) return;
    Json data = told;
    data["revision"] = revision_.load();
    tell_("jobs", data, true);
}

void Watch::look_at_files() {
    std::map<std::string, std::string> marks;
    std::vector<std::string> names = workspace_.voice_names();
    for (const std::string& name : workspace_.training_names())
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    std::sort(names.begin(), names.end());
    marks["voices"] = join(names, "|");
    for (const std::string& name : names) {
        const fs::path folder = workspace_.training(name);
        marks["voice:" + name] = cat(mark_of_folder(workspace_.voice(name)),
                                     mark_of({folder / "train.txt", folder / "validation.txt",
                                              folder / "report.json", folder / "dataset.json"}));
        marks["transcript:" + name] =
            mark_of({folder / "whisper.json", folder / "report.json", folder / ".history.jsonl"});
        marks["configuration:" + name] = mark_of({folder / "train.yaml", folder / "train.json"});
        for (const auto& run : studio::runs_of(workspace_, name))
            marks[cat("run:", name, "/", run.run)] = mark_of(
                {run.events, run.folder / "models", run.folder / "training_state", run.folder / "samples"});
    }
    marks["models"] = mark_of_folder(workspace_.tortoise_models()) + mark_of_folder(workspace_.finetunes()) +
                      mark_of_folder(workspace_.whisper_models());
    marks["tokenizers"] = mark_of_folder(workspace_.tokenizers());
    marks["settings"] = mark_of({workspace_.config() / "exec.json", workspace_.config() / "models.json"});
    Json changed = Json::array();
    for (const auto& [what, mark] : marks)
        if (const auto found = marks_.find(what); found == marks_.end() || found->second != mark)
            changed.push_back(to_utf8(std::string_view(what)));
    for (const auto& [what, mark] : marks_)
        if (!marks.contains(what)) changed.push_back(to_utf8(std::string_view(what)));
    marks_ = std::move(marks);
    // The first look, which nobody who starts the server waits for, tells all: some may have been asked
    // before.
    if (changed.empty()) return;
    ++revision_;
    if (tell_) tell_("changed", {{"what", std::move(changed)}, {"revision", revision_.load()}}, false);
}

}  // namespace testudo::server
