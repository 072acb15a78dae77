#pragma once
#include <string>

#include "core/files.h"

namespace testudo::server {

// Content-Type of a file by its ending; empty for what is no sound.
std::string sound_type(const fs::path& file);

}  // namespace testudo::server
