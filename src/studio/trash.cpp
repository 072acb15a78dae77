#include "studio/trash.h"

#include <ctime>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"

namespace testudo::studio {

namespace {

std::string today() {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    char text[32];
    ::localtime_r(&now, &local);
    std::strftime(text, sizeof text, "%Y-%m-%d", &local);
    return text;
}

}  // namespace

fs::path move_to_trash(const Workspace& workspace, const fs::path& what) {
    std::error_code error;
    const fs::path relative = what.lexically_relative(workspace.root());
    if (relative.empty() || relative.begin()->string() == ".." ||
        !fs::exists(fs::symlink_status(what, error)))
        throw input_error(cat(what, " is not there"), "Look at the folder again.");
    const fs::path to = free_name(workspace.root() / "trash" / today() / relative);
    make_folders(to.parent_path());
    rename_durably(what, to);
    return to.lexically_relative(workspace.root());
}

void empty_trash(const Workspace& workspace) {
    std::error_code error;
    fs::remove_all(workspace.root() / "trash", error);
    if (error)
        throw environment_error(cat("the trash cannot be emptied: ", error.message()),
                                "Check the permissions of trash/ in the workspace.");
}

}  // namespace testudo::studio
