#pragma once
// How much lies in a folder, and in all below it.
#include <cstdint>
#include <filesystem>

namespace testudo::studio {

struct FolderSize {
    std::uint64_t files = 0;
    double bytes = 0;
};
// Links are not followed; what cannot be read, or goes meanwhile, is left out.
FolderSize size_of_folder(const std::filesystem::path& folder);

}  // namespace testudo::studio
