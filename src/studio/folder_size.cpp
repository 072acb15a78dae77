#include "studio/folder_size.h"

namespace testudo::studio {

namespace fs = std::filesystem;

FolderSize size_of_folder(const fs::path& folder) {
    FolderSize size;
    std::error_code error;
    fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error), end;
    for (; !error && entry != end; entry.increment(error)) {
        std::error_code gone;
        if (!fs::is_regular_file(entry->symlink_status(gone))) continue;
        const auto bytes = entry->file_size(gone);
        if (gone) continue;
        ++size.files;
        size.bytes += static_cast<double>(bytes);
    }
    return size;
}

}  // namespace testudo::studio
