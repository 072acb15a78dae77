#pragma once
// Text to candidate rows of codes with the autoregressive model, and the rules for finished rows.
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "nets/unified_voice_generate.h"
#include "synthesis/processors.h"

namespace testudo::nets {
class UnifiedVoice;
struct UnifiedVoiceConfig;
}  // namespace testudo::nets

namespace testudo::synthesis {

struct SamplingOptions {
    ProcessorOptions processors;
    int candidates = 1;
    int batch = 8;            // candidates computed at a time; does not change what is drawn
    int max_codes = 500;      // 1024 samples at 22.05 kHz each
    bool greedy = false;      // the likeliest code, no processors, no randomness
    int usable_codes = 8192;  // codes from here up to the stop code are never drawn; a small DVAE has fewer
    std::uint64_t seed = 0;   // candidate i draws from its own stream (seed, i)
};

struct Candidate {
    std::vector<int> codes;  // without the stop code
    bool stopped = false;    // false: cut at max_codes
};

// latent [1, dim]; text: ids of the tokenizer (no start or stop; one 0 is appended, as TorToiSe does).
// `step` is called after each code with (codes so far, max_codes) and may throw to leave. Rows that are
// finished are dropped from the batch; finished rows of the reference keep on being computed to no use.
std::vector<Candidate> sample_codes(const nets::VoiceGenerator& generator, const at::Tensor& latent,
                                    std::span<const int> text, const SamplingOptions& options,
                                    const std::function<void(int, int)>& step = {});

// TorToiSe's repair of a finished row (padded with `stop`): from the first stop on 83, the last three 45 45
// 248.
std::vector<int> fix_codes(std::vector<int> codes, int stop = 8193);
// How many latents to keep: up to where more than `breathing_room` consecutive codes are 83 (calm).
std::size_t calm_cut(std::span<const int> codes, int breathing_room = 8);

// Shares the model's weights (no copy); the model must outlive the result only through its tensors.
nets::VoiceGenerator make_generator(const nets::UnifiedVoice& model,
                                    nets::MelPositions positions = nets::MelPositions::consistent);
// Of any weights with those names and sizes, e.g. a file that was mapped.
nets::VoiceGenerator make_generator(const nets::Find& weights, const nets::UnifiedVoiceConfig& sizes,
                                    nets::MelPositions positions = nets::MelPositions::consistent);

}  // namespace testudo::synthesis
