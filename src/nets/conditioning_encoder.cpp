#include "nets/conditioning_encoder.h"

#include "nets/group_norm.h"

namespace testudo::nets {

namespace {

constexpr std::size_t blocks = 6, entries_in_block = 6;

// Places in parameters(): the encoder comes first, its blocks in a fixed layout.
struct BlockIndex {
    std::size_t norm_weight, norm_bias, qkv_weight, qkv_bias, out_weight, out_bias;
};
BlockIndex index_of(std::size_t block) {
    const std::size_t first = 2 + block * entries_in_block;
    return {first, first + 1, first + 2, first + 3, first + 4, first + 5};
}

const at::Tensor& parameter(const UnifiedVoice& model, std::size_t index) {
    return model.parameters()[index].second;
}

at::Tensor matrix(const UnifiedVoice& model, std::size_t index) {  // [out, in] of a 1x1 convolution
    return parameter(model, index).squeeze(2);
}

struct Heads {  // [rows, heads, width] views; the convolution's channels are q, k, v of head 0, then of head
                // 1, …
    at::Tensor q, k, v;
};
Heads split_heads(const at::Tensor& qkv, std::int64_t heads) {
    const at::Tensor view = qkv.view({qkv.size(0), heads, 3, -1});
    return {view.select(2, 0), view.select(2, 1), view.select(2, 2)};
}

std::vector<Span> single_rows(std::size_t count) {
    std::vector<Span> spans;
    for (std::size_t i = 0; i < count; ++i) spans.push_back({static_cast<std::int64_t>(i), 1});
    return spans;
}

at::Tensor first_rows(std::span<const Span> clips, at::Device device) {
    std::vector<std::int64_t> starts;
    for (const Span& clip : clips) starts.push_back(clip.start);
    return at::tensor(starts, at::kLong).to(device);
}

constexpr AttentionOptions no_mask{.causal = false};

}  // namespace

at::Tensor conditioning_forward(const UnifiedVoice& model, std::span<const at::Tensor> mels,
                                bool raw_residual, ConditioningSaved* saved) {
    const std::int64_t dim = model.config().model_dim, heads = model.config().heads;
    std::vector<Span> clips;
    std::vector<at::Tensor> transposed;
    std::int64_t frames = 0;
    for (const at::Tensor& mel : mels) {
        clips.push_back({frames, mel.size(1)});
        frames += mel.size(1);
        transposed.push_back(mel.to(model.device(), at::kFloat).t());
    }
    const at::Tensor input = at::cat(transposed).contiguous(), first = first_rows(clips, model.device());
    const std::vector<Span> single = single_rows(clips.size());
    at::Tensor x = product(input, matrix(model, 0).t(), {.bias = parameter(model, 1)});
    if (saved) saved->input = input, saved->clips = clips;
    for (std::size_t block = 0; block < blocks; ++block) {
        const bool last = block + 1 == blocks;
        const BlockIndex index = index_of(block);
        ConditioningBlockSaved kept;
        GroupNormed norm =
            group_norm(x, clips, parameter(model, index.norm_weight), parameter(model, index.norm_bias));
        const at::Tensor normed = norm.out;
        kept.means = norm.means, kept.rstds = norm.rstds;
        const at::Tensor qkv =
            product(normed, matrix(model, index.qkv_weight).t(), {.bias = parameter(model, index.qkv_bias)});
        const Heads split = split_heads(qkv, heads);
        at::Tensor attended = at::empty({last ? first.size(0) : frames, heads, dim / heads}, x.options());
        attention(last ? split.q.index_select(0, first) : split.q, split.k, split.v, last ? single : clips,
                  clips, no_mask, attended, saved ? &kept.attention : nullptr);
        attended = attended.view({-1, dim});
        const at::Tensor& base = raw_residual ? x : normed;
        at::Tensor out = product(attended, matrix(model, index.out_weight).t(),
                                 {.bias = parameter(model, index.out_bias)});
        out += last ? base.index_select(0, first) : base;
        if (saved) {
            kept.x = x, kept.normed = normed, kept.qkv = qkv, kept.attended = attended;
            saved->blocks.push_back(std::move(kept));
        }
        x = out;
    }
    return x;
}

void conditioning_backward(const UnifiedVoice& model, const at::Tensor& grad_latents, bool raw_residual,
                           ConditioningSaved& saved, Gradients& gradients) {
    const std::int64_t dim = model.config().model_dim, heads = model.config().heads;
    const std::vector<Span>& clips = saved.clips;
    const at::Tensor first = first_rows(clips, model.device());
    const std::vector<Span> single = single_rows(clips.size());
    at::Tensor grad = grad_latents;  // of the block's output
    for (std::size_t block = blocks; block-- > 0;) {
        const bool last = block + 1 == blocks;
        const BlockIndex index = index_of(block);
        ConditioningBlockSaved& kept = saved.blocks[block];
        gradients.row_sum(index.out_bias, grad);
        gradients.product(index.out_weight, grad, kept.attended);
        const at::Tensor grad_attended =
            product(grad, matrix(model, index.out_weight)).view({-1, heads, dim / heads});
        const Heads split = split_heads(kept.qkv, heads);
        at::Tensor grad_qkv = last ? at::zeros_like(kept.qkv) : at::empty_like(kept.qkv);
        const Heads grad_split = split_heads(grad_qkv, heads);
        const at::Tensor out = kept.attended.view({-1, heads, dim / heads});
        if (last) {
            at::Tensor grad_q = at::empty_like(grad_attended);
            attention_backward(grad_attended, split.q.index_select(0, first), split.k, split.v, out, single,
                               clips, no_mask, kept.attention, grad_q, grad_split.k, grad_split.v);
            at::Tensor q = grad_split.q;
            q.index_copy_(0, first, grad_q);
        } else {
            attention_backward(grad_attended, split.q, split.k, split.v, out, clips, clips, no_mask,
                               kept.attention, grad_split.q, grad_split.k, grad_split.v);
        }
        gradients.row_sum(index.qkv_bias, grad_qkv);
        gradients.product(index.qkv_weight, grad_qkv, kept.normed);
        at::Tensor grad_normed = product(grad_qkv, matrix(model, index.qkv_weight));
        at::Tensor residual = grad;
        if (last) residual = at::zeros_like(kept.x).index_copy_(0, first, grad);
        if (!raw_residual) grad_normed += residual;
        const NormGradients all =
            group_norm_backward(grad_normed, kept.x, clips, parameter(model, index.norm_weight), kept.means,
                                kept.rstds, raw_residual ? residual : at::Tensor());
        gradients.add(index.norm_weight, all.weight);
        gradients.add(index.norm_bias, all.bias);
        grad = all.x;
        kept = {};
    }
    gradients.row_sum(1, grad);
    gradients.product(0, grad, saved.input);
    saved = {};
}

}  // namespace testudo::nets
