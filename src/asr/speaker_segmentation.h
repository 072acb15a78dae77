#pragma once
// Where somebody speaks, by pyannote's segmentation network: what whisperX cuts recordings by.
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "asr/chunks.h"

namespace testudo::nets {
class PyannoteSegmentation;
}

namespace testudo::asr {

// Probability of speech in each frame of a sound that comes piece by piece, 16 kHz. The highest of the three
// speakers' counts; windows that overlap are averaged under a Hamming window, as pyannote.audio does.
class SpeechScores {
  public:
    // `step`: seconds from window (5 s) to window, a multiple of 1/1600; pyannote takes 0.5.
    SpeechScores(const nets::PyannoteSegmentation& net, double step);
    void feed(std::span<const float> samples);
    std::vector<float> finish();

    static FrameTimes frames();

  private:
    void run(std::int64_t windows);
    std::int64_t frame_at(std::int64_t window) const;

    const nets::PyannoteSegmentation& net_;
    std::int64_t step_;
    std::vector<float> pending_;  // samples from the next window's beginning on
    std::int64_t windows_ = 0, samples_ = 0;
    std::vector<float> sums_, weights_;
};

// The network that comes with the program, or the one in `file` (.safetensors).
std::unique_ptr<nets::PyannoteSegmentation> load_segmentation(const std::filesystem::path& file = {});

// The whole of a sound at 16 kHz; nothing for a sound without a sample.
std::vector<float> speech_scores(const nets::PyannoteSegmentation& net, std::span<const float> samples,
                                 double step = 0.5);

}  // namespace testudo::asr
