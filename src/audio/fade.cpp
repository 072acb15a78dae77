#include "audio/fade.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace testudo::audio {

void fade_ends(Clip& clip, double seconds, FadeShape shape) {
    const std::size_t samples = clip.samples.size();
    const double wanted = std::max(0.0, std::round(seconds * clip.rate));
    const std::size_t count =
        wanted < static_cast<double>(samples / 2) ? static_cast<std::size_t>(wanted) : samples / 2;
    for (std::size_t i = 0; i < count; ++i) {
        const double x = (static_cast<double>(i) + 0.5) / static_cast<double>(count);
        const double gain = shape == FadeShape::linear ? x : (1 - std::cos(std::numbers::pi * x)) / 2;
        clip.samples[i] *= static_cast<float>(gain);
        clip.samples[samples - 1 - i] *= static_cast<float>(gain);
    }
}

}  // namespace testudo::audio
