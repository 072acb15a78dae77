#pragma once
// The two ways in which a file is turned down, each with its remedy. `file` is its name as shown to the user.
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::tensors {

// A name out of a file as it can be shown: at most 200 bytes, valid UTF-8, no control characters (a name may
// hold what a terminal would obey).
inline std::string shown(std::string_view name) {
    std::string out = to_utf8(name.substr(0, 200));
    for (char& letter : out)
        if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = '?';
    return out;
}

inline Error damaged(const std::string& file, const std::string& what) {
    return input_error(file + ": " + what, "The file is damaged or incomplete: copy or download it again.");
}

inline Error refused(const std::string& file, const std::string& what) {
    return input_error(file + ": " + what,
                       "Only weights and plain values are read. If you trust the file, load it in Python and "
                       "save it anew with torch.save(model.state_dict(), …) or as safetensors.");
}

}  // namespace testudo::tensors
