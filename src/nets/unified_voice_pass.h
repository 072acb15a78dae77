#pragma once
// Losses and gradients of UnifiedVoice. Sequences are packed: every token-wise operation runs over one
// [tokens, dim] matrix without padding, attention over each sequence. The backward pass is written by hand
// and hands each gradient over as soon as it is complete, so that it need not be kept.
#include "nets/products.h"
#include "nets/unified_voice.h"

namespace testudo::nets {

// What a sequence looks like and which positions predict what.
//
// consistent: what TorToiSe generates from: [mean of the conditioning latents | 255 ids 0 0 | 8192 codes],
//   text positions predict ids and one 0, mel positions the codes and one 8193; clip lengths are respected.
// dlas: as DLAS trains: [a latent for each conditioning clip | text | mel], padded to the longest of the
//   batch, padding counted in the losses, text predicted from one position too early when there are two
//   clips.
struct Form {
    Objective objective = Objective::consistent;
    bool tortoise_compat = true;        // dlas: clip lengths have no effect (DLAS' default)
    bool average_conditioning = false;  // dlas: one averaged token (consistent always averages)
    bool raw_residual = false;          // dlas: TorToiSe's x + attention (consistent always)
    bool voice_first = false;           // dlas: mel before text
};

struct PassOptions {
    Form form = {};
    double dropout = 0;      // embedding and residual; in dlas form attention weights too
    std::uint64_t seed = 0;  // of dropout: the same seed drops the same entries
    // Of the products of blocks and heads; norms, softmax, losses and the conditioning encoder stay in
    // float32.
    Precision precision = Precision::float32;
    bool recompute = false;  // keep only each block's input and run it again in the backward pass
};

// What one target token counts in the scalar that is differentiated.
struct TokenWeights {
    double text = 0, mel = 0;
};

// Number of target tokens: what the losses are means over.
struct TokenCounts {
    std::int64_t text = 0, mel = 0;
    std::int64_t sequence = 0;  // positions that the transformer computes
    std::int64_t padded =
        0;  // positions that the original computes for this batch (clips padded to 250 codes)
};
TokenCounts count_tokens(const UnifiedVoiceConfig& config, const Batch& batch, const Form& form);

// Where gradients go, by place in the model's parameters(), adapter_parameters() after them. A pass asks
// wants(i) and computes nothing for a gradient that is not wanted; else it calls buffer(i), writes it there
// (adding to what is there unless fresh(i)), then calls ready(i); each parameter once a pass, in an order
// fixed by the model.
class GradientSink {
  public:
    virtual ~GradientSink() = default;
    virtual bool wants(std::size_t /*parameter*/) const { return true; }
    virtual at::Tensor buffer(std::size_t parameter) = 0;  // shape of the parameter, contiguous
    virtual bool fresh(std::size_t parameter) = 0;         // contents are to be overwritten
    virtual void ready(std::size_t parameter) = 0;
    // Instead of the three: the gradient is left^T right (left [tokens, m], right [tokens, n]). False: it is
    // not taken so, and nothing was done.
    virtual bool take_product(std::size_t /*parameter*/, const at::Tensor& /*left*/,
                              const at::Tensor& /*right*/, Precision /*precision*/) {
        return false;
    }
    // Losses are known before ready() is first called; false: no backward pass.
    virtual bool accept(double /*text*/, double /*mel*/) { return true; }
};

struct PassTimes {
    double conditioning = 0, forward = 0, backward = 0;  // seconds; backward includes the heads' both ways
};

// Losses of the batch; with a sink also gradients of sum over targets of weight * cross entropy.
// Error(input) when an example does not fit the model (text or codes too long, unknown ids, no conditioning).
Losses run_pass(const UnifiedVoice& model, const Batch& batch, const PassOptions& options,
                const TokenWeights& weights = {}, GradientSink* sink = nullptr, PassTimes* times = nullptr);

// Conditioning latents [clips, dim] of mels [80, frames]; raw_residual: TorToiSe's block (see Form).
at::Tensor conditioning_latents(const UnifiedVoice& model, std::span<const at::Tensor> mels,
                                bool raw_residual = true);

// For tests and tools: what stands at every target position, examples one after the other.
struct Outputs {
    at::Tensor text_states, mel_states;  // [targets, dim] after the last norm: what the heads read
    at::Tensor text_logits, mel_logits;  // [targets, vocabulary]
};
Outputs compute_outputs(const UnifiedVoice& model, const Batch& batch, const Form& form);

}  // namespace testudo::nets
