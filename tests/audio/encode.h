#pragma once
// Recordings made by the test itself: sound encoded by libav into whatever the name's extension says.
#include <filesystem>
#include <string>
#include <vector>

namespace testudo::test {

// channels[c] holds channel c, all equally long; `encoder` by its libav name ("pcm_s24le", "libmp3lame", …).
// False when this libav lacks the encoder.
bool encode(const std::filesystem::path& file, const std::string& encoder, int rate,
            const std::vector<std::vector<float>>& channels);

std::vector<float> tone(double hertz, int rate, double seconds, double amplitude = 0.5);

// Bytes of a wav file with the given format tag and raw sample bytes; for forms no encoder writes.
std::string wav_bytes(int format_tag, int channels, int rate, int bits, const std::string& data,
                      bool extensible = false);

}  // namespace testudo::test
