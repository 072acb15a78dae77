#pragma once
// Taking over a folder of the original studio: its voices/, training/ and models/ become those of the
// workspace. Nothing that is there is overwritten, and the folder stays as it is.
#include <filesystem>

#include "core/events.h"
#include "studio/workspace.h"

namespace testudo::studio {

enum class ImportHow {
    copy,
    link,  // a second name of each file, which takes no room; a copy where the disk is another one
};
// {files, bytes, linked, kept (were there already), skipped (links and special files), stopped}. Error(input)
// when the folder holds none of the three or lies in the workspace; Error(environment) when there is too
// little room. After Ctrl-C what is there is whole, and another run goes on.
Json import_folder(const Workspace& workspace, const fs::path& folder, ImportHow how, Events& events);

}  // namespace testudo::studio
