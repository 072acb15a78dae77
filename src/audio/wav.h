#pragma once
// Writing 16-bit mono RIFF/WAVE files, whole or not at all.
#include <filesystem>
#include <span>

#include "audio/clip.h"
#include "core/files.h"

namespace testudo::audio {

// Samples beyond full scale are clamped, rounding is to nearest, no dither. Throws Error(usage) for a NaN
// sample or a rate of 0, Error(environment) when the file cannot be written.
void write_wav16(const std::filesystem::path& file, const Clip& clip);

// The same, block by block, for what should not be in memory at once. Error(usage) once it grows beyond 4
// GiB.
class WavWriter {
  public:
    WavWriter(const std::filesystem::path& file, int rate);
    void write(std::span<const float> samples);
    void commit();  // nothing remains without it

  private:
    std::filesystem::path name_;
    AtomicFile out_;
    int rate_;
};
void write_wav16(const std::filesystem::path& file, std::span<const float> samples, int rate);

}  // namespace testudo::audio
