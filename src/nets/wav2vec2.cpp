#include "nets/wav2vec2.h"

#include "core/error.h"
#include "core/strings.h"

namespace testudo::nets {

namespace {

constexpr std::array<std::int64_t, 7> kernels = {10, 3, 3, 3, 3, 2, 2}, strides = {5, 2, 2, 2, 2, 2, 2};

// Where the parts of the net lie in a state dict.
struct Names {
    std::string extractor, projection, transformer, head;
};
const Names torchaudio_names = {"feature_extractor.", "encoder.feature_projection.", "encoder.transformer.",
                                "aux"};
const Names hugging_face_names = {"wav2vec2.feature_extractor.", "wav2vec2.feature_projection.",
                                  "wav2vec2.encoder.", "lm_head"};

const Names& names_of(const Find& find) {
    return find("wav2vec2.feature_extractor.conv_layers.0.conv.weight") ? hugging_face_names
                                                                        : torchaudio_names;
}

const at::Tensor& need(const Find& find, const std::string& name, std::int64_t dimensions) {
    const at::Tensor* tensor = find(name);
    if (!tensor)
        throw input_error(cat("the tensor ", name, " of a wav2vec 2.0 model is missing"),
                          "Give a wav2vec 2.0 model that was fine-tuned for speech recognition (CTC).");
    if (tensor->dim() != dimensions)
        throw input_error(cat("the tensor ", name, " has shape ", shape_text(tensor->sizes())),
                          "Give a wav2vec 2.0 model.");
    return *tensor;
}

// The positional convolution is stored as direction and length, under one of two names.
std::pair<std::string, std::string> weight_norm_names(const Find& find, const std::string& conv) {
    if (find(conv + "weight_g")) return {conv + "weight_g", conv + "weight_v"};
    return {conv + "parametrizations.weight.original0", conv + "parametrizations.weight.original1"};
}

}  // namespace

Wav2Vec2Config infer_wav2vec2_config(const Find& find) {
    const Names& names = names_of(find);
    Wav2Vec2Config config;
    config.channels = need(find, names.extractor + "conv_layers.0.conv.weight", 3).size(0);
    config.convolution_bias = find(names.extractor + "conv_layers.0.conv.bias") != nullptr;
    config.layer_norm_extractor = find(names.extractor + "conv_layers.1.layer_norm.weight") != nullptr;
    config.norm_first = config.layer_norm_extractor;
    config.dim = need(find, names.projection + "projection.weight", 2).size(0);
    config.layers = 0;
    while (find(cat(names.transformer, "layers.", config.layers, ".attention.q_proj.weight")))
        ++config.layers;
    config.feed_forward =
        need(find, names.transformer + "layers.0.feed_forward.intermediate_dense.weight", 2).size(0);
    config.heads = config.dim / 64;
    const auto direction = weight_norm_names(find, names.transformer + "pos_conv_embed.conv.").second;
    const at::Tensor& positions = need(find, direction, 3);
    config.position_kernel = positions.size(2);
    config.position_groups = positions.size(1) > 0 ? config.dim / positions.size(1) : 0;
    config.labels = need(find, names.head + ".weight", 2).size(0);
    if (config.heads < 1 || config.dim % 64 != 0 || config.position_groups < 1 || config.channels < 1)
        throw input_error(cat("a wav2vec 2.0 model of width ", config.dim, " is unknown"),
                          "Give a published one (base: 768, large: 1024).");
    return config;
}

Wav2Vec2::Wav2Vec2(const Wav2Vec2Config& config, const Find& find, at::Device device)
    : config_(config), device_(device) {
    const Names& names = names_of(find);
    Parameters wanted;
    const auto want = [&](const std::string& name, at::IntArrayRef shape) {
        return wanted.emplace_back(name, at::empty(shape, at::kFloat)).second;
    };
    const auto affine = [&](const std::string& name, at::IntArrayRef shape) {
        return Affine{want(name + ".weight", shape), want(name + ".bias", {shape[0]})};
    };
    const std::int64_t dim = config.dim, channels = config.channels;
    for (std::size_t i = 0; i < kernels.size(); ++i) {
        const std::string conv = cat(names.extractor, "conv_layers.", i);
        convolutions_[i].weight = want(conv + ".conv.weight", {channels, i == 0 ? 1 : channels, kernels[i]});
        if (config.convolution_bias) convolutions_[i].bias = want(conv + ".conv.bias", {channels});
        if (i == 0 || config.layer_norm_extractor)
            convolution_norms_[i] = affine(conv + ".layer_norm", {channels});
    }
    feature_norm_ = affine(names.projection + "layer_norm", {channels});
    projection_ = affine(names.projection + "projection", {dim, channels});
    const std::string position = names.transformer + "pos_conv_embed.conv.";
    const auto [length_name, direction_name] = weight_norm_names(find, position);
    const at::Tensor length = want(length_name, {1, 1, config.position_kernel});
    const at::Tensor direction =
        want(direction_name, {dim, dim / config.position_groups, config.position_kernel});
    positions_.bias = want(position + "bias", {dim});
    norm_ = affine(names.transformer + "layer_norm", {dim});
    for (std::int64_t i = 0; i < config.layers; ++i) {
        const std::string at = cat(names.transformer, "layers.", i, ".");
        Layer& layer = layers_.emplace_back();
        layer.query = affine(at + "attention.q_proj", {dim, dim});
        layer.key = affine(at + "attention.k_proj", {dim, dim});
        layer.value = affine(at + "attention.v_proj", {dim, dim});
        layer.out = affine(at + "attention.out_proj", {dim, dim});
        layer.norm = affine(at + "layer_norm", {dim});
        layer.in = affine(at + "feed_forward.intermediate_dense", {config.feed_forward, dim});
        layer.back = affine(at + "feed_forward.output_dense", {dim, config.feed_forward});
        layer.final_norm = affine(at + "final_layer_norm", {dim});
    }
    head_ = affine(names.head, {config.labels, dim});
    load_parameters(wanted, find, "the acoustic model");

    const at::Tensor norms = direction.norm(2, at::IntArrayRef({0, 1}), true);
    positions_.weight = direction * (length / norms);
    if (device.is_cpu()) return;
    const auto move = [&](Affine& part) {
        for (at::Tensor* tensor : {&part.weight, &part.bias})
            if (tensor->defined()) *tensor = tensor->to(device);
    };
    for (auto* parts : {&convolutions_, &convolution_norms_})
        for (Affine& part : *parts) move(part);
    for (Affine* part : {&feature_norm_, &projection_, &positions_, &norm_, &head_}) move(*part);
    for (Layer& layer : layers_)
        for (Affine* part : {&layer.query, &layer.key, &layer.value, &layer.out, &layer.norm, &layer.in,
                             &layer.back, &layer.final_norm})
            move(*part);
}

at::Tensor Wav2Vec2::attend(const Layer& layer, const at::Tensor& x) const {
    const std::int64_t frames = x.size(1), width = config_.dim / config_.heads;
    const auto heads = [&](const Affine& part) {
        return at::linear(x, part.weight, part.bias).view({1, frames, config_.heads, width}).transpose(1, 2);
    };
    const at::Tensor mixed =
        at::scaled_dot_product_attention(heads(layer.query), heads(layer.key), heads(layer.value));
    return at::linear(mixed.transpose(1, 2).reshape({1, frames, config_.dim}), layer.out.weight,
                      layer.out.bias);
}

at::Tensor Wav2Vec2::operator()(const at::Tensor& wave) const {
    c10::InferenceMode inference;
    const auto norm = [](const at::Tensor& x, const Affine& part) {
        return at::layer_norm(x, {x.size(-1)}, part.weight, part.bias);
    };
    at::Tensor x = wave.to(device_).view({1, 1, -1});
    for (std::size_t i = 0; i < convolutions_.size(); ++i) {
        x = at::conv1d(x, convolutions_[i].weight, convolutions_[i].bias, strides[i]);
        if (config_.layer_norm_extractor)
            x = norm(x.transpose(1, 2), convolution_norms_[i]).transpose(1, 2);
        else if (i == 0)
            x = at::group_norm(x, config_.channels, convolution_norms_[i].weight, convolution_norms_[i].bias);
        x = at::gelu(x);
    }
    x = norm(x.transpose(1, 2), feature_norm_);
    x = at::linear(x, projection_.weight, projection_.bias);  // [1, frames, dim]
    // An even kernel gives one frame too many.
    const at::Tensor placed = at::conv1d(x.transpose(1, 2), positions_.weight, positions_.bias, 1,
                                         config_.position_kernel / 2, 1, config_.position_groups)
                                  .narrow(2, 0, x.size(1));
    x = x + at::gelu(placed).transpose(1, 2);
    if (!config_.norm_first) x = norm(x, norm_);
    const auto feed_forward = [](const Layer& layer, const at::Tensor& y) {
        return at::linear(at::gelu(at::linear(y, layer.in.weight, layer.in.bias)), layer.back.weight,
                          layer.back.bias);
    };
    for (const Layer& layer : layers_)
        if (config_.norm_first) {
            x = x + attend(layer, norm(x, layer.norm));
            x = x + feed_forward(layer, norm(x, layer.final_norm));
        } else {
            x = norm(x + attend(layer, x), layer.norm);
            x = norm(x + feed_forward(layer, x), layer.final_norm);
        }
    if (config_.norm_first) x = norm(x, norm_);
    return at::linear(x, head_.weight, head_.bias)[0].to(at::kCPU);
}

}  // namespace testudo::nets
