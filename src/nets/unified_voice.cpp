#include "nets/unified_voice.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::nets {

namespace {

constexpr int conditioning_blocks = 6, mel_channels = 80;

struct Shape {
    std::string name;
    std::vector<std::int64_t> sizes;
};

std::vector<Shape> shapes_of(const UnifiedVoiceConfig& config) {
    const std::int64_t d = config.model_dim;
    std::vector<Shape> shapes;
    const auto add = [&](const std::string& name, std::vector<std::int64_t> sizes) {
        shapes.push_back({name, std::move(sizes)});
    };
    const auto with_bias = [&](const std::string& name, std::vector<std::int64_t> weight, std::int64_t bias) {
        add(name + ".weight", std::move(weight));
        add(name + ".bias", {bias});
    };
    with_bias("conditioning_encoder.init", {d, mel_channels, 1}, d);
    for (int i = 0; i < conditioning_blocks; ++i) {
        const std::string block = cat("conditioning_encoder.attn.", i, ".");
        with_bias(block + "norm", {d}, d);
        with_bias(block + "qkv", {3 * d, d, 1}, 3 * d);
        with_bias(block + "proj_out", {d, d, 1}, d);
    }
    add("text_embedding.weight", {config.number_text_tokens, d});
    add("mel_embedding.weight", {config.number_mel_codes, d});
    for (int i = 0; i < config.layers; ++i) {
        const std::string block = cat("gpt.h.", i, ".");
        with_bias(block + "ln_1", {d}, d);
        with_bias(block + "attn.c_attn", {d, 3 * d}, 3 * d);
        with_bias(block + "attn.c_proj", {d, d}, d);
        with_bias(block + "ln_2", {d}, d);
        with_bias(block + "mlp.c_fc", {d, 4 * d}, 4 * d);
        with_bias(block + "mlp.c_proj", {4 * d, d}, d);
    }
    with_bias("gpt.ln_f", {d}, d);
    add("mel_pos_embedding.emb.weight", {config.mel_positions(), d});
    add("text_pos_embedding.emb.weight", {config.text_positions(), d});
    with_bias("final_norm", {d}, d);
    with_bias("text_head", {config.number_text_tokens, d}, config.number_text_tokens);
    with_bias("mel_head", {config.number_mel_codes, d}, config.number_mel_codes);
    return shapes;
}

void check_config(const UnifiedVoiceConfig& c) {
    const auto wrong = [](const std::string& what) {
        return usage_error("The model cannot be made: " + what, "Choose other sizes for the model.");
    };
    for (const int size :
         {c.layers, c.model_dim, c.heads, c.max_text_tokens, c.max_mel_tokens, c.max_conditioning_inputs,
          c.mel_length_compression, c.number_text_tokens, c.number_mel_codes})
        if (size < 1) throw wrong(cat("a size is ", size, ", but all must be at least 1."));
    if (c.model_dim % c.heads != 0)
        throw wrong(cat("its width ", c.model_dim, " is not a multiple of its ", c.heads, " heads."));
    const auto in = [](int token, int count) { return token >= 0 && token < count; };
    if (!in(c.start_text_token, c.number_text_tokens) || !in(c.stop_text_token, c.number_text_tokens) ||
        !in(c.start_mel_token, c.number_mel_codes) || !in(c.stop_mel_token, c.number_mel_codes))
        throw wrong("a start or stop token is outside its vocabulary.");
}

bool ends_with_any(const std::string& name, std::initializer_list<const char*> endings) {
    return std::any_of(endings.begin(), endings.end(),
                       [&](const char* ending) { return name.ends_with(ending); });
}

}  // namespace

UnifiedVoiceConfig infer_config(const Find& find, const std::string& what, int heads) {
    const auto size = [&](const std::string& name, std::size_t dims, std::size_t dim) {
        const at::Tensor* tensor = find(name);
        if (!tensor || tensor->dim() != static_cast<std::int64_t>(dims))
            throw input_error(
                cat(what, " is not a TorToiSe autoregressive model: ",
                    tensor ? cat(name, " is ", shape_text(tensor->sizes())) : name + " is missing"),
                "Choose an autoregressive.pth, or a *_gpt.pth made by fine-tuning it.");
        return static_cast<int>(tensor->size(static_cast<std::int64_t>(dim)));
    };
    UnifiedVoiceConfig config;
    config.number_text_tokens = size("text_embedding.weight", 2, 0);
    config.model_dim = size("text_embedding.weight", 2, 1);
    config.number_mel_codes = size("mel_embedding.weight", 2, 0);
    config.start_mel_token = config.number_mel_codes - 2;
    config.stop_mel_token = config.number_mel_codes - 1;
    config.start_text_token = std::min(config.start_text_token, config.number_text_tokens - 1);
    config.max_text_tokens = size("text_pos_embedding.emb.weight", 2, 0) - 2;
    config.max_mel_tokens = size("mel_pos_embedding.emb.weight", 2, 0) - 2 - config.max_conditioning_inputs;
    config.layers = 0;
    while (find(cat("gpt.h.", config.layers, ".ln_1.weight"))) ++config.layers;
    if (config.layers == 0) size("gpt.h.0.ln_1.weight", 1, 0);
    constexpr int width_of_head = 64;
    config.heads = heads > 0 ? heads : std::max(1, config.model_dim / width_of_head);
    check_config(config);
    return config;
}

