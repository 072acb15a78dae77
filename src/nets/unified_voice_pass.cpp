#include "nets/unified_voice_pass.h"

#include <chrono>

#include "nets/conditioning_encoder.h"
#include "nets/dropout.h"
#include "nets/gpt_stack.h"
#include "nets/lora_pass.h"
#include "nets/loss_head.h"
#include "nets/packing.h"
#include "nets/reach.h"

namespace testudo::nets {

namespace {

enum Site : std::uint64_t { embedding_site = 1, blocks_site = 2 };

bool raw_residual(const Form& form) { return form.objective == Objective::consistent || form.raw_residual; }

class Stopwatch {
  public:
    double lap() {
        const auto now = std::chrono::steady_clock::now();
        return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
    }

  private:
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

struct NormSaved {
    at::Tensor x, mean, rstd;
};

at::Tensor norm(const UnifiedVoice& model, const at::Tensor& x, std::size_t weight, NormSaved& saved) {
    Normed normed = layer_norm(x, model.parameters()[weight].second, model.parameters()[weight + 1].second);
    saved = {x, normed.mean, normed.rstd};
    return normed.out;
}

at::Tensor norm_backward(const UnifiedVoice& model, const at::Tensor& grad, std::size_t weight,
                         const NormSaved& saved, Gradients& gradients) {
    const NormGradients all =
        layer_norm_backward(grad, saved.x, saved.mean, saved.rstd, model.parameters()[weight].second,
                            model.parameters()[weight + 1].second);
    gradients.add(weight, all.weight);
    gradients.add(weight + 1, all.bias);
    return all.x;
}

// Places in parameters() of what stands outside the blocks.
struct Places {
    std::size_t text_table, mel_table, mel_positions, text_positions, ln_f, final_norm;
    Head text_head, mel_head;

