#pragma once
// A limit of file sizes stands for the full disk.
#include <sys/resource.h>

#include <algorithm>
#include <csignal>

namespace testudo::test {

class FullDisk {
  public:
    explicit FullDisk(rlim_t bytes = 100000) : bytes_(bytes), before_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &limit_);
    }
    ~FullDisk() {
        set(false);
        std::signal(SIGXFSZ, before_);
    }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;
    void set(bool full) { set_bytes(full ? bytes_ : limit_.rlim_cur); }
    void set_bytes(rlim_t bytes) {  // of the largest file
        const rlimit now{std::min(bytes, limit_.rlim_max), limit_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &now);
    }

  private:
    rlim_t bytes_;
    void (*before_)(int);
    rlimit limit_{};
};

}  // namespace testudo::test
