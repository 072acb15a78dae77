#include "core/events.h"

#include <chrono>
#include <cmath>
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

double now() {
    const double seconds =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    return std::round(seconds * 1000) / 1000;
}

}  // namespace

Events::Events(const std::filesystem::path& file) { append_to(file); }

void Events::append_to(const std::filesystem::path& file) {
    const std::lock_guard lock(mutex_);
    if (file.has_parent_path()) make_folders(file.parent_path());
    std::string old;
    if (fs::is_regular_file(file)) old = read_file(file);
    if (!file_) sequence_ = 0;  // what is held gets the numbers after the file's
    for (const Json& event : read_events(file))
        if (const auto seq = event.find("seq"); seq != event.end() && seq->is_number_unsigned())
            sequence_ = std::max(sequence_, seq->get<std::uint64_t>());
    auto opened = std::make_unique<AppendFile>(file);
    if (!opened->open())
        throw environment_error(
            cat("cannot write ", to_utf8(file.native()), ": ", opened->why()),
            "Free some space, give your user permission to write there, or choose another workspace.");
    file_ = std::move(opened);
    if (!old.empty() && old.back() != '\n') file_->append("\n");
    for (Json& event : std::exchange(held_, {})) {
        event["seq"] = ++sequence_;
        write(event);
    }
}

Events::~Events() = default;

bool Events::waits() const {
    const std::lock_guard lock(mutex_);
    return file_ && file_->waits();
}

void Events::listen(Listener listener) {
    const std::lock_guard lock(mutex_);
    listeners_.push_back(std::move(listener));
}

void Events::emit(const char* type, Json fields) {
    Json event = {{"seq", 0}, {"time", now()}, {"type", type}};
    for (auto& [key, value] : fields.items()) event[key] = std::move(value);
    put(std::move(event));
}

void Events::relay(const Json& event) { put(event); }

void Events::put(Json event) {
    const std::lock_guard lock(mutex_);
    event["seq"] = ++sequence_;
    if (!file_) {
        held_.push_back(event);
        if (held_.size() > most_held) held_.pop_front();
        return tell(event);
    }
    const bool waited = file_->waits();
    write(event);
    tell(event);
    if (waited == file_->waits()) return;  // a full disk must not stop the job
    const std::string name = to_utf8(file_->path().native());
    const Json notice =
        !waited ? message("warning", cat("cannot write ", name, ": ", file_->why(),
                                         "; the job goes on, its events wait until that is mended"))
        : file_->lost() == 0
            ? message("info", cat(name, " is written again: nothing of it is missing"))
            : message("warning", cat(name, " is written again; ", file_->lost(),
                                     " of its events are missing, since more came than can wait"));
    write(notice);
    tell(notice);
}

void Events::write(const Json& event) {
    file_->append(event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void Events::tell(const Json& event) {
    for (const auto& listener : listeners_) listener(event);
}

Json Events::message(const char* level, const std::string& text) {
    return {{"seq", ++sequence_}, {"time", now()}, {"type", "log"}, {"level", level}, {"message", text}};
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
    if (!fs::is_regular_file(file)) return events;
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
