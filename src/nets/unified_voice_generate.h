#pragma once
// UnifiedVoice as TorToiSe speaks with it: one averaged conditioning latent, the prompt run once, then one
// code at a time over a preallocated key/value cache; and the second pass that gives the latents of finished
// codes. Works on any tensors with the names of the checkpoint (facts: tortoise-tts,
// models/autoregressive.py).
#include <cstdint>
#include <span>
#include <vector>

#include "nets/parameters.h"

namespace testudo::nets {

// Which row of the mel position table the n-th generated code gets.
enum class MelPositions {
    consistent,  // 0, 1, 2, 3, …: as in training and in the latent pass
    slipped,     // 0, 2, 3, 4, …: what tortoise-tts does when its cache is on
};

// What the weights' shapes cannot tell.
struct GenerateConfig {
    int heads = 16;
    int start_text_token = 255, stop_text_token = 0;
    int start_mel_token = 8192, stop_mel_token = 8193;
    MelPositions positions = MelPositions::consistent;
};

// Keys and values of all layers for `rows` sequences: [rows, heads, capacity, head dim] each.
struct DecodingState {
    std::vector<at::Tensor> keys, values;
    std::int64_t length = 0;     // positions filled so far
    std::int64_t generated = 0;  // codes fed back so far
    at::Tensor logits;           // [rows, codes], raw, of the next code
    at::Tensor latent;           // [rows, dim], the state that predicts the next code (after both norms)
};

class VoiceGenerator {
  public:
    // Throws Error(input) naming a tensor that is missing or misshapen. The tensors are shared, not copied.
    VoiceGenerator(const Find& find, GenerateConfig config);

    const GenerateConfig& config() const { return config_; }
    std::int64_t dim() const { return dim_; }
    std::int64_t layers() const { return static_cast<std::int64_t>(blocks_.size()); }
    std::int64_t code_count() const { return mel_head_weight_.size(0); }  // with start and stop
    std::int64_t max_codes() const;  // how many codes the position table allows
    std::int64_t max_text() const;   // how many text ids, without start and stop
    at::Device device() const { return mel_head_weight_.device(); }

    // Mean over the clips of the conditioning encoder's first position. mels: one [80, frames] a clip -> [1,
    // dim].
    at::Tensor conditioning_latent(std::span<const at::Tensor> mels) const;

    // [rows, dim] and ids [rows, n] (as tokenized, without start and stop; TorToiSe appends one 0 itself)
    // -> [rows, 1 + 1 + n + 1, dim]: latent, start text, ids, stop text.
    at::Tensor prompt(const at::Tensor& latent, const at::Tensor& text) const;

    // Runs the prompt and the start code once per row of `latent` and reserves room for `max_new` codes.
    // Error(usage) when text or codes exceed the position tables.
    DecodingState begin(const at::Tensor& latent, const at::Tensor& text, std::int64_t max_new) const;
    // Feeds one code a row, [rows], and computes the logits of the next.
    void advance(DecodingState& state, const at::Tensor& codes) const;

    // Hidden states of [start mel] + codes + [stop mel] without the last two: latent i predicts code i.
    // latent [rows, dim], text [rows, n], codes [rows, m] -> [rows, m, dim].
    at::Tensor latents(const at::Tensor& latent, const at::Tensor& text, const at::Tensor& codes) const;
    at::Tensor mel_logits(const at::Tensor& hidden) const;  // [..., dim] -> [..., codes]

    // The hidden states between the blocks of a whole sequence, for tests: the inputs of blocks 0, 1, …, then
    // the state after gpt.ln_f, then after final_norm. embeddings [rows, length, dim].
    std::vector<at::Tensor> trace(const at::Tensor& embeddings) const;

  private:
    struct Norm {
        at::Tensor weight, bias;
    };
    struct Block {
        Norm ln_1, ln_2;
        at::Tensor qkv_weight, qkv_bias, out_weight, out_bias;  // [in, out], as GPT-2 stores them
        at::Tensor up_weight, up_bias, down_weight, down_bias;
    };
    struct EncoderBlock {
        Norm norm;
        at::Tensor qkv_weight, qkv_bias, out_weight, out_bias;  // [out, in]
    };

    at::Tensor encode_clip(const at::Tensor& mel) const;  // [80, frames] -> [dim]
    at::Tensor mel_input(const at::Tensor& codes, std::int64_t first_position) const;
    at::Tensor norm(const at::Tensor& x, const Norm& weights) const;
    at::Tensor head(const at::Tensor& x) const;  // ln_f and final_norm
    at::Tensor block(const at::Tensor& x, const Block& weights, DecodingState* state,
                     std::size_t layer) const;
    at::Tensor run(const at::Tensor& x, DecodingState* state) const;

    GenerateConfig config_;
    std::int64_t dim_ = 0;
    std::vector<Block> blocks_;
    std::vector<EncoderBlock> encoder_;
    at::Tensor encoder_in_weight_, encoder_in_bias_;
    at::Tensor text_embedding_, text_positions_, mel_embedding_, mel_positions_;
    Norm ln_f_, final_norm_;
    at::Tensor mel_head_weight_, mel_head_bias_;
};

// Keeps the rows named by `rows` (int64, in that order), e.g. those that have not finished, or one prompt
// many times over.
void select_rows(DecodingState& state, const at::Tensor& rows);

}  // namespace testudo::nets
