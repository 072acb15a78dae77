#include "dataset/read_ahead.h"

#include <algorithm>
#include <utility>

namespace testudo::dataset {

ReadAhead::ReadAhead(std::vector<std::filesystem::path> files, double most_seconds)
    : files_(std::move(files)), most_seconds_(most_seconds), thread_([this] { work(); }) {}

ReadAhead::~ReadAhead() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void ReadAhead::work() {
    for (const auto& file : files_) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return stop_ || waiting_seconds_ < most_seconds_; });
            if (stop_) return;
        }
        Loaded next;
        next.file = file;
        try {
            next.sound = load_both_rates(file, &next.warning, most_seconds_);
        } catch (...) {
            next.error = std::current_exception();
        }
        const std::lock_guard lock(mutex_);
        if (next.sound) waiting_seconds_ += next.sound->training.seconds();
        waiting_.push_back(std::move(next));
        ++loaded_;
        changed_.notify_all();
    }
}

std::optional<TwoRates> ReadAhead::take(const std::filesystem::path& file, std::string* warning) {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (waiting_.empty()) {
            const auto left = files_.begin() + static_cast<std::ptrdiff_t>(loaded_);
            if (std::find(left, files_.end(), file) == files_.end()) break;
            changed_.wait(lock);
            continue;
        }
        Loaded next = std::move(waiting_.front());
        waiting_.pop_front();
        if (next.sound) waiting_seconds_ -= next.sound->training.seconds();
        changed_.notify_all();
        if (next.file != file) continue;
        if (next.error) std::rethrow_exception(next.error);
        *warning = std::move(next.warning);
        return std::move(next.sound);
    }
    lock.unlock();
    return load_both_rates(file, warning, most_seconds_);
}

}  // namespace testudo::dataset
