#include "audio/signal.h"

#include <algorithm>
#include <cmath>

#include "audio/levels.h"
#include "core/error.h"

namespace testudo::audio {

namespace {

constexpr float full_scale = 32767.0f / 32768;
constexpr std::int64_t shortest_clipped_run = 3;  // samples; one alone may be a peak that just fits
constexpr std::size_t shortest_pause = 10;        // frames, 0.1 s: less is part of a word
constexpr double least_level = -100;              // dB

void measure_samples(std::span<const float> samples, SignalReport& report) {
    double sum = 0, squares = 0;
    float peak = 0;
    std::int64_t run = 0, clipped = 0;
    const auto end_run = [&] {
        if (run >= shortest_clipped_run) {
            ++report.clipped_runs;
            clipped += run;
        }
        run = 0;
    };
    for (const float sample : samples) {
        const float size = std::abs(sample);
        peak = std::max(peak, size);
        sum += sample;
        squares += static_cast<double>(sample) * sample;
        if (size >= full_scale)
            ++run;
        else if (run > 0)
            end_run();
    }
    end_run();
    // A NaN or an infinity anywhere makes the sum of squares one.
    if (!std::isfinite(squares))
        throw input_error("the recording holds samples that are no numbers (NaN or infinite)",
                          "Export the recording again, as 16-bit WAV for instance.");
    const auto count = static_cast<double>(samples.size());
    report.peak = peak;
    report.clipped_share = static_cast<double>(clipped) / count;
    report.dc_offset = sum / count;
    report.rms = std::sqrt(squares / count);
}

double share_of_pauses(const Levels& levels) {
    std::size_t silent = 0, run = 0;
    const auto end_run = [&] {
        if (run >= shortest_pause) silent += run;
        run = 0;
    };
    for (const double power : levels.power) {
        if (power < levels.foreground)
            ++run;
        else
            end_run();
    }
    // A clip that is too short to hold a pause is silent as a whole or not.
    if (run == levels.power.size()) return 1;
    end_run();
    return static_cast<double>(silent) / static_cast<double>(levels.power.size());
}

double decibels(double power, double reference) {
    return reference > 0 ? std::max(least_level, 10 * std::log10(power / reference)) : least_level;
}

double mean_power(std::span<const float> samples, double mean) {
    double sum = 0;
    for (const float sample : samples) sum += (sample - mean) * (sample - mean);
    return samples.empty() ? 0 : sum / static_cast<double>(samples.size());
}

}  // namespace

SignalReport measure(std::span<const float> samples, int rate) {
    SignalReport report;
    if (samples.empty() || rate <= 0) return report;
    report.seconds = static_cast<double>(samples.size()) / rate;
    measure_samples(samples, report);
    report.loudness = integrated_loudness(samples, rate);

    const Levels levels = levels_of(samples, rate, report.dc_offset);
    if (levels.power.empty()) return report;
    double speech = 0;
    std::size_t frames = 0;
    for (const double power : levels.power)
        if (power >= levels.foreground) {
            speech += power;
            ++frames;
        }
    if (frames > 0) speech /= static_cast<double>(frames);
    if (levels.stands_out()) report.snr = 10 * std::log10((speech - levels.quiet) / levels.quiet);
    report.silence_share = share_of_pauses(levels);
    const std::size_t edge = std::min(samples.size(), 2 * levels.hop);
    report.start_level = decibels(mean_power(samples.first(edge), report.dc_offset), speech);
    report.end_level = decibels(mean_power(samples.last(edge), report.dc_offset), speech);
    return report;
}

}  // namespace testudo::audio
