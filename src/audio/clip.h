#pragma once
// A piece of sound: one channel, full scale is [-1, 1].
#include <vector>

namespace testudo::audio {

struct Clip {
    std::vector<float> samples;
    int rate = 0;  // Hz
    double seconds() const { return rate > 0 ? static_cast<double>(samples.size()) / rate : 0; }
};

}  // namespace testudo::audio
