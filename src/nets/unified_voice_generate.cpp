#include "nets/unified_voice_generate.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::nets {
namespace {

// Takes tensors by name and checks their shapes; -1 accepts any size.
struct Taker {
    const Find& find;

    at::Tensor operator()(const std::string& name, std::vector<std::int64_t> shape) const {
        const at::Tensor* found = find(name);
        if (!found)
            throw input_error(cat("the autoregressive model lacks the tensor ", name),
                              "Choose an autoregressive model of TorToiSe.");
        bool fits = found->dim() == static_cast<std::int64_t>(shape.size());
        for (std::size_t i = 0; fits && i < shape.size(); ++i)
            fits = shape[i] < 0 || found->size(static_cast<std::int64_t>(i)) == shape[i];
        if (!fits)
            throw input_error(cat("the tensor ", name, " is ", shape_text(found->sizes()), " where ",
                                  shape_text(shape), " is needed"),
                              "Choose a model whose parts belong together.");
        const at::Tensor plain = found->detach();
        return plain.scalar_type() == at::kFloat ? plain : plain.to(at::kFloat);
    }
};

// As tortoise-tts' normalization(): fewer groups for narrow layers.
std::int64_t norm_groups(std::int64_t channels) {
    std::int64_t groups = channels <= 16 ? 8 : channels <= 64 ? 16 : 32;
    while (channels % groups != 0) groups /= 2;
    return groups;
}

}  // namespace

VoiceGenerator::VoiceGenerator(const Find& find, GenerateConfig config) : config_(config) {
    const Taker take{find};
    mel_head_weight_ = take("mel_head.weight", {-1, -1});
    dim_ = mel_head_weight_.size(1);
    const std::int64_t d = dim_;
    if (config_.heads < 1 || d % config_.heads != 0)
        throw input_error(cat("a model of width ", d, " cannot have ", config_.heads, " attention heads"),
                          "Set the number of heads that the model was trained with.");
    mel_head_bias_ = take("mel_head.bias", {code_count()});
    text_embedding_ = take("text_embedding.weight", {-1, d});
    text_positions_ = take("text_pos_embedding.emb.weight", {-1, d});
    mel_embedding_ = take("mel_embedding.weight", {code_count(), d});
    mel_positions_ = take("mel_pos_embedding.emb.weight", {-1, d});
    ln_f_ = {take("gpt.ln_f.weight", {d}), take("gpt.ln_f.bias", {d})};
    final_norm_ = {take("final_norm.weight", {d}), take("final_norm.bias", {d})};
    for (int i = 0; find(cat("gpt.h.", i, ".ln_1.weight")); ++i) {
        const std::string h = cat("gpt.h.", i, ".");
        Block block;
        block.ln_1 = {take(h + "ln_1.weight", {d}), take(h + "ln_1.bias", {d})};
        block.ln_2 = {take(h + "ln_2.weight", {d}), take(h + "ln_2.bias", {d})};
        block.qkv_weight = take(h + "attn.c_attn.weight", {d, 3 * d});
        block.qkv_bias = take(h + "attn.c_attn.bias", {3 * d});
        block.out_weight = take(h + "attn.c_proj.weight", {d, d});
        block.out_bias = take(h + "attn.c_proj.bias", {d});
        block.up_weight = take(h + "mlp.c_fc.weight", {d, -1});
        block.up_bias = take(h + "mlp.c_fc.bias", {block.up_weight.size(1)});
        block.down_weight = take(h + "mlp.c_proj.weight", {block.up_weight.size(1), d});
        block.down_bias = take(h + "mlp.c_proj.bias", {d});
        blocks_.push_back(std::move(block));
    }
    if (blocks_.empty())
        throw input_error("the autoregressive model lacks the tensor gpt.h.0.ln_1.weight",
                          "Choose an autoregressive model of TorToiSe.");
    encoder_in_weight_ = take("conditioning_encoder.init.weight", {d, -1, 1});
    encoder_in_bias_ = take("conditioning_encoder.init.bias", {d});
    for (int i = 0; find(cat("conditioning_encoder.attn.", i, ".norm.weight")); ++i) {
        const std::string a = cat("conditioning_encoder.attn.", i, ".");
        encoder_.push_back({{take(a + "norm.weight", {d}), take(a + "norm.bias", {d})},
                            take(a + "qkv.weight", {3 * d, d, 1}),
                            take(a + "qkv.bias", {3 * d}),
                            take(a + "proj_out.weight", {d, d, 1}),
                            take(a + "proj_out.bias", {d})});
    }
    const auto inside = [](int id, std::int64_t count) { return id >= 0 && id < count; };
    if (!inside(config_.start_mel_token, code_count()) || !inside(config_.stop_mel_token, code_count()) ||
        !inside(config_.start_text_token, text_embedding_.size(0)) ||
        !inside(config_.stop_text_token, text_embedding_.size(0)))
        throw input_error(
            cat("the model's vocabularies (", text_embedding_.size(0), " text tokens, ", code_count(),
                " codes) do not hold the start and stop tokens that it is used with"),
            "Use the model with the tokenizer and the DVAE that it was made for.");
}

