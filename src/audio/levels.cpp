#include "audio/levels.h"

#include <algorithm>
#include <cmath>

namespace testudo::audio {

namespace {

constexpr double least_quiet = 1e-10, least_foreground = 1e-6, least_contrast = 4;  // powers

double energy(std::span<const float> samples, double mean) {
    if (std::all_of(samples.begin(), samples.end(), [](float sample) { return sample == 0; })) return 0;
    double sum = 0;
    for (const float sample : samples) sum += (sample - mean) * (sample - mean);
    return sum;
}

bool apart(const Levels& levels) { return levels.loud >= least_contrast * levels.quiet; }

}  // namespace

bool Levels::stands_out() const { return apart(*this) && loud > foreground; }

Levels levels_of(std::span<const float> samples, int rate, double mean) {
    Levels out;
    out.hop = static_cast<std::size_t>(std::max(rate, 0) / 100);
    if (samples.empty() || out.hop == 0) return out;
    std::vector<double> hops;
    for (std::size_t at = 0; at + out.hop <= samples.size(); at += out.hop)
        hops.push_back(energy(samples.subspan(at, out.hop), mean));
    for (std::size_t i = 0; i + 1 < hops.size(); ++i)
        out.power.push_back((hops[i] + hops[i + 1]) / static_cast<double>(2 * out.hop));
    if (out.power.empty()) out.power.push_back(energy(samples, mean) / static_cast<double>(samples.size()));

    std::vector<double> sorted = out.power;
    std::sort(sorted.begin(), sorted.end());
    out.loud = sorted[(sorted.size() - 1) * 95 / 100];
    const auto sounding = std::upper_bound(sorted.begin(), sorted.end(), 0.0);
    const auto count = (sorted.end() - sounding + 9) / 10;
    double sum = 0;
    for (auto power = sounding; power != sounding + count; ++power) sum += *power;
    out.quiet = std::max(least_quiet, count > 0 ? sum / static_cast<double>(count) : 0);
    out.foreground = least_foreground;
    if (apart(out)) out.foreground = std::max(least_foreground, std::sqrt(out.loud * out.quiet));
    return out;
}

}  // namespace testudo::audio
