#include "nets/gpt_stack.h"

#include "nets/dropout.h"
#include "nets/lora_pass.h"

namespace testudo::nets {

namespace {

constexpr std::size_t entries_in_block = 12;

// Places of a block's weights in parameters(); each bias follows its weight.
struct BlockIndex {
    std::size_t ln1, qkv, out, ln2, up, down;
};
BlockIndex index_of(std::size_t first) {
    return {first, first + 2, first + 4, first + 6, first + 8, first + 10};
}

struct Block {
    const UnifiedVoice& model;
    const GptOptions& options;
    BlockIndex index;
    std::uint64_t seed;

    const at::Tensor& weight(std::size_t at) const { return model.parameters()[at].second; }
    const at::Tensor& bias(std::size_t at) const { return model.parameters()[at + 1].second; }
    std::int64_t dim() const { return model.config().model_dim; }
    std::int64_t heads() const { return model.config().heads; }
    AttentionOptions attention_options() const {
        return {.causal = true, .dropout = options.attention_dropout, .seed = mix_seed(seed, 0)};
    }
    std::uint64_t attention_seed() const { return mix_seed(seed, 1); }
    std::uint64_t mlp_seed() const { return mix_seed(seed, 2); }

    Normed norm(const at::Tensor& x, std::size_t at) const { return layer_norm(x, weight(at), bias(at)); }
    at::Tensor linear(const at::Tensor& x, std::size_t at) const {
        at::Tensor out = product(x, weight(at), {.bias = bias(at), .precision = options.precision});
        add_adapter(model, at, x, out);
        return out;
    }
    at::Tensor head_view(const at::Tensor& qkv, std::int64_t part) const {
        return qkv.view({qkv.size(0), 3, heads(), dim() / heads()}).select(1, part);
    }

    at::Tensor attend(const at::Tensor& qkv, AttentionSaved* saved) const {
        at::Tensor out = at::empty({qkv.size(0), heads(), dim() / heads()}, qkv.options());
        attention(head_view(qkv, 0), head_view(qkv, 1), head_view(qkv, 2), options.sequences,
                  options.sequences, attention_options(), out, saved);
        return out.view({-1, dim()});
    }

    at::Tensor forward(const at::Tensor& x, GptBlockSaved* saved) const {
        auto [normed1, mean1, rstd1] = norm(x, index.ln1);
        const at::Tensor qkv = linear(normed1, index.qkv);
        normed1.reset();
        const at::Tensor attended = attend(qkv, saved ? &saved->attention : nullptr);
        at::Tensor middle = linear(attended, index.out);
        dropout_and_add(middle, attention_seed(), options.dropout, x);
        auto [normed2, mean2, rstd2] = norm(middle, index.ln2);
        at::Tensor hidden = linear(normed2, index.up);
        normed2.reset();
        at::Tensor out = linear(gelu_tanh(hidden), index.down);
        dropout_and_add(out, mlp_seed(), options.dropout, middle);
        if (saved) {
            saved->x = x, saved->mean1 = mean1, saved->rstd1 = rstd1, saved->qkv = qkv,
            saved->attended = attended;
            saved->middle = middle, saved->mean2 = mean2, saved->rstd2 = rstd2, saved->hidden = hidden;
        }
        return out;
    }

    // The gradient of x plus `rest`.
    at::Tensor norm_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& mean,
                             const at::Tensor& rstd, std::size_t at, const at::Tensor& rest,
                             Gradients& gradients) const {
        const NormGradients all = layer_norm_backward(grad, x, mean, rstd, weight(at), bias(at), rest);
        gradients.add(at, all.weight);
        gradients.add(at + 1, all.bias);
        return all.x;
    }

