#include "core/program_files.h"

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"

namespace testudo {

fs::path program_file(const fs::path& name) {
    std::error_code error;
    const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    const fs::path beside = folder / "share" / "testudo" / name,
                   below = folder.parent_path() / "share" / "testudo" / name;
    for (const fs::path& place : {beside, below})
        if (fs::exists(place, error)) return place;
    throw environment_error(
        cat("a file of the program is missing: neither ", beside, " nor ", below, " is there"),
        "Run ./dev build again, or install the program anew.");
}

}  // namespace testudo
