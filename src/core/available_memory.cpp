#include "core/available_memory.h"

#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>

#include "core/strings.h"

namespace testudo {

namespace fs = std::filesystem;

namespace {

// The number that a line of /proc or of a control group begins with after `key`; of kB lines in bytes.
std::optional<double> number_after(const fs::path& file, std::string_view key) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with(key)) continue;
        const std::string rest = trim(std::string_view(line).substr(key.size()));
        double value = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
        if (error != std::errc()) return {};
        return rest.ends_with("kB") ? value * 1024 : value;
    }
    return {};
}

void consider(AvailableMemory& least, std::optional<double> bytes, const std::string& limit) {
    if (!bytes || (!least.limit.empty() && *bytes >= least.bytes)) return;
    least = {std::max(*bytes, 0.0), limit};
}

// `names`: files of the limit and of the use; `reclaimable`: the key in memory.stat.
void consider_groups(AvailableMemory& least, const fs::path& top, const std::string& group,
                     const char* limit_name, const char* use_name, const char* reclaimable) {
    fs::path folder = top / fs::path(group).relative_path();
    // In a container the path may name what lies outside of it; then the mount's root is the group.
    if (!fs::exists(folder / use_name)) folder = top;
    for (;; folder = folder.parent_path()) {
        const auto limit = number_after(folder / limit_name, "");
        const auto use = number_after(folder / use_name, "");
        constexpr double none = 1e18;  // version 1 writes a number near 2^63 for no limit
        if (limit && use && *limit < none) {
            const double cache = number_after(folder / "memory.stat", reclaimable).value_or(0);
            const std::string name = folder.lexically_relative(top).string();
            consider(least, *limit - *use + cache,
                     cat("the limit of the control group /", name == "." ? "" : name));
        }
        if (folder == top || !folder.has_relative_path()) return;
    }
}

}  // namespace

AvailableMemory available_memory(const fs::path& root, int sharers) {
    AvailableMemory least;
    consider(least, number_after(root / "proc/meminfo", "MemAvailable:"), "the machine's memory");
    std::ifstream groups(root / "proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const std::string group = line.substr(second + 1);
        if (controllers.empty()) {
            consider_groups(least, root / "sys/fs/cgroup", group, "memory.max", "memory.current",
                            "inactive_file ");
        } else {
            for (const std::string& controller : split(controllers, ','))
                if (controller == "memory")
                    consider_groups(least, root / "sys/fs/cgroup/memory", group, "memory.limit_in_bytes",
                                    "memory.usage_in_bytes", "total_inactive_file ");
        }
    }
    if (sharers > 1) {
        least.bytes /= sharers;
        least.limit += cat(", divided among ", sharers, " processes");
    }
    const auto addresses = number_after(root / "proc/self/limits", "Max address space");
    const auto taken = number_after(root / "proc/self/status", "VmSize:");
    if (addresses && taken)
        consider(least, *addresses - *taken,
                 cat("the limit of this process, ulimit -v ", std::llround(*addresses / 1024)));
    return least;
}

double resident_bytes() { return number_after("/proc/self/status", "VmRSS:").value_or(0); }
double peak_resident_bytes() { return number_after("/proc/self/status", "VmHWM:").value_or(0); }

bool reset_peak_resident() {
    std::ofstream file("/proc/self/clear_refs");
    file << "5";
    file.close();
    return !file.fail();
}

}  // namespace testudo
