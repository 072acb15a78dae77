#pragma once
// What can be heard before the diffusion decoder and the vocoder come in: codes through the DVAE's own
// decoder and Griffin-Lim. An honest preview: the words and the voice, without the finish.
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "audio/clip.h"
#include "synthesis/griffin_lim.h"
#include "synthesis/sample_codes.h"

namespace testudo::nets {
class Dvae;
class UnifiedVoice;
}  // namespace testudo::nets
namespace testudo::text {
class Tokenizer;
}

namespace testudo::synthesis {

// codes -> DVAE decoder -> mel -> wave at 22.05 kHz. Error(input) for no codes or a code outside the
// codebook.
audio::Clip codes_to_wave(const nets::Dvae& dvae, std::span<const int> codes,
                          const GriffinLimOptions& options = {});

// A clip through the whole code chain: mel -> codes -> mel -> wave: the best that these codes can sound.
struct Resynthesis {
    audio::Clip clip;
    std::vector<int> codes;
    double mel_error = 0;  // mean absolute difference of the two mels, in units of the normalised log mel
};
Resynthesis resynthesise(const nets::Dvae& dvae, const audio::Clip& clip,
                         const GriffinLimOptions& options = {});

// TorToiSe's conditioning mel of a clip at any rate: 22.05 kHz, exactly 132300 samples (padded with zeros, or
// a crop of that length taken from the middle) -> [80, 517].
at::Tensor conditioning_mel(const audio::Clip& clip);

struct PreviewOptions {
    SamplingOptions sampling;
    GriffinLimOptions griffin_lim;
    nets::MelPositions positions = nets::MelPositions::consistent;
};
struct Preview {
    audio::Clip clip;  // 22.05 kHz
    Candidate candidate;
};
// Speaks `text` in the voice of the conditioning clips: the first candidate that stopped by itself, else the
// first. Error(input) without clips or when no code at all was generated; Error(usage) for an empty or too
// long text.
Preview speak_preview(const nets::UnifiedVoice& model, const text::Tokenizer& tokenizer,
                      const nets::Dvae& dvae, std::span<const audio::Clip> conditioning,
                      std::string_view text, const PreviewOptions& options = {},
                      const std::function<void(int, int)>& step = {});
// With a generator made before (options.positions is its own).
Preview speak_preview(const nets::VoiceGenerator& generator, const text::Tokenizer& tokenizer,
                      const nets::Dvae& dvae, std::span<const audio::Clip> conditioning,
                      std::string_view text, const PreviewOptions& options = {},
                      const std::function<void(int, int)>& step = {});

}  // namespace testudo::synthesis
