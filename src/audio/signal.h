#pragma once
// What can be measured of a recording without understanding it.
#include <cstdint>
#include <optional>
#include <span>

#include "audio/clip.h"

namespace testudo::audio {

// Speech here is what stands out of the clip, quiet the quietest tenth of it (audio/levels.h).
struct SignalReport {
    double seconds = 0;
    double peak = 0;                 // largest |sample|; 1 is full scale
    std::int64_t clipped_runs = 0;   // runs of 3 and more samples at full scale (|x| >= 32767/32768)
    double clipped_share = 0;        // of the samples, in such runs
    double dc_offset = 0;            // mean of the samples
    double rms = 0;                  // root mean square of the samples
    std::optional<double> loudness;  // LUFS, integrated and gated (ITU-R BS.1770-4, one channel); nothing
                                     // below its gate of -70
    std::optional<double> snr;       // dB, 10 log10((speech - quiet)/quiet) of mean powers; nothing when
                                     // loud and quiet are less than 6 dB apart: no pause to compare with.
                                     // A clip whose pauses are trimmed off reads low.
    double silence_share = 0;        // of the time, in pauses of at least 0.1 s
    double start_level = 0, end_level = 0;  // dB, power of the first and last 20 ms against that of speech;
                                            // at least -100
};

// A start_level or end_level above this is a cut through speech, or a sound that begins at once: of 555
// studio prompts trimmed to their speech three begin above it (two beeps, one vowel) and none ends so.
inline constexpr double cut_through_speech = -15;  // dB

// Clipping is found at the rate of the recording only: resampling hides it. A clip without samples, or with a
// rate of 0, measures nothing: all zeros, no loudness. Error(input) for NaN and infinite samples.
SignalReport measure(std::span<const float> samples, int rate);
inline SignalReport measure(const Clip& clip) { return measure(clip.samples, clip.rate); }

// The loudness alone. Clips shorter than a gating block of 0.4 s count as one block.
std::optional<double> integrated_loudness(std::span<const float> samples, int rate);

}  // namespace testudo::audio
