#pragma once
// Speech to text by Whisper, as openai-whisper's transcribe() defines it (facts: windows of 30 s, temperature
// fallback, timestamp rules, word times by cross-attention), for one clip or many at once.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "asr/transcript.h"

namespace testudo::audio {
struct Clip;
}
namespace testudo::nets {
struct WhisperConfig;
}

namespace testudo::asr {

class WhisperTokenizer;

struct TranscribeOptions {
    std::string language;    // code ("en") or English name ("english"); empty: detect
    bool translate = false;  // into English; multilingual models only
    int beam_size = 0;       // 0 or 1: greedy
    double patience = 1;     // beam search gathers round(beam_size * patience) finished texts
    std::optional<double> length_penalty;
    int best_of = 1;  // draws per window at temperatures above 0
    std::vector<double> temperatures = {0, 0.2, 0.4, 0.6, 0.8, 1};
    std::optional<double> compression_ratio_threshold = 2.4, logprob_threshold = -1,
                          no_speech_threshold = 0.6;
    bool condition_on_previous_text = true;
    std::string initial_prompt;
    bool word_timestamps = false;
    std::uint64_t seed = 0;  // of the draws at temperatures above 0
    int batch = 8;           // clips that are decoded together
    // Seconds of audio done and in total; called from the transcribing thread.
    std::function<void(double done, double total)> progress;
    // Called for each finished clip in the order of finishing: index into the given clips.
    std::function<void(std::size_t index, const Transcript&)> finished;
};

// One loaded model. Not for several threads at once.
class Transcriber {
  public:
    // `model`: a CTranslate2 folder (model.bin, config.json), an openai .pt file, a folder that holds one
    // such .pt, or a ggml file of whisper.cpp that is not quantised. A tokenizer.json or vocabulary.* beside
    // the first three is taken instead of the vocabulary that comes with the program. `device`: "cpu",
    // "cuda", "cuda:1". Error(input) naming the file when anything is missing or of another shape.
    static Transcriber load(const std::filesystem::path& model, const std::string& device = "cpu");
    Transcriber(Transcriber&&) noexcept;
    Transcriber& operator=(Transcriber&&) noexcept;
    ~Transcriber();

    // Any rate (resampled to 16 kHz when it differs). Silence and clips without a sample give no segment; NaN
    // or infinite samples are an Error(input). Error(interrupted) when stop_requested() between two windows.
    Transcript transcribe(const audio::Clip& clip, const TranscribeOptions& options = {}) const;
    // The same for many clips, faster than one by one: windows of several clips share each pass of the nets.
    std::vector<Transcript> transcribe(const std::vector<audio::Clip>& clips,
                                       const TranscribeOptions& options = {}) const;

    // Probabilities of all languages for the first 30 s, best first; {("en", 1)} for English-only models.
    std::vector<std::pair<std::string, double>> detect_language(const audio::Clip& clip) const;

    bool multilingual() const;
    const std::vector<std::string>& languages() const;  // codes this model knows
    const nets::WhisperConfig& config() const;
    const WhisperTokenizer& tokenizer() const;

    struct Parts;  // model, tokenizer and tables, for the asr room's own files and tests
    const Parts& parts() const { return *parts_; }

  private:
    explicit Transcriber(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace testudo::asr
