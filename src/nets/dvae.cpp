#include "nets/dvae.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::nets {

namespace {

// Layers by place: L strided convolutions, R residual blocks, one convolution; the decoder mirrors them.
std::string encoder(int place) { return cat("encoder.", place); }
std::string decoder(int place) { return cat("decoder.", place); }

void append_shapes(const DvaeConfig& c, Parameters& parameters, at::TensorOptions options) {
    const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
        parameters.emplace_back(name, at::empty(shape, options));
    };
    const auto conv = [&](const std::string& name, std::int64_t out, std::int64_t in, std::int64_t kernel) {
        add(name + ".weight", {out, in, kernel});
        add(name + ".bias", {out});
    };
    const std::int64_t inner = std::int64_t{c.hidden_dim} << (c.num_layers - 1);
    const auto residual = [&](const std::string& name) {
        conv(name + ".net.0", inner, inner, 3);
        conv(name + ".net.2", inner, inner, 3);
        conv(name + ".net.4", inner, inner, 1);
    };
    for (int i = 0; i < c.num_layers; ++i)
        conv(encoder(i) + ".0", std::int64_t{c.hidden_dim} << i,
             i ? std::int64_t{c.hidden_dim} << (i - 1) : c.channels, c.kernel_size);
    for (int i = 0; i < c.num_resnet_blocks; ++i) residual(encoder(c.num_layers + i));
    conv(encoder(c.num_layers + c.num_resnet_blocks), c.codebook_dim, inner, 1);
    conv(decoder(0), inner, c.codebook_dim, 1);
    for (int i = 0; i < c.num_resnet_blocks; ++i) residual(decoder(1 + i));
    for (int i = 0; i < c.num_layers; ++i) {
        const int width = c.num_layers - 1 - i;
        conv(decoder(1 + c.num_resnet_blocks + i) + ".0.conv", std::int64_t{c.hidden_dim} << width,
             i ? std::int64_t{c.hidden_dim} << (width + 1) : inner, c.kernel_size);
    }
    conv(decoder(1 + c.num_resnet_blocks + c.num_layers), c.channels, c.hidden_dim, 1);
    add("codebook.embed", {c.codebook_dim, c.num_tokens});
    add("codebook.cluster_size", {c.num_tokens});
    add("codebook.embed_avg", {c.codebook_dim, c.num_tokens});
}

}  // namespace

DvaeConfig infer_dvae_config(const Find& find, const std::string& what) {
    const auto shaped = [&](const std::string& name, std::int64_t dims) -> const at::Tensor& {
        const at::Tensor* tensor = find(name);
        if (!tensor || tensor->dim() != dims)
            throw input_error(
                cat(what, " is not TorToiSe's DVAE: ",
                    tensor ? cat(name, " is ", shape_text(tensor->sizes())) : name + " is missing"),
                "Choose TorToiSe's dvae.pth.");
        return *tensor;
    };
    DvaeConfig config;
    const at::Tensor& first = shaped("encoder.0.0.weight", 3);
    config.hidden_dim = static_cast<int>(first.size(0));
    config.channels = static_cast<int>(first.size(1));
    config.kernel_size = static_cast<int>(first.size(2));
    const at::Tensor& book = shaped("codebook.embed", 2);
    config.codebook_dim = static_cast<int>(book.size(0));
    config.num_tokens = static_cast<int>(book.size(1));
    config.num_layers = config.num_resnet_blocks = 0;
    while (find(encoder(config.num_layers) + ".0.weight")) ++config.num_layers;
    while (find(encoder(config.num_layers + config.num_resnet_blocks) + ".net.0.weight"))
        ++config.num_resnet_blocks;
    return config;
}

Dvae::Dvae(const DvaeConfig& config, at::Device device) : config_(config), device_(device) {
    for (const int size : {config.channels, config.hidden_dim, config.codebook_dim, config.num_tokens,
                           config.num_layers, config.num_resnet_blocks, config.kernel_size})
        if (size < 1) throw usage_error("The DVAE cannot be made: a size is below 1.", "Choose other sizes.");
    append_shapes(config_, parameters_, at::TensorOptions(at::kFloat).device(device));
}

void Dvae::load(const Find& find, const std::string& what) { load_parameters(parameters_, find, what); }

const at::Tensor& Dvae::at_name(const std::string& name) const {
    for (const auto& [known, tensor] : parameters_)
        if (known == name) return tensor;
    throw Error(ErrorKind::internal, "The DVAE has no parameter " + name, "Report this.");
}

