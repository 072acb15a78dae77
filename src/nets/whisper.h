#pragma once
// Whisper (Radford et al. 2022, openai/whisper model.py): an encoder of log-mel windows and a decoder of text
// tokens that attends to it. Inference only; state-dict names are openai's.
#include <ATen/ATen.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nets/packed_linear.h"
#include "nets/parameters.h"

namespace testudo::nets {

struct WhisperConfig {
    int mels = 80;             // 128 for large-v3 and turbo
    int audio_context = 1500;  // frames after the encoder's stride of 2
    int audio_dim = 384, audio_heads = 6, audio_layers = 4;
    int vocabulary = 51864;  // 51865 multilingual, 51866 with Cantonese
    int text_context = 448;
    int text_dim = 384, text_heads = 6, text_layers = 4;

    bool multilingual() const { return vocabulary >= 51865; }
    int languages() const { return vocabulary - 51765 - (multilingual() ? 1 : 0); }  // 99 or 100
    bool operator==(const WhisperConfig&) const = default;
};

// tiny.en … large-v3, turbo, with the names openai gave them.
const std::vector<std::pair<std::string, WhisperConfig>>& published_whispers();

// Every tensor of the state dict and its shape, in openai's order.
std::vector<std::pair<std::string, std::vector<std::int64_t>>> whisper_shapes(const WhisperConfig& config);

// Reads sizes off the shapes; heads are dim / 64 as in every published model unless given.
// Error(input) naming the missing tensor.
WhisperConfig infer_whisper_config(const Find& find, int audio_heads = 0, int text_heads = 0);

// How the arithmetic is done.
enum class WhisperCompute {
    automatic,  // int8 where int8_whisper(), else float32
    float32,    // by the kernels of avx512.h where the processor and the model allow it, else as `plain`
    int8,       // linear layers in int8, attention in bfloat16 where the processor has it
    plain,      // float32 by libtorch's operators: any device
};
WhisperCompute whisper_compute(std::string_view name);  // "auto", "float32", "int8"; else Error(usage)

class Whisper {
  public:
    // Copies the weights to `device` as float32 (halves are widened) or int8. Error(input) listing the
    // tensors that are missing or of another shape; Error(usage) for int8 where it cannot be.
    Whisper(const WhisperConfig& config, const Find& find, at::Device device = at::kCPU,
            WhisperCompute compute = WhisperCompute::float32);
    WhisperCompute compute() const { return compute_; }  // float32, int8 or plain
    const WhisperConfig& config() const { return config_; }
    at::Device device() const { return device_; }

    // Log-mel windows [batch, mels, 2 * audio_context] -> features [batch, audio_context, audio_dim].
    at::Tensor encode(const at::Tensor& mel) const;

    // Keys and values of the audio for every decoder layer: [windows, heads, audio_context, head dim] each,
    // or [windows, heads, lanes] laid out for avx512::attention.
    struct Audio {
        std::vector<at::Tensor> keys, values;
        std::int64_t windows() const { return keys.empty() ? 0 : keys[0].size(0); }
        Audio select(const at::Tensor& windows) const;  // int64 [n]
    };
    Audio attend_to(const at::Tensor& features) const;

    // Self-attention keys and values so far, preallocated for `capacity` positions. Rows may have been given
    // prompts of different lengths: they are padded on the left, and `padding` counts the padding of a row.
    struct Cache {
        std::vector<at::Tensor> keys, values;  // [places, heads, capacity, head dim]
        std::vector<std::int64_t> padding;     // one per row
        std::int64_t length = 0, capacity = 0;
        // [rows][capacity]: in which place a row's position is kept, so that rows change places without
        // copies. Empty (libtorch's operators need whole rows): row i is place i.
        std::vector<std::vector<std::int32_t>> place;

        void reorder(const std::vector<std::int64_t>& rows);  // row i becomes what row rows[i] was
        void repeat(std::int64_t times);                      // each row becomes `times` equal ones in turn
    };
    // `times`: how often its rows will be repeated.
    Cache new_cache(std::int64_t rows, std::int64_t capacity, std::vector<std::int64_t> padding = {},
                    std::int64_t times = 1) const;

    // Feeds tokens [rows, n] (int64) after what the cache holds; returns the decoder's normalised states
    // [rows, n, text_dim]. `audio` has one window per row, or rows / windows consecutive rows share a window.
    // `scores` (optional) receives the cross-attention scores before softmax of each layer
    // [rows, heads, n, audio_context].
    at::Tensor decode(const at::Tensor& tokens, const Audio& audio, Cache& cache,
                      std::vector<at::Tensor>* scores = nullptr) const;
    // [.., text_dim] -> [.., vocabulary]
    at::Tensor logits(const at::Tensor& states) const;

  private:
    struct Linear {
        at::Tensor weight, bias;
        PackedLinear packed;
    };
    struct Block {
        Norm attention_norm, cross_norm, mlp_norm;
        Linear qkv, out, cross_query, cross_keyvalue, cross_out, mlp_in, mlp_out;
    };

    bool packed() const { return compute_ != WhisperCompute::plain; }
    at::Tensor encode_packed(const at::Tensor& mel) const;
    Audio attend_to_packed(const at::Tensor& features) const;
    at::Tensor decode_packed(const at::Tensor& tokens, const Audio& audio, Cache& cache,
                             std::vector<at::Tensor>* scores) const;
    void encode_window(const at::Tensor& mel, float* out) const;

    WhisperConfig config_;
    at::Device device_;
    WhisperCompute compute_;
    avx512::Element attention_ = avx512::Element::float32;  // of keys and values
    Linear conv1_, conv2_;
    at::Tensor audio_positions_, text_positions_, embedding_;
    PackedLinear output_;  // the embedding as the last layer
    std::vector<Block> encoder_, decoder_;
    Norm encoder_norm_, decoder_norm_;
};

}  // namespace testudo::nets
