#pragma once
// What a click deletes is not lost: it lies in trash/ of the workspace, under the day and its own path.
#include <filesystem>

#include "studio/workspace.h"

namespace testudo::studio {

// Moves a file or folder of the workspace; returns its new name, relative to the workspace. Error(input) when
// it is not there or lies outside, Error(environment) when it cannot be moved.
fs::path move_to_trash(const Workspace& workspace, const fs::path& what);
// Deletes all that lies there for good. Error(environment) when something stays.
void empty_trash(const Workspace& workspace);

}  // namespace testudo::studio
