#pragma once
// Recordings made by formula, a transcriber that knows its answers, and a small random DVAE.
#include <cmath>
#include <cstdint>
#include <fstream>
#include <numbers>
#include <span>
#include <vector>

#include "core/events.h"
#include "core/files.h"
#include "dataset/prepare.h"

namespace testudo::test {

using Samples = std::vector<std::int16_t>;

inline Samples sine(double seconds, int rate, double hertz = 220, double amplitude = 0.3) {
    Samples out(static_cast<std::size_t>(std::lround(seconds * rate)));
    for (std::size_t n = 0; n < out.size(); ++n)
        out[n] = static_cast<std::int16_t>(std::lround(
            32767 * amplitude * std::sin(2 * std::numbers::pi * hertz * static_cast<double>(n) / rate)));
    return out;
}

// Interleaved 16-bit PCM.
inline void write_wav(const fs::path& file, const Samples& samples, int rate, int channels = 1) {
    fs::create_directories(file.parent_path());
    std::string bytes = "RIFF....WAVEfmt ";
    const auto put = [&bytes](std::uint32_t value, int size) {
        for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
    };
    put(16, 4), put(1, 2), put(static_cast<std::uint32_t>(channels), 2);
    put(static_cast<std::uint32_t>(rate), 4), put(static_cast<std::uint32_t>(rate * channels * 2), 4);
    put(static_cast<std::uint32_t>(channels * 2), 2), put(16, 2);
    bytes += "data";
    put(static_cast<std::uint32_t>(samples.size() * 2), 4);
    for (const std::int16_t sample : samples) put(static_cast<std::uint16_t>(sample), 2);
    const auto size = static_cast<std::uint32_t>(bytes.size() - 8);
    for (std::size_t i = 0; i < 4; ++i) bytes[4 + i] = static_cast<char>(size >> (8 * i));
    std::ofstream(file, std::ios::binary) << bytes;
}

inline void write_text(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
}

// One segment over the whole recording; its text names the recording.
inline asr::Transcript transcript(const std::string& text, double end, double start = 0) {
    asr::Transcript out;
    out.text = text;
    out.language = "en";
    asr::Segment segment;
    segment.start = start;
    segment.end = end;
    segment.text = text;
    out.segments.push_back(segment);
    return out;
}

inline dataset::Transcribe whole_recordings() {
    return [](const std::vector<dataset::Recording>& recordings, const std::string&) {
        std::vector<asr::Transcript> out;
        for (const auto& one : recordings)
            out.push_back(transcript(" A sentence that is long enough.", one.clip.seconds()));
        return out;
    };
}

inline const dataset::Rejected* find_rejected(const dataset::Report& report, const std::string& file) {
    for (const auto& one : report.rejected)
        if (one.file == file) return &one;
    return nullptr;
}

}  // namespace testudo::test
