#pragma once
// What a job tells the world: one JSON object a line in events.jsonl, drawn alike by the terminal and the
// page. Every event has "seq" (1, 2, 3, …), "time" (seconds since 1970) and "type", one of
//   log       level (info|warning|error), message
//   progress  stage, done, total, unit, and what else helps to draw it (eta_seconds, epoch, …)
//   metric    the numbers of one iteration or validation
//   artifact  kind, path: a file that is now complete
//   remark    name, message, it: what the numbers of a training say to who watches it
//   done      the job's result
//   failed    reason, hint, exit_code
// docs/formats.md lists the fields that each job adds.
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/append_file.h"
#include "core/json.h"

namespace testudo {

class Events {
  public:
    using Listener = std::function<void(const Json&)>;

    Events() = default;  // no file: listeners only
    // Appends to `file`, continuing its numbering; a last line cut off by a crash is ended, never merged with
    // ours.
    explicit Events(const std::filesystem::path& file);
    ~Events();
    Events(const Events&) = delete;
    Events& operator=(const Events&) = delete;

    void listen(Listener listener);
    // From now on into this file (appended, numbering continued), for jobs that make their folder late: the
    // last 10000 events emitted before any file was named come first. While the disk is full, lines wait
    // (core/append_file.h); it is told when that begins and when it is over.
    void append_to(const std::filesystem::path& file);
    bool waits() const;  // the file lacks lines yet

    // `extra`: fields beside the message (docs/formats.md, Events).
    void info(const std::string& message, Json extra = {}) { log("info", message, std::move(extra)); }
    void warning(const std::string& message, Json extra = {}) { log("warning", message, std::move(extra)); }
    void log(const std::string& level, const std::string& message, Json extra = {});
    void progress(const std::string& stage, double done, double total, const std::string& unit,
                  Json extra = {});
    void metric(Json values);
    void artifact(const std::string& kind, const std::filesystem::path& path, Json extra = {});
    void remark(const std::string& name, const std::string& message, std::int64_t iteration);
    void done(Json result);
    void failed(const std::string& reason, const std::string& hint, int exit_code);
    // An event of another Events, with its time but numbered as ours.
    void relay(const Json& event);

  private:
    void emit(const char* type, Json fields);
    void put(Json event);
    void write(const Json& event);
    void tell(const Json& event);
    Json message(const char* level, const std::string& text);

    mutable std::mutex mutex_;
    std::unique_ptr<AppendFile> file_;
    std::uint64_t sequence_ = 0;
    std::deque<Json> held_;  // while there is no file
    std::vector<Listener> listeners_;
};

// All whole lines of an events.jsonl; a cut-off last line is left out. Missing file: empty.
std::vector<Json> read_events(const std::filesystem::path& file);

}  // namespace testudo
