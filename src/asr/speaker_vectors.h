#pragma once
// Voices as vectors, by Resemblyzer's encoder: the closer two are to each other, the more alike the voices.
#include <ATen/ATen.h>

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace testudo::nets {
class SpeakerEncoder;
}

namespace testudo::asr {

// The encoder that comes with the program, or the one in `file` (.safetensors).
std::unique_ptr<nets::SpeakerEncoder> load_speaker_encoder(const std::filesystem::path& file = {});

// Where the windows (1.6 s) of an utterance of so many samples begin, in frames of 10 ms: every 0.77 s; the
// last is left out when the sound fills less than 3/4 of it.
std::vector<std::int64_t> utterance_windows(std::int64_t samples);

// Unit vectors of these windows of a sound at 16 kHz: [windows, 256].
at::Tensor window_vectors(const nets::SpeakerEncoder& encoder, std::span<const float> samples);
// The unit vector of the whole utterance: their mean. [256]
at::Tensor speaker_vector(const nets::SpeakerEncoder& encoder, std::span<const float> samples);

}  // namespace testudo::asr
