#include "dataset/history.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/files.h"
#include "core/hash.h"
#include "core/refusals.h"
#include "core/strings.h"

namespace testudo::dataset {

namespace {

constexpr int version = 1;
constexpr std::size_t largest = std::size_t{4} << 30;

double now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }  // inside a UTF-8 sequence

// The smallest place that holds all differences, of whole code points.
void set_place(Change& change, const std::string& before, const std::string& after) {
    const std::size_t most = std::min(before.size(), after.size());
    std::size_t front = 0, back = 0;
    while (front < most && before[front] == after[front]) ++front;
    const auto inside = [&](const std::string& text, std::size_t at) {
        return at < text.size() && continues(text[at]);
    };
    while (front > 0 && (inside(before, front) || inside(after, front))) --front;
    while (back < most - front && before[before.size() - 1 - back] == after[after.size() - 1 - back]) ++back;
    while (back > 0 && (continues(before[before.size() - back]) || continues(after[after.size() - back])))
        --back;
    change.at = front;
    change.removed = before.substr(front, before.size() - front - back);
    change.inserted = after.substr(front, after.size() - front - back);
}

Json to_json(const Change& change) {
    Json json = {{"change", change.number}, {"time", change.time}, {"what", change.what}};
    if (!change.edits.empty()) json["edits"] = change.edits;
    json["recordings"] = change.recordings;
    json["at"] = change.at;
    json["removed"] = change.removed;
    json["inserted"] = change.inserted;
    json["before"] = change.before;
    json["after"] = change.after;
    return json;
}

Change change_from_json(const Json& json) {
    Change change;
    change.number = json.at("change").get<std::int64_t>();
    change.time = json.at("time").get<double>();
    change.what = json.at("what").get<std::string>();
    if (json.contains("edits")) change.edits = json["edits"];
    change.recordings = json.at("recordings").get<std::vector<std::string>>();
    change.at = json.at("at").get<std::size_t>();
    change.removed = json.at("removed").get<std::string>();
    change.inserted = json.at("inserted").get<std::string>();
    change.before = json.at("before").get<std::string>();
    change.after = json.at("after").get<std::string>();
    return change;
}

Error contradiction(const fs::path& file) {
    return input_error(cat(file, " does not fit whisper.json"),
                       "Delete it (or keep it elsewhere): the changes so far can then not be undone.");
}

// `text` with one side of the change replaced by the other.
std::string replaced(const fs::path& file, std::string text, const Change& change, bool forwards) {
    const std::string& from = forwards ? change.removed : change.inserted;
    const std::string& to = forwards ? change.inserted : change.removed;
    if (change.at > text.size() || text.compare(change.at, from.size(), from) != 0) throw contradiction(file);
    return text.replace(change.at, from.size(), to);
}

}  // namespace

History::History(fs::path file) : file_(std::move(file)) {
    if (!fs::exists(file_)) return;
    try {
        read();
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        retire(error.what());
    } catch (const Json::exception& error) {
        retire(error.what());
    }
}

void History::read() {
    const std::string text = read_file(file_, largest);
    int number = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        if (end == std::string::npos) break;  // cut off by a crash: it never happened
        const Json line =
            parse_json(std::string_view(text).substr(at, end - at), cat(file_, ", line ", ++number));
        at = whole_bytes_ = end + 1;
        if (line.contains("base")) {
            if (line.at("version").get<int>() != version)
                throw input_error(cat(file_, " is of another version"), "Update Testudo.");
            base_ = line.at("base").get<std::string>();
            base_digest_ = sha256(base_);
        } else if (line.contains("change")) {
            changes_.resize(done_);
            changes_.push_back(change_from_json(line));
            ++done_;
            next_ = changes_.back().number + 1;
            last_ = Last::change;
        } else if (line.contains("undo") && done_ > 0) {
            --done_;
            last_ = Last::undo;
        } else if (line.contains("redo") && done_ < changes_.size()) {
            ++done_;
            last_ = Last::redo;
        } else {
            throw input_error(cat(file_, ", line ", number, " is no line of a history"), "Delete the file.");
        }
    }
    if (!begun()) throw input_error(cat(file_, " has no beginning"), "Delete the file.");
}

