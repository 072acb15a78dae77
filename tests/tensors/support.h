#pragma once
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstring>
#include <fstream>
#include <string>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "support/golden.h"
#include "tensors/value.h"

namespace testudo::tensors::test {

namespace fs = std::filesystem;
using testudo::test::golden_cases;
using testudo::test::golden_root;
using testudo::test::GoldenCase;
using testudo::test::TemporaryFolder;

// The Error(input) that `use` ends in; fails the test when it ends otherwise.
template <class Use>
std::string message_of_error(const Use& use, const std::string& what = {}) {
    try {
        use();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input) << what << ": " << error.what();
        EXPECT_FALSE(error.hint().empty()) << what;
        return error.what();
    }
    ADD_FAILURE() << what << " was accepted";
    return {};
}

// Without the care for power cuts that the program's own files get; a new file, as truncating an old one may
// wait for the disk.
inline void write_quickly(const fs::path& path, const std::string& bytes) {
    fs::remove(path);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// KiB, of this process: "RssAnon" (its own pages), "VmRSS" (with pages of mapped files), "VmSize".
inline long memory(const std::string& field) {
    std::ifstream status("/proc/self/status");
    std::string line;
    while (std::getline(status, line))
        if (line.starts_with(field + ":")) return std::stol(line.substr(field.size() + 1));
    return 0;
}

// While it lives this process gets no more than so many bytes of address space; asking for more throws
// std::bad_alloc.
class MemoryLimit {
  public:
    explicit MemoryLimit(std::size_t more) {
        ::getrlimit(RLIMIT_AS, &before_);
#ifndef __SANITIZE_ADDRESS__  // its allocator ends the program instead
        rlimit limit = before_;
        limit.rlim_cur = std::min(limit.rlim_cur, static_cast<rlim_t>(memory("VmSize")) * 1024 + more);
        ::setrlimit(RLIMIT_AS, &limit);
#else
        static_cast<void>(more);
#endif
    }
    ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &before_); }
    MemoryLimit(const MemoryLimit&) = delete;
    MemoryLimit& operator=(const MemoryLimit&) = delete;

  private:
    rlimit before_{};
};

inline std::string raw_bytes(const at::Tensor& tensor) {
    const at::Tensor plain = tensor.contiguous();
    return {static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()};
}

// Little-endian fields one after another.
template <class... Numbers>
std::string packed(Numbers... numbers) {
    std::string out;
    (out.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
    return out;
}

}  // namespace testudo::tensors::test
