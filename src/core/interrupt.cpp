#include "core/interrupt.h"

#include <unistd.h>

#include <csignal>

namespace testudo {

namespace {
std::atomic<bool> stop{false};
struct sigaction old_interrupt, old_terminate, old_hangup;

void on_signal(int signal) {
    if (stop.exchange(true) && signal == SIGINT) _exit(130);
}
}  // namespace

StopOnSignal::StopOnSignal() {
    stop = false;
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, &old_interrupt);
    sigaction(SIGTERM, &action, &old_terminate);
    sigaction(SIGHUP, &action, &old_hangup);
}

StopOnSignal::~StopOnSignal() {
    sigaction(SIGINT, &old_interrupt, nullptr);
    sigaction(SIGTERM, &old_terminate, nullptr);
    sigaction(SIGHUP, &old_hangup, nullptr);
    stop = false;
}

bool stop_requested() { return stop; }
void request_stop(bool value) { stop = value; }

}  // namespace testudo