void History::retire(const std::string& why) {
    const fs::path kept = free_name(file_.parent_path() / ".history.damaged.jsonl");
    rename_durably(file_, kept);
    problem_ = cat("the history begins anew; the old one is kept as ", kept.filename(), ": ", why);
    base_.clear();
    base_digest_.clear();
    changes_.clear();
    done_ = whole_bytes_ = 0;
    next_ = 1;
    last_ = Last::none;
}

void History::begin(const std::string& text) {
    const std::string line = Json{{"version", version}, {"time", now()}, {"base", text}}.dump() + "\n";
    write_file(file_, line);
    base_ = text;
    base_digest_ = sha256(text);
    whole_bytes_ = line.size();
}

const std::string& History::digest_after(std::size_t changes) const {
    return changes == 0 ? base_digest_ : changes_[changes - 1].after;
}

bool History::leads_to(std::string_view text) const { return sha256(text) == digest_after(done_); }

bool History::in_step(std::string_view text) {
    if (leads_to(text)) return true;
    const std::string digest = sha256(text);
    if ((last_ == Last::change || last_ == Last::redo) && digest == digest_after(done_ - 1)) {
        append({{"undo", changes_[done_ - 1].number}, {"time", now()}, {"unfinished", true}});
        --done_;
        last_ = Last::undo;
        return true;
    }
    if (last_ == Last::undo && digest == digest_after(done_ + 1)) {
        append({{"redo", changes_[done_].number}, {"time", now()}, {"unfinished", true}});
        ++done_;
        last_ = Last::redo;
        return true;
    }
    return false;
}

std::string History::last_known() const {
    std::string text = base_;
    for (std::size_t i = 0; i < done_; ++i) text = replaced(file_, std::move(text), changes_[i], true);
    if (sha256(text) != digest_after(done_)) throw contradiction(file_);
    return text;
}

void History::add(std::string what, Json edits, std::vector<std::string> recordings,
                  const std::string& before, const std::string& after) {
    Change change;
    change.number = next_;
    change.time = now();
    change.what = std::move(what);
    change.edits = std::move(edits);
    change.recordings = std::move(recordings);
    change.before = sha256(before);
    change.after = sha256(after);
    set_place(change, before, after);
    append(to_json(change));
    ++next_;
    changes_.resize(done_);
    changes_.push_back(std::move(change));
    ++done_;
    last_ = Last::change;
}

std::string History::undo(const std::string& text) {
    if (done_ == 0) throw usage_error("there is nothing to undo", "See `testudo dataset history VOICE`.");
    const Change& change = changes_[done_ - 1];
    std::string out = replaced(file_, text, change, false);
    if (sha256(out) != change.before) throw contradiction(file_);
    append({{"undo", change.number}, {"time", now()}});
    --done_;
    last_ = Last::undo;
    return out;
}

std::string History::redo(const std::string& text) {
    if (done_ == changes_.size())
        throw usage_error("there is nothing to redo", "See `testudo dataset history VOICE`.");
    const Change& change = changes_[done_];
    std::string out = replaced(file_, text, change, true);
    if (sha256(out) != change.after) throw contradiction(file_);
    append({{"redo", change.number}, {"time", now()}});
    ++done_;
    last_ = Last::redo;
    return out;
}

void History::append(const Json& json) {
    const std::string line = json.dump() + "\n";
    const int file = ::open(file_.c_str(), O_WRONLY | O_CLOEXEC);
    std::size_t written = 0;
    // What a crash cut off behind the last whole line goes.
    bool good = file >= 0 && ::ftruncate(file, static_cast<off_t>(whole_bytes_)) == 0;
    while (good && written < line.size()) {
        const ssize_t got = ::pwrite(file, line.data() + written, line.size() - written,
                                     static_cast<off_t>(whole_bytes_ + written));
        if (got < 0 && errno == EINTR) continue;
        good = got > 0;
        if (good) written += static_cast<std::size_t>(got);
    }
    good = good && ::fsync(file) == 0;
    const int error = errno;
    if (file >= 0) {
        if (!good && ::ftruncate(file, static_cast<off_t>(whole_bytes_)) != 0)
            problem_ = "an unfinished line is left in the history";
        ::close(file);
    }
    if (!good) {
        const std::string what = cat("cannot write ", file_, ": ", std::strerror(error));
        if (is_disk_full(error))
            throw DiskFull(what, "Free some disk space, then try again; nothing was changed.");
        throw environment_error(what, "Give your user permission to write there; nothing was changed.");
    }
    whole_bytes_ += line.size();
}

}  // namespace testudo::dataset
