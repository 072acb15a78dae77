#include "core/events.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"

namespace testudo {

namespace {

constexpr std::size_t most_held = 10000;

Json with(Json fields, Json extra) {
    if (extra.is_object())
        for (auto& [key, value] : extra.items()) fields[key] = std::move(value);
    return fields;
}

}  // namespace

Events::Events(const std::filesystem::path& file) { append_to(file); }

void Events::append_to(const std::filesystem::path& file) {
    const std::lock_guard lock(mutex_);
    if (file.has_parent_path()) make_folders(file.parent_path());
    std::string old;
    if (fs::exists(file)) old = read_file(file);
    if (file_ < 0) sequence_ = 0;  // what is held gets the numbers after the file's
    for (const Json& event : read_events(file))
        if (const auto seq = event.find("seq"); seq != event.end() && seq->is_number_unsigned())
            sequence_ = std::max(sequence_, seq->get<std::uint64_t>());
    const int opened = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (opened < 0)
        throw environment_error(cat("cannot write ", to_utf8(file.native()), ": ", std::strerror(errno)),
                                "Give your user permission to write there, or choose another workspace.");
    if (file_ >= 0) ::close(file_);
    file_ = opened;
    path_ = file;
    file_failed_ = false;
    torn_ = !old.empty() && old.back() != '\n' && ::write(file_, "\n", 1) != 1;
    for (Json& event : std::exchange(held_, {})) {
        event["seq"] = ++sequence_;
        write(event);
    }
}

Events::~Events() {
    if (file_ >= 0) ::close(file_);
}

void Events::listen(Listener listener) {
    const std::lock_guard lock(mutex_);
    listeners_.push_back(std::move(listener));
}

void Events::emit(const char* type, Json fields) {
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    Json event = {{"seq", 0}, {"time", std::round(now * 1000) / 1000}, {"type", type}};
    for (auto& [key, value] : fields.items()) event[key] = std::move(value);
    put(std::move(event));
}

void Events::relay(const Json& event) { put(event); }

void Events::put(Json event) {
    const std::lock_guard lock(mutex_);
    event["seq"] = ++sequence_;
    if (file_ < 0) {
        held_.push_back(event);
        if (held_.size() > most_held) held_.pop_front();
    } else if (write(event)) {
        file_failed_ = false;
    } else if (!std::exchange(file_failed_, true)) {  // a full disk must not stop the job
        const Json warning = {{"seq", sequence_},
                              {"time", event["time"]},
                              {"type", "log"},
                              {"level", "warning"},
                              {"message", cat("cannot write ", to_utf8(path_.native()), ": ",
                                              std::strerror(errno), "; the job goes on without its log")}};
        for (const auto& listener : listeners_) listener(warning);
    }
    for (const auto& listener : listeners_) listener(event);
}

// One write a line: readers never see half a line of a living writer. What a full disk cut off is ended
// first.
bool Events::write(const Json& event) {
    const std::string line =
        (torn_ ? "\n" : "") + event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    torn_ = ::write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size());
    return !torn_;
}

void Events::log(const std::string& level, const std::string& message, Json extra) {
    emit("log", with({{"level", level}, {"message", message}}, std::move(extra)));
}

void Events::progress(const std::string& stage, double done, double total, const std::string& unit,
                      Json extra) {
    emit("progress",
         with({{"stage", stage}, {"done", done}, {"total", total}, {"unit", unit}}, std::move(extra)));
}

void Events::metric(Json values) { emit("metric", std::move(values)); }

void Events::artifact(const std::string& kind, const std::filesystem::path& path, Json extra) {
    emit("artifact", with({{"kind", kind}, {"path", to_utf8(path.native())}}, std::move(extra)));
}

void Events::remark(const std::string& name, const std::string& message, std::int64_t iteration) {
    emit("remark", {{"name", name}, {"message", message}, {"it", iteration}});
}

void Events::done(Json result) { emit("done", {{"result", std::move(result)}}); }

void Events::failed(const std::string& reason, const std::string& hint, int exit_code) {
    emit("failed", {{"reason", reason}, {"hint", hint}, {"exit_code", exit_code}});
}

std::vector<Json> read_events(const std::filesystem::path& file) {
    std::vector<Json> events;
    if (!fs::exists(file)) return events;
    const std::string text = read_file(file, std::size_t{4} << 30);
    std::size_t start = 0;
    for (std::size_t end; (end = text.find('\n', start)) != std::string::npos; start = end + 1) {
        Json event = Json::parse(text.begin() + static_cast<std::ptrdiff_t>(start),
                                 text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
        if (event.is_object()) events.push_back(std::move(event));
    }
    return events;
}

}  // namespace testudo