// The two rows less are start and stop, which the latent pass of the reference adds to the codes.
std::int64_t VoiceGenerator::max_codes() const { return mel_positions_.size(0) - 2; }
std::int64_t VoiceGenerator::max_text() const { return text_positions_.size(0) - 2; }

at::Tensor VoiceGenerator::norm(const at::Tensor& x, const Norm& weights) const {
    return at::layer_norm(x, {dim_}, weights.weight, weights.bias, 1e-5);
}

at::Tensor VoiceGenerator::head(const at::Tensor& x) const { return norm(norm(x, ln_f_), final_norm_); }

at::Tensor VoiceGenerator::encode_clip(const at::Tensor& mel) const {
    if (mel.dim() != 2 || mel.size(0) != encoder_in_weight_.size(1) || mel.size(1) < 1)
        throw input_error(cat("a conditioning mel is ", shape_text(mel.sizes()), " where [",
                              encoder_in_weight_.size(1), ", frames] is needed"),
                          "Compute it by audio::tortoise_mel.");
    const std::int64_t heads = config_.heads, width = dim_ / heads;
    const at::Tensor input = mel.to(device(), at::kFloat).unsqueeze(0);
    at::Tensor x = at::conv1d(input, encoder_in_weight_, encoder_in_bias_);  // [1, dim, frames]
    const double scale = 1.0 / std::sqrt(std::sqrt(static_cast<double>(width)));
    for (std::size_t i = 0; i < encoder_.size(); ++i) {
        const EncoderBlock& block = encoder_[i];
        const at::Tensor normed =
            at::group_norm(x, norm_groups(dim_), block.norm.weight, block.norm.bias, 1e-5);
        const at::Tensor qkv = at::conv1d(normed, block.qkv_weight, block.qkv_bias)
                                   .view({heads, 3 * width, -1});  // per head q, k, v
        at::Tensor q = qkv.narrow(1, 0, width);
        // Only the first position of the last block is ever used.
        const bool last = i + 1 == encoder_.size();
        if (last) q = q.narrow(2, 0, 1);
        const at::Tensor scores =
            at::bmm((q * scale).transpose(1, 2), qkv.narrow(1, width, width) * scale).softmax(-1);
        const at::Tensor mixed =
            at::bmm(qkv.narrow(1, 2 * width, width), scores.transpose(1, 2)).reshape({1, dim_, -1});
        x = (last ? x.narrow(2, 0, 1) : x) + at::conv1d(mixed, block.out_weight, block.out_bias);
    }
    return x.select(2, 0).squeeze(0);
}

at::Tensor VoiceGenerator::conditioning_latent(std::span<const at::Tensor> mels) const {
    const at::NoGradGuard no_grad;
    if (mels.empty())
        throw input_error("there is no conditioning clip", "Give at least one recording of the voice.");
    std::vector<at::Tensor> latents;
    for (const auto& mel : mels) latents.push_back(encode_clip(mel));
    return at::stack(latents).mean(0, /*keepdim=*/true);
}

at::Tensor VoiceGenerator::prompt(const at::Tensor& latent, const at::Tensor& text) const {
    const at::NoGradGuard no_grad;
    const std::int64_t rows = latent.size(0), n = text.size(-1);
    if (n > max_text())
        throw usage_error(cat("the text has ", n, " tokens; the model takes at most ", max_text()),
                          "Split the text into shorter sentences.");
    at::Tensor ids = text.to(device(), at::kLong).reshape({-1, n});
    if (ids.numel() > 0 &&
        (ids.min().item<std::int64_t>() < 0 || ids.max().item<std::int64_t>() >= text_embedding_.size(0)))
        throw input_error(cat("the text holds token ", ids.max().item<std::int64_t>(),
                              ", but the model knows only ", text_embedding_.size(0)),
                          "Use the tokenizer that the model was trained with.");
    ids = at::cat({at::full({ids.size(0), 1}, config_.start_text_token, ids.options()), ids,
                   at::full({ids.size(0), 1}, config_.stop_text_token, ids.options())},
                  1)
              .expand({rows, -1});
    const at::Tensor embedded = at::embedding(text_embedding_, ids) + text_positions_.narrow(0, 0, n + 2);
    return at::cat({latent.to(device(), at::kFloat).unsqueeze(1), embedded}, 1);
}

at::Tensor VoiceGenerator::mel_input(const at::Tensor& codes, std::int64_t first_position) const {
    return at::embedding(mel_embedding_, codes) + mel_positions_.narrow(0, first_position, codes.size(1));
}

