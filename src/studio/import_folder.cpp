#include "studio/import_folder.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/strings.h"

namespace testudo::studio {

namespace {

struct Found {
    fs::path from, to;
    double bytes = 0;
};

struct Plan {
    std::vector<Found> files;
    double bytes = 0;
    int kept = 0, skipped = 0;
};

void look_into(const fs::path& from, const fs::path& to, Plan& plan) {
    std::vector<fs::directory_entry> entries;
    std::error_code error;
    for (fs::directory_iterator entry(from, error), end; !error && entry != end; entry.increment(error))
        entries.push_back(*entry);
    if (error)
        throw input_error(cat("cannot look into ", from, ": ", error.message()), "Check its permissions.");
    std::sort(entries.begin(), entries.end());
    for (const auto& entry : entries) {
        const fs::path target = to / entry.path().filename();
        if (entry.is_symlink()) {
            ++plan.skipped;  // it may lead anywhere
        } else if (entry.is_directory()) {
            look_into(entry.path(), target, plan);
        } else if (!entry.is_regular_file()) {
            ++plan.skipped;
        } else if (fs::exists(fs::symlink_status(target, error))) {
            ++plan.kept;
        } else {
            plan.files.push_back({entry.path(), target, static_cast<double>(entry.file_size())});
            plan.bytes += plan.files.back().bytes;
        }
    }
}

// True when it became a second name.
bool take(const Found& file, ImportHow how) {
    make_folders(file.to.parent_path());
    std::error_code error;
    if (how == ImportHow::link) {
        fs::create_hard_link(file.from, file.to, error);
        if (!error) return true;
    }
    write_file_through(file.to, [&](const fs::path& temporary) {
        fs::copy_file(file.from, temporary, fs::copy_options::overwrite_existing, error);
        if (error)
            throw environment_error(
                cat("cannot copy ", file.from, " to ", file.to, ": ", error.message()),
                "Check permissions and free space, then import again: what is there is kept.");
    });
    return false;
}

}  // namespace

Json import_folder(const Workspace& workspace, const fs::path& folder, ImportHow how, Events& events) {
    std::error_code error;
    if (!fs::is_directory(folder, error))
        throw input_error(cat(folder, " is no folder"), "Name the folder of the original studio.");
    if (is_inside(folder, workspace.root()))
        throw input_error(cat(folder, " lies in the workspace"), "Name another folder.");
    Plan plan;
    int places = 0;
    for (const char* name : {"voices", "training", "models"})
        if (fs::is_directory(folder / name, error)) {
            ++places;
            look_into(folder / name, workspace.root() / name, plan);
        }
    if (places == 0)
        throw input_error(cat(folder, " has neither voices/ nor training/ nor models/"),
                          "Name the folder of the original studio.");
    if (how == ImportHow::copy) {
        make_folders(workspace.root());
        const double free = free_space(workspace.root());
        if (free < plan.bytes)
            throw environment_error(cat("the files take ", human_bytes(plan.bytes), ", but only ",
                                        human_bytes(free), " are free"),
                                    "Free some space, or link them instead.");
    }
    double done = 0;
    int taken = 0, linked = 0;
    bool stopped = false;
    for (const Found& file : plan.files) {
        if ((stopped = stop_requested())) break;
        linked += take(file, how) ? 1 : 0;
        ++taken;
        done += file.bytes;
        events.progress(
            "import", done, plan.bytes, "bytes",
            {{"file", to_utf8(std::string_view(file.to.lexically_relative(workspace.root()).string()))}});
    }
    return {{"files", taken},    {"bytes", done},           {"linked", linked},
            {"kept", plan.kept}, {"skipped", plan.skipped}, {"stopped", stopped}};
}

}  // namespace testudo::studio
