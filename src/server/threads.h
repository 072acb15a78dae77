#pragma once
// Threads made when they are needed, up to a limit, that leave when nothing is to do.
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace testudo::server {

class Threads {
  public:
    Threads(std::size_t most, std::size_t most_waiting) : most_(most), most_waiting_(most_waiting) {}
    bool enqueue(std::function<void()> task);  // false, and no more, when too many wait
    void shutdown();                           // after the last task

    static bool others_wait();  // in a task: for a thread

  private:
    void work();

    const std::size_t most_, most_waiting_;
    std::mutex mutex_;
    std::condition_variable task_came_, thread_left_;
    std::deque<std::function<void()>> tasks_;
    std::size_t threads_ = 0, idle_ = 0;
    std::atomic<std::size_t> waiting_ = 0;  // size of tasks_
    bool ending_ = false;
};

}  // namespace testudo::server