at::Tensor VoiceGenerator::block(const at::Tensor& x, const Block& weights, DecodingState* state,
                                 std::size_t layer) const {
    const std::int64_t rows = x.size(0), length = x.size(1), heads = config_.heads;
    const auto linear = [&](const at::Tensor& in, const at::Tensor& weight, const at::Tensor& bias) {
        return at::addmm(bias, in.reshape({rows * length, -1}), weight).view({rows, length, -1});
    };
    const at::Tensor qkv = linear(norm(x, weights.ln_1), weights.qkv_weight, weights.qkv_bias)
                               .view({rows, length, 3, heads, dim_ / heads})
                               .permute({2, 0, 3, 1, 4});  // [3, rows, heads, length, head dim]
    at::Tensor keys = qkv[1], values = qkv[2];
    bool causal = true;
    if (state) {
        const std::int64_t before = state->length;
        state->keys[layer].narrow(2, before, length).copy_(keys);
        state->values[layer].narrow(2, before, length).copy_(values);
        keys = state->keys[layer].narrow(2, 0, before + length);
        values = state->values[layer].narrow(2, 0, before + length);
        causal = before == 0;  // later on there is one position at a time, which sees everything
    }
    const at::Tensor mixed = at::scaled_dot_product_attention(qkv[0], keys, values, {}, 0.0, causal)
                                 .transpose(1, 2)
                                 .reshape({rows, length, dim_});
    const at::Tensor after = x + linear(mixed, weights.out_weight, weights.out_bias);
    const at::Tensor hidden =
        at::gelu(linear(norm(after, weights.ln_2), weights.up_weight, weights.up_bias), "tanh");
    return after + linear(hidden, weights.down_weight, weights.down_bias);
}

at::Tensor VoiceGenerator::run(const at::Tensor& x, DecodingState* state) const {
    at::Tensor out = x;
    for (std::size_t i = 0; i < blocks_.size(); ++i) out = block(out, blocks_[i], state, i);
    if (state) state->length += x.size(1);
    return out;
}

at::Tensor VoiceGenerator::mel_logits(const at::Tensor& hidden) const {
    return at::linear(hidden, mel_head_weight_, mel_head_bias_);
}

DecodingState VoiceGenerator::begin(const at::Tensor& latent, const at::Tensor& text,
                                    std::int64_t max_new) const {
    const at::NoGradGuard no_grad;
    if (max_new < 1 || max_new > max_codes())
        throw usage_error(cat("cannot generate ", max_new, " codes; the model takes from 1 to ", max_codes()),
                          "Set the largest number of codes within that range.");
    const at::Tensor before = prompt(latent, text);
    const std::int64_t rows = before.size(0);
    const at::Tensor start = at::full({rows, 1}, config_.start_mel_token, before.options().dtype(at::kLong));
    const at::Tensor x = at::cat({before, mel_input(start, 0)}, 1);
    DecodingState state;
    for (std::size_t i = 0; i < blocks_.size(); ++i)
        for (auto* cache : {&state.keys, &state.values})
            cache->push_back(
                at::empty({rows, config_.heads, x.size(1) + max_new, dim_ / config_.heads}, x.options()));
    // Only the last position predicts a code.
    state.latent = head(run(x, &state).select(1, x.size(1) - 1));
    state.logits = mel_logits(state.latent);
    return state;
}

void VoiceGenerator::advance(DecodingState& state, const at::Tensor& codes) const {
    const at::NoGradGuard no_grad;
    const std::int64_t slip = config_.positions == MelPositions::slipped ? 1 : 0;
    const at::Tensor x = mel_input(codes.to(device(), at::kLong).unsqueeze(1), state.generated + 1 + slip);
    if (state.length >= state.keys.front().size(2))
        throw usage_error("more codes were fed back than room was reserved for", "Reserve more in begin().");
    state.latent = head(run(x, &state).select(1, 0));
    state.logits = mel_logits(state.latent);
    ++state.generated;
}

at::Tensor VoiceGenerator::latents(const at::Tensor& latent, const at::Tensor& text,
                                   const at::Tensor& codes) const {
    const at::NoGradGuard no_grad;
    const std::int64_t rows = codes.size(0), n = codes.size(1);
    if (n > max_codes())
        throw usage_error(cat(n, " codes are more than the ", max_codes(), " the model takes"),
                          "Cut the codes first.");
    const at::Tensor ids = codes.to(device(), at::kLong);
    // The last code and the stop after it influence only the two outputs that are dropped.
    const at::Tensor input = at::cat({at::full({rows, 1}, config_.start_mel_token, ids.options()),
                                      ids.narrow(1, 0, std::max<std::int64_t>(n - 1, 0))},
                                     1)
                                 .narrow(1, 0, n);
    const at::Tensor before = prompt(latent.expand({rows, -1}), text);
    const at::Tensor out = run(at::cat({before, mel_input(input, 0)}, 1), nullptr);
    return head(out.narrow(1, before.size(1), n));
}

std::vector<at::Tensor> VoiceGenerator::trace(const at::Tensor& embeddings) const {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> states;
    at::Tensor x = embeddings;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        states.push_back(x);
        x = block(x, blocks_[i], nullptr, i);
    }
    states.push_back(norm(x, ln_f_));
    states.push_back(norm(states.back(), final_norm_));
    return states;
}

void select_rows(DecodingState& state, const at::Tensor& rows) {
    const at::NoGradGuard no_grad;
    const at::Tensor index = rows.to(state.logits.device());
    for (auto* cache : {&state.keys, &state.values})
        for (auto& tensor : *cache) tensor = tensor.index_select(0, index);
    state.logits = state.logits.index_select(0, index);
    state.latent = state.latent.index_select(0, index);
}

}  // namespace testudo::nets
