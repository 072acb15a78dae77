#include "core/available_memory.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/files.h"
#include "support/golden.h"

namespace testudo {
namespace {

struct Machine {
    test::TemporaryFolder folder;
    void write(const std::string& file, const std::string& text) const { write_file(folder / file, text); }
};

TEST(AvailableMemory, OfTheMachineWithoutGroups) {
    const Machine machine;
    machine.write("proc/meminfo", "MemTotal:  3000 kB\nMemAvailable:   2000 kB\n");
    const AvailableMemory found = available_memory(machine.folder.path());
    EXPECT_EQ(found.bytes, 2000 * 1024);
    EXPECT_EQ(found.limit, "the machine's memory");
}

TEST(AvailableMemory, TheTightestGroupAboveCounts) {
    const Machine machine;
    machine.write("proc/meminfo", "MemAvailable:   9000 kB\n");
    machine.write("proc/self/cgroup", "0::/a/b\n");
    machine.write("sys/fs/cgroup/memory.current", "1\n");  // the root has no limit
    machine.write("sys/fs/cgroup/a/memory.max", "5000000\n");
    machine.write("sys/fs/cgroup/a/memory.current", "4000000\n");
    machine.write("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 300000\n");
    machine.write("sys/fs/cgroup/a/b/memory.max", "max\n");
    machine.write("sys/fs/cgroup/a/b/memory.current", "4000000\n");
    AvailableMemory found = available_memory(machine.folder.path());
    EXPECT_EQ(found.bytes, 1300000);  // cache can be dropped
    EXPECT_EQ(found.limit, "the limit of the control group /a");
    machine.write("sys/fs/cgroup/a/b/memory.max", "3000000\n");  // over it already
    found = available_memory(machine.folder.path());
    EXPECT_EQ(found.bytes, 0);
    EXPECT_EQ(found.limit, "the limit of the control group /a/b");
}

TEST(AvailableMemory, OfVersionOneInAContainer) {
    const Machine machine;
    machine.write("proc/meminfo", "MemAvailable:   9000 kB\n");
    machine.write("proc/self/cgroup", "7:cpu,memory:/outside/x\n0::/\n");
    machine.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n");
    machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    EXPECT_EQ(available_memory(machine.folder.path()).limit, "the machine's memory");
    machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "51000\n");
    EXPECT_EQ(available_memory(machine.folder.path()).bytes, 50000);
}

TEST(AvailableMemory, AProcessMayHaveALimitOfItsOwn) {
    const Machine machine;
    machine.write("proc/meminfo", "MemAvailable:   9000 kB\n");
    machine.write("proc/self/status", "Name:\tx\nVmSize:\t  1500 kB\n");
    const auto limit = [&](const std::string& bytes) {
        machine.write("proc/self/limits",
                      "Limit                     Soft Limit           Hard Limit   Units\n"
                      "Max address space         " +
                          bytes + "    unlimited   bytes\n");
    };
    limit("unlimited");
    EXPECT_EQ(available_memory(machine.folder.path()).bytes, 9000 * 1024);
    limit("4096000");
    const AvailableMemory found = available_memory(machine.folder.path());
    EXPECT_EQ(found.bytes, 2500 * 1024);
    EXPECT_EQ(found.limit, "the limit of this process, ulimit -v 4000");
}

TEST(AvailableMemory, SeveralDivideWhatTheyHaveInCommon) {
    const Machine machine;
    machine.write("proc/meminfo", "MemAvailable:   9000 kB\n");
    machine.write("proc/self/status", "VmSize:\t  1500 kB\n");
    AvailableMemory found = available_memory(machine.folder.path(), 3);
    EXPECT_EQ(found.bytes, 3000 * 1024);
    EXPECT_EQ(found.limit, "the machine's memory, divided among 3 processes");
    machine.write("proc/self/limits", "Max address space  4096000  unlimited  bytes\n");
    EXPECT_EQ(available_memory(machine.folder.path(), 3).bytes, 2500 * 1024) << "each has its own";
}

TEST(AvailableMemory, OfThisProcess) {
    EXPECT_GT(available_memory().bytes, 0);
    EXPECT_GT(resident_bytes(), 1e6);
    EXPECT_GE(peak_resident_bytes(), resident_bytes() * 0.9);
    if (!reset_peak_resident()) GTEST_SKIP() << "not allowed here";
    const double before = peak_resident_bytes();
    std::vector<char> block(std::size_t{64} << 20);
    volatile char* touched = block.data();  // or the compiler does without
    for (std::size_t i = 0; i < block.size(); i += 4096) touched[i] = 1;
    EXPECT_GT(peak_resident_bytes() - before, 50e6);
}

}  // namespace
}  // namespace testudo
