#include "dataset/voice_name.h"

#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"

namespace testudo::dataset {

namespace {

constexpr std::size_t longest_voice_name = 200;  // bytes

}  // namespace

bool can_be_voice(const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.size() > longest_voice_name || !is_utf8(name))
        return false;
    return std::none_of(name.begin(), name.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return c == '/' || c == '\\' || byte < 0x20 || byte == 0x7f;
    });
}

void check_voice_name(const std::string& name) {
    if (!can_be_voice(name))
        throw usage_error(cat("\"", printable(to_utf8(name)), "\" cannot be the name of a voice"),
                          "Use a plain name of up to 200 bytes without '/', '\\' or control characters.");
}

std::string for_voice(std::string remedy, const std::string& voice) {
    constexpr std::string_view any = "VOICE";
    for (std::size_t at = remedy.find(any); at != std::string::npos; at = remedy.find(any, at + voice.size()))
        remedy.replace(at, any.size(), voice);
    return remedy;
}

void check_stays_inside(const fs::path& folder, const fs::path& root) {
    if (!is_inside(folder, root))
        throw input_error(
            cat(folder, " is a link that leads out of the workspace"),
            "Move or copy the folder into the workspace, or name another one with --workspace.");
}

}  // namespace testudo::dataset
