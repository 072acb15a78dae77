#pragma once
// Processes of this machine that outlive the one that started them.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace testudo {

// A process for good: its number alone is given to another one some day.
struct ProcessId {
    int pid = 0;
    std::uint64_t start = 0;  // when it began, in clock ticks since the machine did
    std::string boot;         // which start of the machine
    bool operator==(const ProcessId&) const = default;
};

ProcessId this_process();
bool is_alive(const ProcessId& process);  // false for one that ended and was not waited for
// False when it is gone. SIGKILL also ends what a detached program started.
bool send_signal(const ProcessId& process, int signal);

struct DetachedProgram {
    std::filesystem::path program;
    std::vector<std::string> arguments;  // without the program's name
    std::filesystem::path output;        // standard output and error are appended to it
};
// Starts it in a session of its own, out of reach of this terminal's Ctrl-C, with nothing to read. `recorded`
// is called with its id before it runs: when that throws, or this process is killed meanwhile, it never runs.
// So a program that runs is one that was recorded. Error(environment) when it cannot be started.
ProcessId start_detached(const DetachedProgram& program,
                         const std::function<void(const ProcessId&)>& recorded);

// How an own child that has ended did so: its exit code, or 128 + the signal. Nothing while it runs, and for
// a process that is not our child or was asked for before.
std::optional<int> exit_status(const ProcessId& process);

}  // namespace testudo
