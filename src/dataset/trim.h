#pragma once
// Trims what precedes the first speech: the voice activity detector of SoX (effect `vad`) with its defaults,
// as torchaudio.functional.vad computes it. It measures the cepstral power of 20 windows a second against a
// running estimate of the noise, and needs about 0.35 s to learn that noise.
#include <cstddef>
#include <optional>
#include <span>

namespace testudo::dataset {

struct TrimOptions {
    double trigger_level = 7.0;
    double trigger_time = 0.25;     // s, time constant of the trigger
    double search_time = 1.0;       // s, how far back quieter speech is looked for
    double allowed_gap = 0.25;      // s, between quieter speech and the trigger
    double pre_trigger_time = 0.0;  // s, kept before the trigger
    double boot_time = 0.35;        // s of the first noise estimate
};

// Samples to cut off the front; nothing when no speech is found.
std::optional<std::size_t> speech_start(std::span<const float> samples, int rate,
                                        const TrimOptions& options = {});

}  // namespace testudo::dataset
