#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/voice_name.h"
#include "studio/models.h"
#include "tensors/sidecar.h"

namespace testudo::studio {

fs::path use_checkpoint(const Workspace& workspace, const fs::path& checkpoint, const std::string& name,
                        bool replace) {
    dataset::check_voice_name(name);
    const fs::path to = workspace.finetunes() / (name + ".pth");
    std::error_code error;
    if (fs::exists(to, error) && !replace)
        throw input_error(cat(to, " is there already"), "Choose another name, or replace it.");
    if (fs::exists(to, error) && fs::equivalent(to, checkpoint, error)) return to;
    make_folders(to.parent_path());
    write_file_through(to, [&](const fs::path& temporary) {
        // A checkpoint is never written again, so one file may have two names.
        fs::remove(temporary, error);
        fs::create_hard_link(checkpoint, temporary, error);
        if (!error) return;
        fs::copy_file(checkpoint, temporary, error);
        if (error)
            throw environment_error(cat("cannot copy ", checkpoint, " to ", to, ": ", error.message()),
                                    "Free some space.");
    });
    Json about = tensors::read_sidecar(checkpoint);
    const fs::path from = checkpoint.lexically_relative(workspace.root());
    about["origin"] = to_utf8(std::string_view((from.empty() ? checkpoint : from).string()));
    tensors::write_sidecar(to, about);
    return to;
}

}  // namespace testudo::studio
