#include "nets/whisper.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::nets {

namespace {

// A finite stand-in for -inf: a query whose keys are all hidden (padding) must not become NaN.
constexpr float hidden = -1e30f;

at::Tensor apply(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {  // x [n, in]
    return at::addmm(bias, x, weight.t());
}

}  // namespace

WhisperCompute whisper_compute(std::string_view name) {
    if (name == "auto") return WhisperCompute::automatic;
    if (name == "float32") return WhisperCompute::float32;
    if (name == "int8") return WhisperCompute::int8;
    throw usage_error(cat("there is no way to compute named \"", name, "\""), "Give auto, float32 or int8.");
}

Whisper::Whisper(const WhisperConfig& config, const Find& find, at::Device device, WhisperCompute compute)
    : config_(config), device_(device), compute_(compute) {
    c10::InferenceMode inference;
    const bool can_pack = device.is_cpu() && avx512::supported() &&
                          config.audio_dim == 64 * config.audio_heads &&
                          config.text_dim == 64 * config.text_heads;
    if (compute == WhisperCompute::int8 && !can_pack)
        throw usage_error("Whisper in int8 needs a processor with AVX-512 VNNI", "Take float32 or auto.");
    if (compute == WhisperCompute::automatic)
        compute_ = can_pack ? WhisperCompute::int8 : WhisperCompute::plain;
    if (compute == WhisperCompute::float32 && !can_pack) compute_ = WhisperCompute::plain;
    const bool int8 = compute_ == WhisperCompute::int8;
    if (int8 && avx512::bfloat16_supported()) attention_ = avx512::Element::bfloat16;
    std::vector<std::string> wrong;
    for (const auto& [name, shape] : whisper_shapes(config)) {
        const at::Tensor* tensor = find(name);
        if (!tensor)
            wrong.push_back(cat(name, " (missing)"));
        else if (tensor->sizes() != at::IntArrayRef(shape))
            wrong.push_back(cat(name, " ", shape_text(tensor->sizes()), ", not ", shape_text(shape)));
    }
    if (!wrong.empty()) {
        const std::size_t count = wrong.size();
        if (count > 8) {
            wrong.resize(8);
            wrong.push_back(cat("and ", count - 8, " more"));
        }
        throw input_error(cat("the Whisper model does not fit: ", join(wrong, "; ")),
                          "Give a model that openai-whisper or faster-whisper can load.");
    }

    const auto take = [&](const std::string& name) {
        return find(name)->to(device_, at::kFloat, /*non_blocking=*/false, /*copy=*/true).contiguous();
    };
    const auto norm = [&](const std::string& name) {
        return Norm{take(name + ".weight"), take(name + ".bias")};
    };
    const auto packed_or_not = [&](const at::Tensor& weight, const at::Tensor& bias,
                                   avx512::Element element) {
        return packed() ? Linear{{}, {}, pack(weight, bias, element)} : Linear{weight, bias, {}};
    };
    const avx512::Element element = int8 ? avx512::Element::int8 : avx512::Element::float32;
    const auto linear = [&](const std::string& name) {
        return packed_or_not(take(name + ".weight"), take(name + ".bias"), element);
    };
    // A convolution over three frames is a product with three rows at once.
    const auto convolution = [&](const std::string& name) {
        const at::Tensor weight = take(name + ".weight"), bias = take(name + ".bias");
        if (!packed()) return Linear{weight, bias, {}};
        return packed_or_not(weight.transpose(1, 2).reshape({weight.size(0), -1}), bias,
                             avx512::Element::float32);
    };
    // Several projections of the same input become one product; the key has no bias.
    const auto stack = [&](const std::string& name, const std::vector<std::string>& parts) {
        std::vector<at::Tensor> weights, biases;
        for (const std::string& part : parts) {
            weights.push_back(take(cat(name, ".", part, ".weight")));
            biases.push_back(part == "key" ? at::zeros({weights.back().size(0)}, weights.back().options())
                                           : take(cat(name, ".", part, ".bias")));
        }
        return packed_or_not(at::cat(weights), at::cat(biases), element);
    };
    const auto blocks = [&](const std::string& part, int layers, bool cross) {
        std::vector<Block> result;
        for (int i = 0; i < layers; ++i) {
            const std::string name = cat(part, ".blocks.", i);
            Block block;
            block.attention_norm = norm(name + ".attn_ln");
            block.qkv = stack(name + ".attn", {"query", "key", "value"});
            block.out = linear(name + ".attn.out");
            if (cross) {
                block.cross_norm = norm(name + ".cross_attn_ln");
                block.cross_query = linear(name + ".cross_attn.query");
                block.cross_keyvalue = stack(name + ".cross_attn", {"key", "value"});
                block.cross_out = linear(name + ".cross_attn.out");
            }
            block.mlp_norm = norm(name + ".mlp_ln");
            block.mlp_in = linear(name + ".mlp.0");
            block.mlp_out = linear(name + ".mlp.2");
            result.push_back(std::move(block));
        }
        return result;
    };
    conv1_ = convolution("encoder.conv1");
    conv2_ = convolution("encoder.conv2");
    audio_positions_ = take("encoder.positional_embedding");
    encoder_ = blocks("encoder", config.audio_layers, false);
    encoder_norm_ = norm("encoder.ln_post");
    embedding_ = take("decoder.token_embedding.weight");
    if (packed()) {
        output_ = pack(embedding_, {}, element);
        // Looked up row by row only, so halves may stay halves.
        embedding_ =
            find("decoder.token_embedding.weight")->to(device_, /*non_blocking=*/false, /*copy=*/true);
    }
    text_positions_ = take("decoder.positional_embedding");
    decoder_ = blocks("decoder", config.text_layers, true);
    decoder_norm_ = norm("decoder.ln");
}

at::Tensor Whisper::encode(const at::Tensor& mel) const {
    c10::InferenceMode inference;
    const std::int64_t batch = mel.size(0), context = config_.audio_context, dim = config_.audio_dim;
    if (mel.dim() != 3 || mel.size(1) != config_.mels || mel.size(2) != 2 * context)
        throw Error(ErrorKind::internal,
                    cat("Whisper's encoder takes [batch, ", config_.mels, ", ", 2 * context, "], not ",
                        shape_text(mel.sizes())),
                    "Report this as a defect.");
    if (packed()) return encode_packed(mel);
    at::Tensor x = mel.to(device_, at::kFloat);
    x = at::conv1d(x, conv1_.weight, conv1_.bias, 1, 1);
    at::gelu_(x);
    x = at::conv1d(x, conv2_.weight, conv2_.bias, 2, 1);
    at::gelu_(x);
    x = (x.transpose(1, 2) + audio_positions_).reshape({batch * context, dim});
    const std::int64_t heads = config_.audio_heads, head_dim = dim / heads;
    for (const Block& block : encoder_) {
        at::Tensor h = at::layer_norm(x, {dim}, block.attention_norm.weight, block.attention_norm.bias);
        const at::Tensor qkv =
            apply(h, block.qkv.weight, block.qkv.bias).view({batch, context, 3, heads, head_dim});
        h = at::scaled_dot_product_attention(qkv.select(2, 0).transpose(1, 2),
                                             qkv.select(2, 1).transpose(1, 2),
                                             qkv.select(2, 2).transpose(1, 2));
        h = h.transpose(1, 2).reshape({batch * context, dim});
        x.add_(apply(h, block.out.weight, block.out.bias));
        h = at::layer_norm(x, {dim}, block.mlp_norm.weight, block.mlp_norm.bias);
        h = apply(h, block.mlp_in.weight, block.mlp_in.bias);
        at::gelu_(h);
        x.add_(apply(h, block.mlp_out.weight, block.mlp_out.bias));
    }
    return at::layer_norm(x, {dim}, encoder_norm_.weight, encoder_norm_.bias).view({batch, context, dim});
}

Whisper::Audio Whisper::attend_to(const at::Tensor& features) const {
    c10::InferenceMode inference;
    if (packed()) return attend_to_packed(features);
    const std::int64_t windows = features.size(0), context = features.size(1);
    const std::int64_t heads = config_.text_heads, head_dim = config_.text_dim / heads;
    const at::Tensor flat = features.reshape({windows * context, features.size(2)});
    Audio audio;
    for (const Block& block : decoder_) {
        const at::Tensor both = apply(flat, block.cross_keyvalue.weight, block.cross_keyvalue.bias)
                                    .view({windows, context, 2, heads, head_dim});
        // Laid out head by head: every step of the decoder streams through them.
        audio.keys.push_back(both.select(2, 0).transpose(1, 2).contiguous());
        audio.values.push_back(both.select(2, 1).transpose(1, 2).contiguous());
    }
    return audio;
}

Whisper::Audio Whisper::Audio::select(const at::Tensor& windows) const {
    c10::InferenceMode inference;
    Audio result;
    for (const at::Tensor& key : keys) result.keys.push_back(key.index_select(0, windows));
    for (const at::Tensor& value : values) result.values.push_back(value.index_select(0, windows));
    return result;
}

Whisper::Cache Whisper::new_cache(std::int64_t rows, std::int64_t capacity, std::vector<std::int64_t> padding,
                                  std::int64_t times) const {
    c10::InferenceMode inference;
    Cache cache;
    cache.capacity = capacity;
    cache.padding = std::move(padding);
    cache.padding.resize(rows, 0);
    const std::int64_t heads = config_.text_heads, head_dim = config_.text_dim / heads;
    const std::int64_t places = packed() ? rows * times : rows;
    for (int i = 0; i < config_.text_layers; ++i) {
        cache.keys.push_back(at::empty({places, heads, cache.capacity, head_dim},
                                       at::TensorOptions(at::kFloat).device(device_)));
        cache.values.push_back(at::empty_like(cache.keys.back()));
    }
    if (packed()) cache.place.resize(rows, std::vector<std::int32_t>(capacity));
    return cache;
}

void Whisper::Cache::reorder(const std::vector<std::int64_t>& rows) {
    bool same = rows.size() == padding.size();
    for (std::size_t i = 0; i < rows.size() && same; ++i) same = rows[i] == static_cast<std::int64_t>(i);
    if (same) return;
    const auto chosen = [&](const auto& all) {
        auto result = std::decay_t<decltype(all)>();
        for (const std::int64_t row : rows) result.push_back(all[static_cast<std::size_t>(row)]);
        return result;
    };
    padding = chosen(padding);
    if (!place.empty()) {
        place = chosen(place);
        return;
    }
    c10::InferenceMode inference;
    const auto count = static_cast<std::int64_t>(rows.size());
    const at::Tensor index = at::tensor(rows, at::kLong).to(keys[0].device());
    for (auto* tensors : {&keys, &values})
        for (at::Tensor& tensor : *tensors) {
            const at::Tensor used = tensor.narrow(2, 0, length).index_select(0, index);
            if (count > tensor.size(0))
                tensor = at::empty({count, tensor.size(1), capacity, tensor.size(3)}, tensor.options());
            tensor = tensor.narrow(0, 0, count);
            tensor.narrow(2, 0, length).copy_(used);
        }
}

void Whisper::Cache::repeat(std::int64_t times) {
    std::vector<std::int64_t> rows;
    for (std::size_t row = 0; row < padding.size(); ++row)
        rows.insert(rows.end(), static_cast<std::size_t>(times), static_cast<std::int64_t>(row));
    reorder(rows);
}

at::Tensor Whisper::decode(const at::Tensor& tokens, const Audio& audio, Cache& cache,
                           std::vector<at::Tensor>* scores) const {
    c10::InferenceMode inference;
    const std::int64_t rows = tokens.size(0), n = tokens.size(1), dim = config_.text_dim;
    const std::int64_t heads = config_.text_heads, head_dim = dim / heads, windows = audio.windows();
    const std::int64_t before = cache.length, total = before + n;
    if (total > cache.capacity || windows < 1 || rows % windows != 0 || rows > cache.keys[0].size(0))
        throw Error(ErrorKind::internal,
                    cat("Whisper's decoder: ", total, " positions of ", cache.capacity, ", ", rows,
                        " rows for ", windows, " windows"),
                    "Report this as a defect.");
    if (packed()) return decode_packed(tokens, audio, cache, scores);
    const bool padded = std::any_of(cache.padding.begin(), cache.padding.end(), [](auto p) { return p > 0; });

    at::Tensor x = embedding_.index_select(0, tokens.to(device_).reshape(-1));
    at::Tensor mask;  // [rows or 1, 1, n, total], added to the scores
    bool causal = false;
    if (!padded) {
        x.view({rows, n, dim}).add_(text_positions_.narrow(0, before, n));
        if (n > 1 && before == 0)
            causal = true;
        else if (n > 1)
            mask = at::full({n, total}, hidden, x.options()).triu_(before + 1).view({1, 1, n, total});
    } else {
        const at::Tensor padding =
            at::tensor(cache.padding, at::TensorOptions(at::kLong)).to(device_).view({rows, 1});
        const at::Tensor query = at::arange(before, total, padding.options());  // [n]
        const at::Tensor position = (query.view({1, n}) - padding).clamp_min(0);
        x.add_(text_positions_.index_select(0, position.reshape(-1)));
        const at::Tensor key = at::arange(total, padding.options()).view({1, 1, total});
        const at::Tensor hide = (key < padding.view({rows, 1, 1})).logical_or(key > query.view({1, n, 1}));
        mask = at::zeros({rows, n, total}, x.options()).masked_fill_(hide, hidden).view({rows, 1, n, total});
    }
    std::optional<at::Tensor> given_mask;
    if (mask.defined()) given_mask = mask.expand({rows, 1, n, total});

    for (int i = 0; i < config_.text_layers; ++i) {
        const Block& block = decoder_[static_cast<std::size_t>(i)];
        const auto layer = static_cast<std::size_t>(i);
        at::Tensor h = at::layer_norm(x, {dim}, block.attention_norm.weight, block.attention_norm.bias);
        const at::Tensor qkv = apply(h, block.qkv.weight, block.qkv.bias).view({rows, n, 3, heads, head_dim});
        cache.keys[layer].narrow(2, before, n).copy_(qkv.select(2, 1).transpose(1, 2));
        cache.values[layer].narrow(2, before, n).copy_(qkv.select(2, 2).transpose(1, 2));
        h = at::scaled_dot_product_attention(
            qkv.select(2, 0).transpose(1, 2), cache.keys[layer].narrow(2, 0, total),
            cache.values[layer].narrow(2, 0, total), given_mask, 0.0, causal);
        x.add_(apply(h.transpose(1, 2).reshape({rows * n, dim}), block.out.weight, block.out.bias));

        h = at::layer_norm(x, {dim}, block.cross_norm.weight, block.cross_norm.bias);
        // Rows that share a window become more queries of that window.
        at::Tensor q = apply(h, block.cross_query.weight, block.cross_query.bias)
                           .view({windows, rows / windows * n, heads, head_dim})
                           .transpose(1, 2);
        if (scores) {
            at::Tensor score = at::matmul(q * (1 / std::sqrt(static_cast<double>(head_dim))),
                                          audio.keys[layer].transpose(2, 3));
            h = at::matmul(at::softmax(score, -1), audio.values[layer]);
            scores->push_back(score.view({windows, heads, rows / windows, n, score.size(-1)})
                                  .transpose(1, 2)
                                  .reshape({rows, heads, n, score.size(-1)}));
        } else {
            h = at::scaled_dot_product_attention(q, audio.keys[layer], audio.values[layer]);
        }
        x.add_(
            apply(h.transpose(1, 2).reshape({rows * n, dim}), block.cross_out.weight, block.cross_out.bias));

        h = at::layer_norm(x, {dim}, block.mlp_norm.weight, block.mlp_norm.bias);
        h = apply(h, block.mlp_in.weight, block.mlp_in.bias);
        at::gelu_(h);
        x.add_(apply(h, block.mlp_out.weight, block.mlp_out.bias));
    }
    cache.length = total;
    return at::layer_norm(x, {dim}, decoder_norm_.weight, decoder_norm_.bias).view({rows, n, dim});
}

at::Tensor Whisper::logits(const at::Tensor& states) const {
    c10::InferenceMode inference;
    const at::Tensor flat = states.reshape({-1, config_.text_dim});
    std::vector<std::int64_t> shape(states.sizes().begin(), states.sizes().end());
    shape.back() = config_.vocabulary;
    if (packed()) {
        const at::Tensor rows = flat.contiguous(), out = at::empty(shape, flat.options());
        linear(output_, rows.const_data_ptr<float>(), rows.size(0), out.mutable_data_ptr<float>());
        return out;
    }
    // With few rows this is one pass through the table, which is fastest with the table on the left.
    if (flat.size(0) == 1) return at::mv(embedding_, flat[0]).view(shape);
    if (flat.size(0) <= 16) return at::mm(embedding_, flat.t()).t().contiguous().view(shape);
    return at::mm(flat, embedding_.t()).view(shape);
}

}  // namespace testudo::nets
