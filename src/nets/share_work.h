#pragma once
// Tasks handed out to all threads one by one.
#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace testudo::nets {

// act(i, thread) for i in [0, count), each thread taking the next when it has finished one: machines are
// shared, and threads are not equally fast. `work`: multiplications in all; little of it is not worth waking
// threads for. thread < at::get_num_threads().
template <class Act>
void share_work(std::int64_t count, std::int64_t work, const Act& act) {
    constexpr std::int64_t worth_it = 1 << 20;
    const std::int64_t threads = work < worth_it ? 1 : std::min<std::int64_t>(count, at::get_num_threads());
    std::atomic<std::int64_t> next = 0;
    at::parallel_for(0, threads, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t thread = begin; thread < end; ++thread)
            for (std::int64_t i = next++; i < count; i = next++) act(i, thread);
    });
}

}  // namespace testudo::nets
