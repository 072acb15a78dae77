// ITU-R BS.1770-4: K-weighting, blocks of 400 ms every 100 ms, a gate at -70 LUFS and one 10 LU below the
// mean of what passes it. The standard gives the two filters at 48 kHz; for other rates they are designed
// from the analogue ones those coefficients come from by the bilinear transform (Mansbridge, Finn, Reiss,
// "Implementation and evaluation of autonomous multi-track fader control", AES 132, 2012).
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "audio/signal.h"

namespace testudo::audio {

namespace {

// Second-order section with a0 = 1.
struct Section {
    double b0, b1, b2, a1, a2;
};

// Raises what the head amplifies: +4 dB above some 1.7 kHz.
Section shelf(double rate) {
    constexpr double frequency = 1681.974450955533, gain = 3.999843853973347, quality = 0.7071752369554196;
    const double k = std::tan(std::numbers::pi * frequency / rate), high = std::pow(10.0, gain / 20),
                 band = std::pow(high, 0.4996667741545416), a0 = 1 + k / quality + k * k;
    return {(high + band * k / quality + k * k) / a0, 2 * (k * k - high) / a0,
            (high - band * k / quality + k * k) / a0, 2 * (k * k - 1) / a0, (1 - k / quality + k * k) / a0};
}

// Takes away what is hardly heard: high pass at 38 Hz.
Section high_pass(double rate) {
    constexpr double frequency = 38.13547087602444, quality = 0.5003270373238773;
    const double k = std::tan(std::numbers::pi * frequency / rate), a0 = 1 + k / quality + k * k;
    return {1, -2, 1, 2 * (k * k - 1) / a0, (1 - k / quality + k * k) / a0};
}

// Transposed direct form II.
struct Filter {
    Section section;
    double first = 0, second = 0;
    double operator()(double in) {
        const double out = section.b0 * in + first;
        first = section.b1 * in - section.a1 * out + second;
        second = section.b2 * in - section.a2 * out;
        return out;
    }
};

double loudness_of(double power) { return -0.691 + 10 * std::log10(power); }

double mean_above(const std::vector<double>& blocks, double gate) {
    double sum = 0;
    std::size_t count = 0;
    for (const double power : blocks)
        if (power > 0 && loudness_of(power) > gate) {
            sum += power;
            ++count;
        }
    return count > 0 ? sum / static_cast<double>(count) : 0;
}

}  // namespace

std::optional<double> integrated_loudness(std::span<const float> samples, int rate) {
    // Below this the shelf has no place under the Nyquist frequency.
    constexpr int lowest_rate = 4000, steps = 4;
    constexpr double absolute_gate = -70, relative_gate = -10;
    if (rate < lowest_rate || samples.empty()) return std::nullopt;
    Filter head{shelf(rate)}, low{high_pass(rate)};
    const std::size_t step = (static_cast<std::size_t>(rate) + 5) / 10;
    std::vector<double> parts;  // energy of each 100 ms
    double energy = 0;
    std::size_t inside = 0;
    for (const float sample : samples) {
        const double weighted = low(head(sample));
        energy += weighted * weighted;
        if (++inside == step) {
            parts.push_back(energy);
            energy = 0;
            inside = 0;
        }
    }
    std::vector<double> blocks;
    for (std::size_t i = 0; i + steps <= parts.size(); ++i)
        blocks.push_back((parts[i] + parts[i + 1] + parts[i + 2] + parts[i + 3]) /
                         static_cast<double>(steps * step));
    if (blocks.empty()) {
        for (const double part : parts) energy += part;
        blocks.push_back(energy / static_cast<double>(samples.size()));
    }
    const double gated = mean_above(blocks, absolute_gate);
    if (gated <= 0) return std::nullopt;
    return loudness_of(mean_above(blocks, loudness_of(gated) + relative_gate));
}

}  // namespace testudo::audio