void Dvae::initialise(std::uint64_t seed) {
    at::NoGradGuard no_grad;
    auto generator = at::detail::createCPUGenerator(seed);
    double bound = 0;
    for (const auto& [name, tensor] : parameters_) {
        at::Tensor value = at::empty(tensor.sizes(), at::kFloat);
        if (name.ends_with(".weight"))
            bound = 1.0 / std::sqrt(static_cast<double>(tensor.size(1) * tensor.size(2)));
        if (name == "codebook.cluster_size")
            value.zero_();
        else if (name == "codebook.embed_avg")
            value.copy_(at_name("codebook.embed"));
        else if (name == "codebook.embed")
            value.normal_(0, 1, generator);
        else  // PyTorch's own; a bias follows its weight
            value.uniform_(-bound, bound, generator);
        tensor.copy_(value);
    }
}

void Dvae::initialise_codebook(const at::Tensor& mels, std::uint64_t seed) {
    at::NoGradGuard no_grad;
    auto generator = at::detail::createCPUGenerator(seed);
    const at::Tensor encoded = encode(mels).transpose(1, 2).reshape({-1, config_.codebook_dim}).cpu();
    const at::Tensor chosen = at::randint(encoded.size(0), {config_.num_tokens}, generator, at::kLong);
    // Where there are fewer encodings than codes, a little noise keeps equal codes apart.
    const at::Tensor noise =
        at::empty({config_.num_tokens, config_.codebook_dim}, at::kFloat).normal_(0, 1, generator);
    const at::Tensor book =
        (encoded.index_select(0, chosen) + noise * (encoded.std(0, true) * 0.1)).t().contiguous();
    at_name("codebook.embed").copy_(book);
    at_name("codebook.embed_avg").copy_(book);
}

at::Tensor Dvae::conv(const at::Tensor& x, const std::string& name, int stride, int padding) const {
    return at::conv1d(x, at_name(name + ".weight"), at_name(name + ".bias"), stride, padding);
}

at::Tensor Dvae::residual(const at::Tensor& x, const std::string& name) const {
    const at::Tensor first = conv(x, name + ".net.0", 1, 1).relu_();
    const at::Tensor second = conv(first, name + ".net.2", 1, 1).relu_();
    return conv(second, name + ".net.4", 1, 0).add_(x);
}

at::Tensor Dvae::encode(const at::Tensor& mel) const {
    if (mel.dim() != 3 || mel.size(1) != config_.channels || mel.size(2) < 1)
        throw input_error(cat("The DVAE was given a mel ", shape_text(mel.sizes()), ", not [batch, ",
                              config_.channels, ", frames]."),
                          "Make it with the program's own mel spectrogram.");
    at::NoGradGuard no_grad;
    at::Tensor x = mel.to(device_, at::kFloat);
    for (int i = 0; i < config_.num_layers; ++i)
        x = conv(x, encoder(i) + ".0", 2, config_.kernel_size / 2).relu_();
    for (int i = 0; i < config_.num_resnet_blocks; ++i) x = residual(x, encoder(config_.num_layers + i));
    return conv(x, encoder(config_.num_layers + config_.num_resnet_blocks), 1, 0);
}

at::Tensor Dvae::codes(const at::Tensor& mel) const {
    at::NoGradGuard no_grad;
    const at::Tensor encoded = encode(mel), &book = at_name("codebook.embed");
    const at::Tensor rows = encoded.transpose(1, 2).reshape({-1, config_.codebook_dim});
    // |x - e|^2 without |x|^2, which is the same for every code.
    const at::Tensor distance = at::addmm(book.pow(2).sum(0), rows, book, 1, -2);
    return distance.argmin(1).view({encoded.size(0), encoded.size(2)});
}

at::Tensor Dvae::decode(const at::Tensor& codes) const {
    if (codes.dim() != 2 || codes.numel() == 0)
        throw input_error(cat("The DVAE was given codes ", shape_text(codes.sizes()), ", not [batch, n]."),
                          "Give at least one code.");
    if (codes.min().item<std::int64_t>() < 0 || codes.max().item<std::int64_t>() >= config_.num_tokens)
        throw input_error(cat("A mel code lies outside the DVAE's ", config_.num_tokens, " codes."),
                          "Cut the codes at the stop token before decoding.");
    at::NoGradGuard no_grad;
    at::Tensor x = at_name("codebook.embed").t().index_select(0, codes.to(device_).reshape({-1}));
    x = x.view({codes.size(0), codes.size(1), -1}).transpose(1, 2).contiguous();
    x = conv(x, decoder(0), 1, 0);
    for (int i = 0; i < config_.num_resnet_blocks; ++i) x = residual(x, decoder(1 + i));
    for (int i = 0; i < config_.num_layers; ++i) {
        x = at::upsample_nearest1d(x, {x.size(2) * 2});
        x = conv(x, decoder(1 + config_.num_resnet_blocks + i) + ".0.conv", 1, config_.kernel_size / 2)
                .relu_();
    }
    return conv(x, decoder(1 + config_.num_resnet_blocks + config_.num_layers), 1, 0);
}

}  // namespace testudo::nets
