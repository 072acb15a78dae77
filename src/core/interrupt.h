#pragma once
// Ctrl-C: the first asks the running job to finish its step, save and leave; the second leaves at once.
#include <atomic>

namespace testudo {

// While one lives, SIGINT, SIGTERM and SIGHUP (the terminal was closed) only set a flag; a second SIGINT ends
// the process with 130 at once (files are written atomically, so nothing saved is lost).
class StopOnSignal {
  public:
    StopOnSignal();
    ~StopOnSignal();
    StopOnSignal(const StopOnSignal&) = delete;
    StopOnSignal& operator=(const StopOnSignal&) = delete;
};

bool stop_requested();
void request_stop(bool stop = true);  // as if a signal had come; for tests and library callers

}  // namespace testudo