    at::Tensor linear_backward(const at::Tensor& grad, const at::Tensor& input, std::size_t at,
                               Gradients& gradients) const {
        weight_backward(grad, input, at, gradients);
        at::Tensor grad_x = input_backward(grad, at);
        adapter_backward(model, at, grad, input, grad_x, gradients);
        return grad_x;
    }
    void weight_backward(const at::Tensor& grad, const at::Tensor& input, std::size_t at,
                         Gradients& gradients) const {
        gradients.row_sum(at + 1, grad);
        gradients.product(at, input, grad);
    }
    at::Tensor input_backward(const at::Tensor& grad, std::size_t at) const {
        return product(grad, weight(at).t(), {.precision = options.precision});
    }

    at::Tensor backward(const at::Tensor& grad, GptBlockSaved& saved, Gradients& gradients) const {
        at::Tensor grad_middle;
        {
            const at::Tensor grad_out = dropout(grad, mlp_seed(), options.dropout);
            at::Tensor grad_hidden = input_backward(grad_out, index.down);
            if (has_adapter(model, index.down))
                adapter_backward(model, index.down, grad_out, gelu_tanh(saved.hidden), grad_hidden,
                                 gradients);
            gelu_tanh_backward(saved.hidden, grad_hidden);
            weight_backward(grad_out, saved.hidden, index.down, gradients);
            saved.hidden.reset();
            const at::Tensor grad_normed =
                linear_backward(grad_hidden, norm(saved.middle, index.ln2).out, index.up, gradients);
            grad_middle = norm_backward(grad_normed, saved.middle, saved.mean2, saved.rstd2, index.ln2, grad,
                                        gradients);
            saved.middle.reset();
        }
        const at::Tensor grad_out = dropout(grad_middle, attention_seed(), options.dropout);
        const at::Tensor grad_attended = linear_backward(grad_out, saved.attended, index.out, gradients);
        const auto split = [&](const at::Tensor& rows) { return rows.view({-1, heads(), dim() / heads()}); };
        const at::Tensor grad_qkv = at::empty_like(saved.qkv);
        attention_backward(split(grad_attended), head_view(saved.qkv, 0), head_view(saved.qkv, 1),
                           head_view(saved.qkv, 2), split(saved.attended), options.sequences,
                           options.sequences, attention_options(), saved.attention, head_view(grad_qkv, 0),
                           head_view(grad_qkv, 1), head_view(grad_qkv, 2));
        saved.qkv.reset(), saved.attended.reset();
        const at::Tensor grad_normed =
            linear_backward(grad_qkv, norm(saved.x, index.ln1).out, index.qkv, gradients);
        return norm_backward(grad_normed, saved.x, saved.mean1, saved.rstd1, index.ln1, grad_middle,
                             gradients);
    }
};

Block block_of(const UnifiedVoice& model, const GptOptions& options, std::size_t first, std::size_t number) {
    return {model, options, index_of(first + number * entries_in_block), mix_seed(options.seed, number)};
}

}  // namespace

at::Tensor gpt_forward(const UnifiedVoice& model, at::Tensor x, const GptOptions& options,
                       std::vector<GptBlockSaved>* saved) {
    const std::size_t first = model.index_of("gpt.h.0.ln_1.weight");
    if (saved) saved->resize(static_cast<std::size_t>(model.config().layers));
    for (int i = 0; i < model.config().layers; ++i) {
        const auto number = static_cast<std::size_t>(i);
        GptBlockSaved* kept = saved && number >= options.first_layer ? &(*saved)[number] : nullptr;
        const at::Tensor out =
            block_of(model, options, first, number).forward(x, kept && !options.recompute ? kept : nullptr);
        if (kept) kept->x = x;
        x = out;
    }
    return x;
}

at::Tensor gpt_backward(const UnifiedVoice& model, at::Tensor grad, const GptOptions& options,
                        std::vector<GptBlockSaved>& saved, Gradients& gradients) {
    const std::size_t first = model.index_of("gpt.h.0.ln_1.weight");
    for (std::size_t number = saved.size(); number-- > options.first_layer;) {
        const Block block = block_of(model, options, first, number);
        if (options.recompute) block.forward(at::Tensor(saved[number].x), &saved[number]);
        grad = block.backward(grad, saved[number], gradients);
        saved[number] = {};
    }
    return grad;
}

}  // namespace testudo::nets
