#pragma once
// How loud a clip is from moment to moment, and which of it stands out.
#include <span>
#include <vector>

namespace testudo::audio {

// Mean squares of frames of 20 ms, one every 10 ms, about the mean of the clip.
struct Levels {
    std::size_t hop = 0;        // samples
    std::vector<double> power;  // frame i begins at sample i * hop; one frame for a clip shorter than that
    // The 95th percentile, which NIST's stnr takes for the level of speech.
    double loud = 0;
    // Mean of the quietest tenth, without frames of digital silence, which say nothing about the room; at
    // least -100 dBFS, below which 16 bits hold only their own noise.
    double quiet = 0;
    // What is louder than this stands out: the geometric mean of loud and quiet where they are at least 6 dB
    // apart, and at least -60 dBFS.
    double foreground = 0;
    bool stands_out() const;  // that anything does
};

// `mean` is subtracted from the samples. An empty clip, or a rate below 100, has no frame.
Levels levels_of(std::span<const float> samples, int rate, double mean = 0);

}  // namespace testudo::audio
