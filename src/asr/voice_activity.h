#pragma once
// Where somebody speaks (Silero VAD 6.2, github.com/snakers4/silero-vad).
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "audio/clip.h"

namespace testudo::asr {

struct Span {
    double start = 0, end = 0;  // seconds
};

// Defaults of silero_vad.get_speech_timestamps.
struct SpeechOptions {
    double threshold = 0.5;
    double min_speech = 0.25;  // s
    double min_silence = 0.1;  // s
    double pad = 0.03;         // s, at both ends
    double max_speech = 0;     // s; 0: no limit
};

class VoiceActivity {
  public:
    // The weights that come with the program (core/program_files.h), or those of `file` (.jit or
    // .safetensors).
    static VoiceActivity load(const std::filesystem::path& file = {});
    VoiceActivity(VoiceActivity&&) noexcept;
    VoiceActivity& operator=(VoiceActivity&&) noexcept;
    ~VoiceActivity();

    // Probability of speech in each window of 512 samples at 16 kHz; the last window is padded with zeros.
    std::vector<float> probabilities(std::span<const float> samples) const;
    // Any rate (resampled to 16 kHz when it differs).
    std::vector<Span> speech(const audio::Clip& clip, const SpeechOptions& options = {}) const;

  private:
    struct Net;
    explicit VoiceActivity(std::unique_ptr<Net> net);
    std::unique_ptr<Net> net_;
};

}  // namespace testudo::asr
