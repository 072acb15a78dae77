#include "core/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace testudo {

AppendFile::~AppendFile() {
    write_waiting();
    if (file_ >= 0) ::close(file_);
}

bool AppendFile::open() {
    if (file_ >= 0) return true;
    std::error_code ignored;  // then the file cannot be opened either, and that says why
    if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path(), ignored);
    // O_NONBLOCK: a pipe that nobody reads must not hold the job up.
    file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
    if (file_ < 0) error_ = errno;
    return file_ >= 0;
}

bool AppendFile::append(std::string unit) {
    bytes_ += unit.size();
    waiting_.push_back(std::move(unit));
    if (write_waiting()) return true;
    // The first stays: it may have been begun, or be what a file begins with.
    while (bytes_ > most_waiting && waiting_.size() > 1) {
        bytes_ -= waiting_[1].size();
        waiting_.erase(waiting_.begin() + 1);
        ++lost_;
    }
    return false;
}

// One write a unit: who reads along never sees half of one while there is room.
bool AppendFile::write_waiting() {
    while (!waiting_.empty()) {
        if (!open()) return false;
        const std::string& first = waiting_.front();
        const ssize_t done = ::write(file_, first.data() + written_, first.size() - written_);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) {
            error_ = errno;
            return false;
        }
        written_ += static_cast<std::size_t>(done);
        if (written_ < first.size()) continue;  // the next write says why
        bytes_ -= first.size();
        waiting_.pop_front();
        written_ = 0;
    }
    return true;
}

std::string AppendFile::why() const { return std::strerror(error_); }

}  // namespace testudo
