#pragma once
// Reference data: cases are found by listing the folder TESTUDO_GOLDEN (default tests/golden), never named in
// code beyond their family. A set that lacks a family skips it aloud; a folder without any case fails
// (GoldenFolder).
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"

namespace testudo::test {

namespace fs = std::filesystem;

inline fs::path source_dir() { return TESTUDO_SOURCE_DIR; }

inline fs::path golden_root() {
    const char* set = std::getenv("TESTUDO_GOLDEN");
    return set && *set ? fs::path(set) : source_dir() / "tests" / "golden";
}

struct GoldenCase {
    std::string name;  // file name without .json
    fs::path folder;   // where it lies; its tensors are folder / (name + ".safetensors")
    Json manifest;
};

// The cases FOLDER/PREFIX*.json of this set (FOLDER relative to the golden root, e.g. "ar"), sorted by name.
inline std::vector<GoldenCase> golden_cases(const std::string& folder, const std::string& prefix) {
    std::vector<GoldenCase> cases;
    const fs::path where = golden_root() / folder;
    if (fs::is_directory(where))
        for (const auto& entry : fs::directory_iterator(where)) {
            const std::string name = entry.path().stem().string();
            if (entry.path().extension() == ".json" && name.starts_with(prefix))
                cases.push_back({name, where, read_json(entry.path())});
        }
    std::sort(cases.begin(), cases.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    if (cases.empty())
        std::cerr << "[golden] " << where.string() << " has no case " << prefix << "*.json: skipped\n";
    return cases;
}

// A file that other sets lack (tokenizers, shapes): this set's own, else the one of tests/golden.
inline fs::path golden_file_or_default(const std::string& relative) {
    const fs::path own = golden_root() / relative;
    return fs::exists(own) ? own : source_dir() / "tests" / "golden" / relative;
}

// A folder for one test's files, emptied first and removed with the object.
class TemporaryFolder {
  public:
    TemporaryFolder() : TemporaryFolder(name_of_test()) {}
    explicit TemporaryFolder(std::string name) {
        std::replace(name.begin(), name.end(), '/', '_');
        path_ = fs::temp_directory_path() / ("testudo-" + name + "." + std::to_string(::getpid()));
        fs::remove_all(path_);
        fs::create_directories(path_);
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const fs::path& path() const { return path_; }
    fs::path operator/(const std::string& name) const { return path_ / name; }

  private:
    static std::string name_of_test() {
        const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
        return std::string(info ? info->test_suite_name() : "x") + "." + (info ? info->name() : "x");
    }
    fs::path path_;
};

}  // namespace testudo::test
