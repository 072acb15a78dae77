#pragma once
// Files that come with the program: share/testudo/NAME in the build tree, PREFIX/share/testudo/NAME when
// installed. They are found from where the program lies, so the tree can be moved.
#include <filesystem>

namespace testudo {

// Error(environment) naming the places looked in when there is no such file.
std::filesystem::path program_file(const std::filesystem::path& name);

}  // namespace testudo
