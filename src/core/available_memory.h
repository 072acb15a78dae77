#pragma once
// How much memory this process may still take, and what sets the limit.
#include <filesystem>
#include <string>

namespace testudo {

struct AvailableMemory {
    double bytes = 0;   // that can still be had
    std::string limit;  // "the machine's memory", "the limit of the control group /x", "ulimit -v 700000"
};

// The least of what the kernel calls available, what the control groups of this process (version 1 and 2,
// with all groups above) leave, and what a limit of its addresses does; page cache that can be dropped counts
// as free. `sharers`: processes that divide what they have in common. `root` is for tests.
AvailableMemory available_memory(const std::filesystem::path& root = "/", int sharers = 1);

double resident_bytes();       // of this process, now
double peak_resident_bytes();  // since the start or the last reset
bool reset_peak_resident();    // false where the system does not allow it

}  // namespace testudo
