#pragma once
// One file over http, https or from file://, by libcurl, continued where an earlier try ended.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace testudo::studio {

// Bytes so far and in total (0: not known).
using DownloadProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Appends to `part` what it lacks; a server that cannot continue makes it start again. Breaks off when
// stop_requested(). Error(environment) with the server's answer; what was received stays in `part`.
// Error(interrupted) when stopped.
void download(const std::string& url, const std::filesystem::path& part, const DownloadProgress& progress);

}  // namespace testudo::studio