UnifiedVoice::UnifiedVoice(const UnifiedVoiceConfig& config, at::Device device)
    : config_(config), device_(device) {
    check_config(config);
    for (auto& [name, sizes] : shapes_of(config))
        parameters_.emplace_back(std::move(name),
                                 at::empty(sizes, at::TensorOptions(at::kFloat).device(device)));
}

std::size_t UnifiedVoice::index_of(const std::string& name) const {
    for (std::size_t i = 0; i < parameters_.size(); ++i)
        if (parameters_[i].first == name) return i;
    throw Error(ErrorKind::internal, "UnifiedVoice has no parameter " + name, "Report this.");
}

const at::Tensor& UnifiedVoice::operator[](const std::string& name) const {
    return parameters_[index_of(name)].second;
}

void UnifiedVoice::load(const Find& find, const std::string& what) {
    load_parameters(parameters_, find, what);
}

void UnifiedVoice::set_adapters(Adapters adapters) {
    adapters_ = std::move(adapters);
    adapter_places_.assign(adapters_.all.empty() ? 0 : parameters_.size(), -1);
    for (std::size_t i = 0; i < adapters_.all.size(); ++i)
        adapter_places_[adapters_.all[i].weight] = static_cast<int>(i);
}

void UnifiedVoice::initialise(std::uint64_t seed) {
    at::NoGradGuard no_grad;
    auto generator = at::detail::createCPUGenerator(seed);
    constexpr double gpt2_deviation = 0.02;
    const double residual_deviation = gpt2_deviation / std::sqrt(2.0 * config_.layers);
    for (const auto& [name, tensor] : parameters_) {
        const bool bias = name.ends_with(".bias"), gpt = name.starts_with("gpt.");
        at::Tensor value = device_.is_cpu() ? tensor : at::empty(tensor.sizes(), at::kFloat);
        if (is_norm(name))
            value.fill_(bias ? 0.0 : 1.0);
        else if (name.ends_with("proj_out.weight") || name.ends_with("proj_out.bias") || (gpt && bias))
            value.zero_();  // the conditioning encoder starts as the identity
        else if (gpt)
            value.normal_(0, name.ends_with("c_proj.weight") ? residual_deviation : gpt2_deviation,
                          generator);
        else if (is_embedding(name))
            value.normal_(0, gpt2_deviation, generator);
        else {  // PyTorch's own for linear layers and convolutions
            const bool init = name.starts_with("conditioning_encoder.init.");
            const double bound =
                1.0 / std::sqrt(static_cast<double>(init ? mel_channels : config_.model_dim));
            value.uniform_(-bound, bound, generator);
        }
        if (!device_.is_cpu()) tensor.copy_(value);
    }
}

Parameters UnifiedVoice::state_dict(bool with_masks) const {
    if (!with_masks) return parameters_;
    const std::int64_t n = config_.sequence_limit();
    const at::Tensor mask = at::ones({n, n}, at::kBool).tril_().view({1, 1, n, n});
    Parameters all;
    for (const auto& entry : parameters_) {
        all.push_back(entry);
        if (entry.first.starts_with("gpt.h.") && entry.first.ends_with(".ln_1.bias")) {
            const std::string block =
                entry.first.substr(0, entry.first.size() - std::string("ln_1.bias").size());
            all.emplace_back(block + "attn.bias", mask);
            all.emplace_back(block + "attn.masked_bias", at::scalar_tensor(-1e4, at::kFloat));
        }
    }
    return all;
}

bool is_embedding(const std::string& parameter) {
    return ends_with_any(parameter, {"embedding.weight", "emb.weight"});
}

bool is_norm(const std::string& name) {
    return name.find(".norm.") != std::string::npos || name.find(".ln_") != std::string::npos ||
           name.starts_with("final_norm.");
}

ParameterGroups parameter_groups(const Parameters& parameters) {
    ParameterGroups groups;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const std::string& name = parameters[i].first;
        const bool rest = name.ends_with(".bias") || is_norm(name) || is_embedding(name);
        (rest ? groups.rest : groups.decay).push_back(i);
    }
    for (auto* group : {&groups.decay, &groups.rest})
        std::sort(group->begin(), group->end(),
                  [&](std::size_t a, std::size_t b) { return parameters[a].first < parameters[b].first; });
    return groups;
}

}  // namespace testudo::nets
