#pragma once
// Where somebody speaks (Silero VAD 6.2, github.com/snakers4/silero-vad).
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "audio/clip.h"

namespace testudo::asr {

inline constexpr int speech_rate = 16000;  // Hz
inline constexpr int speech_window = 512;  // samples to one probability

struct Span {
    double start = 0, end = 0;  // seconds
};

// Defaults of silero_vad.get_speech_timestamps.
struct SpeechOptions {
    double threshold = 0.5;    // speech begins here; it ends at 0.15 below
    double min_speech = 0.25;  // s
    double min_silence = 0.1;  // s
    double pad = 0.03;         // s, at both ends
    double max_speech = 0;     // s; 0: no limit
};

// The rules of get_speech_timestamps over the probabilities of a recording of `samples` samples at 16 kHz.
// Spans are in order and do not overlap; a limit cuts a span at its longest pause, so two may touch.
std::vector<Span> speech_spans(std::span<const float> probabilities, std::size_t samples,
                               const SpeechOptions& options = {});

// The loaded network. Several threads may ask it at once.
class VoiceActivity {
  public:
    // The weights that come with the program (core/program_files.h), or those of `file`: Silero's .jit, of
    // which only the parameters are read, or .safetensors. Error(input) naming a file that is damaged or of
    // another network.
    static VoiceActivity load(const std::filesystem::path& file = {});
    VoiceActivity(VoiceActivity&&) noexcept;
    VoiceActivity& operator=(VoiceActivity&&) noexcept;
    ~VoiceActivity();

    // Probability of speech in each window of 512 samples at 16 kHz; the last window is padded with zeros.
    std::vector<float> probabilities(std::span<const float> samples) const;
    // Any rate (resampled to 16 kHz when it differs). Error(input) for NaN and infinite samples.
    std::vector<Span> speech(const audio::Clip& clip, const SpeechOptions& options = {}) const;

  private:
    friend class SpeechStream;
    struct Net;
    explicit VoiceActivity(std::unique_ptr<Net> net);
    std::unique_ptr<Net> net_;
};

// A recording that comes block by block at 16 kHz. Of its sound only the last window is kept, and 4 bytes of
// probability for each window (450 kB an hour). Blocks of any sizes give what the whole gives.
class SpeechStream {
  public:
    explicit SpeechStream(const VoiceActivity& voice);  // which must outlive it
    ~SpeechStream();
    SpeechStream(SpeechStream&&) noexcept;

    void feed(std::span<const float> samples);
    // The last window is padded with zeros: nothing may be fed after this.
    void finish();
    std::span<const float> probabilities() const;  // so far; they come 8 s at a time
    std::size_t samples() const;                   // fed so far
    std::vector<Span> speech(const SpeechOptions& options = {}) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace testudo::asr
