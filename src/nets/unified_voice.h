#pragma once
// UnifiedVoice, TorToiSe's autoregressive model: a GPT-2 over [conditioning | text | mel codes], with the
// state-dict names of tortoise-tts and DLAS. This file: configuration, weights, and the batches it learns
// from. unified_voice_pass.h: losses and gradients.
#include <cstdint>
#include <span>

#include "nets/lora.h"
#include "nets/parameters.h"

namespace testudo::nets {

struct UnifiedVoiceConfig {
    int layers = 30, model_dim = 1024, heads = 16;
    int max_text_tokens = 402, max_mel_tokens = 604, max_conditioning_inputs = 2;
    int mel_length_compression = 1024;  // samples a code
    int number_text_tokens = 256, start_text_token = 255, stop_text_token = 0;
    int number_mel_codes = 8194, start_mel_token = 8192, stop_mel_token = 8193;

    int text_positions() const { return max_text_tokens + 2; }  // rows of the learned position tables
    int mel_positions() const { return max_mel_tokens + 2 + max_conditioning_inputs; }
    int sequence_limit() const { return text_positions() + mel_positions(); }  // side of DLAS' causal masks
};

// Reads the sizes off a checkpoint's shapes. Heads: `heads` when positive, else model_dim / 64 (TorToiSe's
// width of a head). Error(input) when `find` holds no UnifiedVoice.
UnifiedVoiceConfig infer_config(const Find& find, const std::string& what, int heads = 0);

// One clip. Conditioning mels are [80, frames], of any number of frames.
struct Example {
    std::vector<int> text;                 // ids without start and stop
    at::Tensor codes;                      // int64 [n]
    std::vector<at::Tensor> conditioning;  // at least one
    std::int64_t samples = 0;              // 22.05 kHz samples; only DLAS' objective reads it
};
using Batch = std::vector<Example>;

enum class Objective { consistent, dlas };

struct Losses {
    double text = 0, mel = 0;                      // mean cross entropy, nats
    std::int64_t text_tokens = 0, mel_tokens = 0;  // what they are means over
};

class UnifiedVoice {
  public:
    // Weights are uninitialised until load() or initialise().
    explicit UnifiedVoice(const UnifiedVoiceConfig& config, at::Device device = at::kCPU);

    const UnifiedVoiceConfig& config() const { return config_; }
    const Parameters& parameters() const { return parameters_; }
    at::Device device() const { return device_; }
    const at::Tensor& operator[](const std::string& name) const;  // Error(internal) if there is none
    std::size_t index_of(const std::string& name) const;          // into parameters()

    // DLAS' mask buffers (gpt.h.N.attn.bias, .masked_bias) in a checkpoint are accepted and unused.
    void load(const Find& find, const std::string& what = "the model");
    void initialise(std::uint64_t seed);  // GPT-2's and the original's initialisation

    // Low-rank adapters, part of every pass from now on; parameters() and state_dict() stay those of the
    // base.
    void set_adapters(Adapters adapters);
    const Adapters& adapters() const { return adapters_; }
    int adapter_place(std::size_t weight) const {  // in adapters().all; -1: it has none
        return adapter_places_.empty() ? -1 : adapter_places_[weight];
    }

    // The parameters (shared, not copied) and, with_masks, the buffers between them as DLAS writes them:
    // bias bool [1, 1, n, n] lower triangular (one tensor shared by all layers), masked_bias scalar -1e4.
    Parameters state_dict(bool with_masks) const;

  private:
    UnifiedVoiceConfig config_;
    at::Device device_;
    Parameters parameters_;
    Adapters adapters_;
    std::vector<int> adapter_places_;  // of each parameter; empty: no adapters
};

// AdamW's parameter groups as DLAS makes them: indices into parameters(), names sorted as strings inside each
// group. Optimizer states count through `decay`, then `rest`.
struct ParameterGroups {
    std::vector<std::size_t> decay, rest;
};
ParameterGroups parameter_groups(const Parameters& parameters);
bool is_embedding(const std::string& parameter);  // of tokens or positions
bool is_norm(const std::string& parameter);       // weight or bias of a layer or group norm

}  // namespace testudo::nets
