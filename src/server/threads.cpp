#include "server/threads.h"

#include <chrono>
#include <thread>

namespace testudo::server {

namespace {

constexpr std::chrono::seconds spare_time{20};
thread_local const std::atomic<std::size_t>* waiting_here = nullptr;

}  // namespace

bool Threads::others_wait() { return waiting_here && *waiting_here > 0; }

bool Threads::enqueue(std::function<void()> task) {
    const std::scoped_lock lock(mutex_);
    if (tasks_.size() >= most_waiting_) return false;
    tasks_.push_back(std::move(task));
    waiting_ = tasks_.size();
    if (idle_ < tasks_.size() && threads_ < most_) {
        ++threads_;
        std::thread([this] { work(); }).detach();
    }
    task_came_.notify_one();
    return true;
}

void Threads::work() {
    waiting_here = &waiting_;
    std::unique_lock lock(mutex_);
    while (true) {
        ++idle_;
        task_came_.wait_for(lock, spare_time, [this] { return ending_ || !tasks_.empty(); });
        --idle_;
        if (tasks_.empty()) break;
        auto task = std::move(tasks_.front());
        tasks_.pop_front();
        waiting_ = tasks_.size();
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
    }
    --threads_;
    // Under the lock: afterwards `this` may be gone.
    thread_left_.notify_all();
}

void Threads::shutdown() {
    std::unique_lock lock(mutex_);
    ending_ = true;
    task_came_.notify_all();
    thread_left_.wait(lock, [this] { return threads_ == 0; });
}

}  // namespace testudo::server
