#pragma once
// What the files of edit.h share.
#include <cmath>
#include <string>

#include "core/error.h"
#include "core/strings.h"
#include "dataset/edit.h"

namespace testudo::dataset {

inline double rounded(double seconds) { return std::round(seconds * 1000) / 1000; }
inline std::string shown(double seconds) { return cat(rounded(seconds), " s"); }

[[noreturn]] inline void refuse(const Edit& edit, const std::string& why, std::string hint) {
    throw usage_error(cat("cannot ", describe(edit), ": ", why), std::move(hint));
}

// Where a segment is divided.
struct SplitPlace {
    std::size_t characters = 0;  // code points of the first part
    double time = 0;             // s
    std::size_t words = 0;       // with times, of the first part; 0: the segment has none
};
// `text`: the segment's, not blank.
SplitPlace place_of_split(const asr::Segment& segment, const std::u32string& text, const Edit& edit);

}  // namespace testudo::dataset
