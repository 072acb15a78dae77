#pragma once
// What may be a voice of a workspace.
#include <filesystem>
#include <string>

namespace testudo::dataset {

// One folder's name, UTF-8, at most 200 bytes, without slashes and control characters.
bool can_be_voice(const std::string& name);
// Error(usage) for another.
void check_voice_name(const std::string& name);

// A remedy that is written for any voice ("testudo transcribe VOICE") as one for this voice.
std::string for_voice(std::string remedy, const std::string& voice);

// Error(input) when a folder of a voice is a link, or lies behind one, that leads out of the workspace.
void check_stays_inside(const std::filesystem::path& folder, const std::filesystem::path& root);

}  // namespace testudo::dataset
