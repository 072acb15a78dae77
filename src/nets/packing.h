#pragma once
// Lays the sequences of a batch end to end in one [tokens, dim] matrix and says which row holds and predicts
// what.
#include "nets/unified_voice_pass.h"

namespace testudo::nets {

struct Span {
    std::int64_t start = 0, length = 0;  // rows
};

// Tokens of one vocabulary: row, id and position of each; rows that predict and what they predict. int64 [n].
struct PackedTokens {
    at::Tensor rows, ids, positions;
    at::Tensor target_rows, targets;
};

struct PackedBatch {
    std::int64_t tokens = 0;
    std::vector<Span> sequences;
    PackedTokens text, mel;
    // Conditioning token t stands in row conditioning_rows[t] and is the mean of clips clips[t] of all the
    // batch's clips.
    at::Tensor conditioning_rows;
    std::vector<Span> clips;
    std::vector<at::Tensor> mels;  // of all clips, in order
};

// Error(input) when an example does not fit the model.
PackedBatch pack(const UnifiedVoiceConfig& config, const Batch& batch, const Form& form, at::Device device);

}  // namespace testudo::nets
