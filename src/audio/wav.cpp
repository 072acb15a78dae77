#include "audio/wav.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"

namespace testudo::audio {

namespace {

void put(std::string& out, std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::string header(std::uint32_t data_bytes, std::uint32_t rate) {
    std::string out = "RIFF";
    put(out, 36 + data_bytes, 4);
    out += "WAVEfmt ";
    put(out, 16, 4);
    put(out, 1, 2);  // PCM
    put(out, 1, 2);  // one channel
    put(out, rate, 4);
    put(out, rate * 2, 4);  // bytes per second
    put(out, 2, 2);         // bytes per frame
    put(out, 16, 2);
    out += "data";
    put(out, data_bytes, 4);
    return out;
}

}  // namespace

WavWriter::WavWriter(const std::filesystem::path& file, int rate)
    : name_(file),
      out_(rate > 0
               ? file
               : throw usage_error(cat(file, ": a sample rate of ", rate, " Hz"), "Choose a positive rate.")),
      rate_(rate) {
    out_.write(header(0, static_cast<std::uint32_t>(rate)));
}

void WavWriter::write(std::span<const float> samples) {
    if (out_.size() + samples.size() * 2 > UINT32_MAX)
        throw input_error(cat(name_, " would be larger than a wav file can be (4 GiB)"),
                          "Write it in parts.");
    constexpr std::size_t block = 1 << 15;
    std::string bytes;
    for (std::size_t at = 0; at < samples.size(); at += block) {
        bytes.clear();
        for (const float sample : samples.subspan(at, std::min(block, samples.size() - at))) {
            if (std::isnan(sample))
                throw usage_error(cat(name_, ": a sample to be written is not a number"),
                                  "Report this with the command.");
            // 32768 is what readers divide by: what was read from 16 bits is written back unchanged.
            const auto value = std::lrint(std::clamp(sample * 32768.0f, -32768.0f, 32767.0f));
            put(bytes, static_cast<std::uint32_t>(static_cast<std::int32_t>(value)), 2);
        }
        out_.write(bytes);
    }
}

void WavWriter::commit() {
    const std::string head = header(0, 1);
    const std::string final =
        header(static_cast<std::uint32_t>(out_.size() - head.size()), static_cast<std::uint32_t>(rate_));
    out_.write_at(0, final.data(), final.size());
    out_.commit();
}

void write_wav16(const std::filesystem::path& file, std::span<const float> samples, int rate) {
    WavWriter out(file, rate);
    out.write(samples);
    out.commit();
}

void write_wav16(const std::filesystem::path& file, const Clip& clip) {
    write_wav16(file, clip.samples, clip.rate);
}

}  // namespace testudo::audio
