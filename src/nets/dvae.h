#pragma once
// TorToiSe's discrete VAE: mel spectrograms to codes (one for four frames) and back. State-dict names as in
// dvae.pth. Inference only.
#include "nets/parameters.h"

namespace testudo::nets {

struct DvaeConfig {
    int channels = 80, hidden_dim = 512, codebook_dim = 512, num_tokens = 8192;
    int num_layers = 2, num_resnet_blocks = 3, kernel_size = 3;
};
DvaeConfig infer_dvae_config(const Find& find, const std::string& what);  // from the shapes

class Dvae {
  public:
    explicit Dvae(const DvaeConfig& config, at::Device device = at::kCPU);  // uninitialised

    const DvaeConfig& config() const { return config_; }
    const Parameters& parameters() const { return parameters_; }  // with the codebook buffers
    void load(const Find& find, const std::string& what = "the DVAE");
    void initialise(std::uint64_t seed);
    void initialise_codebook(const at::Tensor& mels, std::uint64_t seed);  // codes drawn from real encodings

    at::Tensor encode(const at::Tensor& mel) const;    // [b, 80, t] -> [b, codebook_dim, ceil(ceil(t/2)/2)]
    at::Tensor codes(const at::Tensor& mel) const;     // [b, 80, t] -> int64 [b, ceil(ceil(t/2)/2)]
    at::Tensor decode(const at::Tensor& codes) const;  // int64 [b, n] -> mel [b, 80, 4 n]

  private:
    const at::Tensor& at_name(const std::string& name) const;
    at::Tensor conv(const at::Tensor& x, const std::string& name, int stride, int padding) const;
    at::Tensor residual(const at::Tensor& x, const std::string& name) const;
    DvaeConfig config_;
    at::Device device_;
    Parameters parameters_;
};

}  // namespace testudo::nets
