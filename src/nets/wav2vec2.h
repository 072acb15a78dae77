#pragma once
// wav2vec 2.0 with a CTC head (Baevski et al. 2020): scores of characters every 20 ms of sound. Inference
// only; state-dict names are torchaudio's (WAV2VEC2_ASR_BASE_960H and its kin) or Hugging Face's
// (Wav2Vec2ForCTC).
#include <ATen/ATen.h>

#include <array>
#include <optional>
#include <vector>

#include "nets/parameters.h"

namespace testudo::nets {

struct Wav2Vec2Config {
    std::int64_t channels = 512;        // of the seven convolutions
    bool convolution_bias = false;      // they have one
    bool layer_norm_extractor = false;  // each is normalised; else the first alone, over time
    std::int64_t dim = 768, feed_forward = 3072, layers = 12, heads = 12;
    bool norm_first = false;  // in the transformer's layers
    std::int64_t position_kernel = 128, position_groups = 16;
    std::int64_t labels = 29;
};

// Reads sizes off the shapes; heads are dim / 64 as in every published model, and `norm_first` goes with
// the extractor's layer norms. Error(input) naming the missing tensor.
Wav2Vec2Config infer_wav2vec2_config(const Find& find);

class Wav2Vec2 {
  public:
    static constexpr std::int64_t rate = 16000, shortest = 400;  // Hz, samples

    // Converts to float32. Error(input) listing the tensors that are missing or of another shape.
    Wav2Vec2(const Wav2Vec2Config& config, const Find& find, at::Device device = at::kCPU);
    const Wav2Vec2Config& config() const { return config_; }

    // [samples] at 16 kHz, float32, at least 400 -> [frames, labels] before softmax, on the CPU; one frame is
    // 320 samples.
    at::Tensor operator()(const at::Tensor& wave) const;

  private:
    struct Affine {
        at::Tensor weight, bias;
    };
    struct Layer {
        Affine query, key, value, out, norm, in, back, final_norm;
    };
    at::Tensor attend(const Layer& layer, const at::Tensor& x) const;

    Wav2Vec2Config config_;
    at::Device device_;
    std::array<Affine, 7> convolutions_, convolution_norms_;
    Affine feature_norm_, projection_, positions_, norm_, head_;
    std::vector<Layer> layers_;
};

}  // namespace testudo::nets
