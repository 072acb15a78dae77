#pragma once
// The statistics of a dataset as one picture.
#include <string>

#include "dataset/statistics.h"

namespace testudo::studio {

// A self-contained <svg>: histograms of length, speaking rate, text tokens, loudness and speech over noise,
// and what was kept and lost. On white in any surroundings; title and description say the same in words.
std::string dataset_svg(const dataset::Statistics& statistics);

}  // namespace testudo::studio