    explicit Places(const UnifiedVoice& model)
        : text_table(model.index_of("text_embedding.weight")),
          mel_table(text_table + 1),
          mel_positions(model.index_of("mel_pos_embedding.emb.weight")),
          text_positions(mel_positions + 1),
          ln_f(mel_positions - 2),
          final_norm(mel_positions + 2),
          text_head{mel_positions + 4},
          mel_head{mel_positions + 6} {}
};

at::Tensor average(const at::Tensor& latents, const PackedBatch& packed) {
    if (packed.clips.size() == packed.mels.size()) return latents;
    std::vector<at::Tensor> tokens;
    for (const Span& clips : packed.clips)
        tokens.push_back(latents.narrow(0, clips.start, clips.length).mean(0));
    return at::stack(tokens);
}

at::Tensor average_backward(const at::Tensor& grad, const PackedBatch& packed) {
    if (packed.clips.size() == packed.mels.size()) return grad;
    std::vector<at::Tensor> rows;
    for (std::size_t i = 0; i < packed.clips.size(); ++i) {
        const std::int64_t count = packed.clips[i].length;
        rows.push_back(
            (grad[static_cast<std::int64_t>(i)] / static_cast<double>(count)).expand({count, grad.size(1)}));
    }
    return at::cat(rows);
}

at::Tensor embed(const UnifiedVoice& model, const Places& at_, const PackedBatch& packed,
                 const at::Tensor& conditioning) {
    at::Tensor x = at::empty({packed.tokens, model.config().model_dim}, conditioning.options());
    const auto fill = [&](const PackedTokens& tokens, std::size_t table, std::size_t positions) {
        x.index_copy_(0, tokens.rows,
                      model.parameters()[table]
                          .second.index_select(0, tokens.ids)
                          .add_(model.parameters()[positions].second.index_select(0, tokens.positions)));
    };
    x.index_copy_(0, packed.conditioning_rows, conditioning);
    fill(packed.text, at_.text_table, at_.text_positions);
    fill(packed.mel, at_.mel_table, at_.mel_positions);
    return x;
}

void embed_backward(const Places& at_, const PackedBatch& packed, const at::Tensor& grad,
                    Gradients& gradients) {
    const auto drain = [&](const PackedTokens& tokens, std::size_t table, std::size_t positions) {
        const at::Tensor rows = grad.index_select(0, tokens.rows);
        gradients.table(table, tokens.ids, rows);
        gradients.table(positions, tokens.positions, rows);
    };
    drain(packed.text, at_.text_table, at_.text_positions);
    drain(packed.mel, at_.mel_table, at_.mel_positions);
}

GptOptions gpt_options(const PassOptions& options, const PackedBatch& packed) {
    return {.sequences = packed.sequences,
            .dropout = options.dropout,
            .attention_dropout = options.form.objective == Objective::dlas ? options.dropout : 0.0,
            .seed = mix_seed(options.seed, blocks_site),
            .recompute = options.recompute,
            .precision = options.precision};
}

}  // namespace

Losses run_pass(const UnifiedVoice& model, const Batch& batch, const PassOptions& options,
                const TokenWeights& weights, GradientSink* sink, PassTimes* times) {
    at::NoGradGuard no_grad;
    Stopwatch watch;
    PassTimes spent;
    Gradients gradients(sink, options.precision), conditioning_gradients(sink);
    const Places at_(model);
    const PackedBatch packed = pack(model.config(), batch, options.form, model.device());
    const Reach reach = sink ? reach_of(model, *sink) : Reach{};
    GptOptions gpt = gpt_options(options, packed);
    gpt.first_layer = reach.first_layer;
    const bool raw = raw_residual(options.form);

    ConditioningSaved conditioning_saved;
    at::Tensor x = embed(model, at_, packed,
                         average(conditioning_forward(model, packed.mels, raw,
                                                      reach.conditioning ? &conditioning_saved : nullptr),
                                 packed));
    spent.conditioning += watch.lap();
    x = dropout(x, mix_seed(options.seed, embedding_site), options.dropout);
    std::vector<GptBlockSaved> blocks;
    x = gpt_forward(model, x, gpt, sink ? &blocks : nullptr);
    spent.forward += watch.lap();

    // Only rows that predict something go through the last norms and the heads: text targets first, then mel.
    const std::int64_t text_count = packed.text.targets.size(0), mel_count = packed.mel.targets.size(0);
    const at::Tensor rows = at::cat({packed.text.target_rows, packed.mel.target_rows});
    NormSaved ln_f, final_norm;
    const at::Tensor states =
        norm(model, norm(model, x.index_select(0, rows), at_.ln_f, ln_f), at_.final_norm, final_norm);
    at::Tensor grad_text, grad_mel;
    Losses losses{.text_tokens = text_count, .mel_tokens = mel_count};
    losses.text = head_loss(model, at_.text_head, states.narrow(0, 0, text_count), packed.text.targets,
                            weights.text, options.precision, gradients, &grad_text) /
                  static_cast<double>(text_count);
    losses.mel = head_loss(model, at_.mel_head, states.narrow(0, text_count, mel_count), packed.mel.targets,
                           weights.mel, options.precision, gradients, &grad_mel) /
                 static_cast<double>(mel_count);
    if (sink && sink->accept(losses.text, losses.mel)) {
        for (const std::size_t head : {at_.text_head.weight, at_.mel_head.weight}) {
            gradients.ready(head);
            gradients.ready(head + 1);
            finish_adapter(model, head, gradients);
        }
        at::Tensor grad =
            norm_backward(model, at::cat({grad_text, grad_mel}), at_.final_norm, final_norm, gradients);
        grad = norm_backward(model, grad, at_.ln_f, ln_f, gradients);
        grad_text.reset(), grad_mel.reset(), ln_f = {}, final_norm = {};
        // A row may predict both a text token and a mel code (DLAS with text after voice): add, don't copy.
        grad = at::zeros_like(x).index_add_(0, rows, grad);
        x.reset();
        grad = gpt_backward(model, grad, gpt, blocks, gradients);
        grad = dropout(grad, mix_seed(options.seed, embedding_site), options.dropout);
        if (reach.embeddings) embed_backward(at_, packed, grad, gradients);
        spent.backward += watch.lap();
        if (reach.conditioning)
            conditioning_backward(model,
                                  average_backward(grad.index_select(0, packed.conditioning_rows), packed),
                                  raw, conditioning_saved, conditioning_gradients);
        spent.conditioning += watch.lap();
    }
    if (times) {
        times->conditioning += spent.conditioning;
        times->forward += spent.forward;
        times->backward += spent.backward + watch.lap();
    }
    return losses;
}

at::Tensor conditioning_latents(const UnifiedVoice& model, std::span<const at::Tensor> mels, bool raw) {
    at::NoGradGuard no_grad;
    return conditioning_forward(model, mels, raw, nullptr);
}

Outputs compute_outputs(const UnifiedVoice& model, const Batch& batch, const Form& form) {
    at::NoGradGuard no_grad;
    const Places at_(model);
    const PackedBatch packed = pack(model.config(), batch, form, model.device());
    at::Tensor x =
        embed(model, at_, packed,
              average(conditioning_forward(model, packed.mels, raw_residual(form), nullptr), packed));
    x = gpt_forward(model, x, gpt_options({.form = form}, packed), nullptr);
    NormSaved ignored;
    x = norm(model, norm(model, x, at_.ln_f, ignored), at_.final_norm, ignored);
    const at::Tensor text = x.index_select(0, packed.text.target_rows);
    const at::Tensor mel = x.index_select(0, packed.mel.target_rows);
    return {text, mel, head_logits(model, at_.text_head, text), head_logits(model, at_.mel_head, mel)};
}

}  // namespace testudo::nets
