#pragma once
// A recording as a page plays and draws it: mono, 16 bits, 22.05 kHz, which every browser seeks exactly, and
// its waveform. Made once, kept in training/V/.listen; safe to delete.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "studio/workspace.h"

namespace testudo::studio {

constexpr int listening_rate = 22050;  // Hz
constexpr int samples_of_a_peak = 256;
constexpr int spectrogram_bands = 80;
constexpr double longest_spectrogram = 60;  // s

struct ListeningCopy {
    fs::path wav, peaks;
    std::int64_t samples = 0;
    double seconds() const { return static_cast<double>(samples) / listening_rate; }
};

// Makes it when it is missing or the recording has changed. May be called from several threads. Error(input)
// when the recording cannot be decoded, Error(environment) when there is no room.
ListeningCopy listening_copy(const Workspace& workspace, const std::string& voice, const fs::path& recording);

// A stretch of the recording as columns. `from` and `to` are those of the columns, s; each column is the same
// number of peaks, the last may hold fewer.
struct Peaks {
    double from = 0, to = 0;
    std::vector<std::int8_t> low, high;  // -127..127
};
// At most `columns`; fewer where a column would be shorter than a peak.
Peaks peaks_of(const ListeningCopy& copy, double from, double to, int columns);

// Bands from low to high, column by column: 0 is ln 1e-5 of the mel power, 255 is ln 1000.
struct Spectrogram {
    double from = 0, to = 0;
    int columns = 0;
    std::string points;
};
// Error(usage) for a stretch that is too long, or lies outside.
Spectrogram spectrogram_of(const ListeningCopy& copy, double from, double to, int columns);

}  // namespace testudo::studio
