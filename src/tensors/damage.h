#pragma once
// The two ways in which a file is turned down, each with its remedy. `file` is its name as shown to the user.
#include <string>

#include "core/error.h"

namespace testudo::tensors {

inline Error damaged(const std::string& file, const std::string& what) {
    return input_error(file + ": " + what, "The file is damaged or incomplete: copy or download it again.");
}

inline Error refused(const std::string& file, const std::string& what) {
    return input_error(file + ": " + what,
                       "Only weights and plain values are read. If you trust the file, load it in Python and "
                       "save it anew with torch.save(model.state_dict(), …) or as safetensors.");
}

}  // namespace testudo::tensors
