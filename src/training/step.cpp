#include "training/step.h"

#include <chrono>
#include <cmath>

#include "core/error.h"
#include "nets/dropout.h"
#include "training/gradient_store.h"

namespace testudo::training {

namespace {

double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Per-token weights under which the gradients of all micro-batches add up to that of the step's loss.
std::vector<nets::TokenWeights> token_weights(std::span<const nets::TokenCounts> counts,
                                              const StepOptions& options) {
    std::int64_t text = 0, mel = 0;
    for (const auto& count : counts) text += count.text, mel += count.mel;
    std::vector<nets::TokenWeights> weights;
    for (const auto& count : counts) {
        const auto micro_batches = static_cast<double>(counts.size());
        if (options.form.objective == nets::Objective::dlas)
            weights.push_back({options.text_weight / (micro_batches * static_cast<double>(count.text)),
                               options.mel_weight / (micro_batches * static_cast<double>(count.mel))});
        else
            weights.push_back({options.text_weight / static_cast<double>(text),
                               options.mel_weight / static_cast<double>(mel)});
    }
    return weights;
}

// DLAS logs the mean over micro-batches; we the mean over tokens, which is the same where all are equally
// long.
nets::Losses join(std::span<const nets::Losses> parts, bool equally) {
    nets::Losses all;
    for (const auto& part : parts) {
        all.text += part.text * (equally ? 1.0 : static_cast<double>(part.text_tokens));
        all.mel += part.mel * (equally ? 1.0 : static_cast<double>(part.mel_tokens));
        all.text_tokens += part.text_tokens;
        all.mel_tokens += part.mel_tokens;
    }
    const auto count = static_cast<double>(parts.size());
    all.text /= equally ? count : static_cast<double>(all.text_tokens);
    all.mel /= equally ? count : static_cast<double>(all.mel_tokens);
    return all;
}

}  // namespace

Step::Step(nets::UnifiedVoice& model, AdamW& optimizer, StepOptions options)
    : model_(model), optimizer_(optimizer), options_(options) {
    if (options_.dropout < 0 || options_.dropout >= 1)
        throw usage_error("Dropout must be at least 0 and below 1.", "Correct the setting dropout.");
}

Step::~Step() = default;

bool Step::lean() const {
    if (options_.memory != GradientMemory::automatic) return options_.memory == GradientMemory::lean;
    constexpr std::int64_t much = std::int64_t{1} << 28;  // elements: 1 GiB
    return nets::count_elements(model_.parameters()) > much;
}

bool Step::collect(std::span<const nets::Batch> micro_batches, std::uint64_t seed, GradientStore& store,
                   StepResult& result) {
    if (micro_batches.empty())
        throw usage_error("A step needs at least one micro-batch.", "Give it a batch.");
    std::vector<nets::TokenCounts> counts;
    for (const auto& batch : micro_batches)
        counts.push_back(nets::count_tokens(model_.config(), batch, options_.form));
    auto weights = token_weights(counts, options_);
    if (scales_losses())
        for (nets::TokenWeights& weight : weights)
            weight.text *= loss_scale_.scale, weight.mel *= loss_scale_.scale;
    std::vector<nets::Losses> losses;
    nets::PassTimes times;
    for (std::size_t i = 0; i < micro_batches.size() && store.finite(); ++i) {
        const nets::PassOptions pass{.form = options_.form,
                                     .dropout = options_.dropout,
                                     .seed = nets::mix_seed(seed, i),
                                     .precision = options_.precision,
                                     .recompute = options_.checkpointing};
        losses.push_back(nets::run_pass(model_, micro_batches[i], pass, weights[i], &store, &times));
    }
    result.losses = join(losses, options_.form.objective == nets::Objective::dlas);
    result.total = options_.text_weight * result.losses.text + options_.mel_weight * result.losses.mel;
    result.times = {times.conditioning, times.forward, times.backward, 0};
    return store.finite();
}

StepResult Step::run(std::span<const nets::Batch> micro_batches, double learning_rate, std::uint64_t seed,
                     std::int64_t iteration, double limit) {
    at::NoGradGuard no_grad;
    if (!std::isfinite(learning_rate))
        throw usage_error("The learning rate is not a number.", "Correct the schedule.");
    StepResult result;
    if (!store_) store_ = std::make_unique<GradientStore>(model_.parameters(), lean());
    GradientStore& store = *store_;
    store.begin();
    result.skipped = !collect(micro_batches, seed, store, result);
    result.leap = !result.skipped && result.total > limit;
    result.skipped = result.skipped || result.leap;
    const double start = seconds();
    if (!result.skipped) {
        double squares[2] = {0, 0};
        for (std::size_t i = 0; i < optimizer_.size(); ++i) {
            const std::size_t parameter = optimizer_.parameter_of(i);
            squares[optimizer_.group_of(parameter)] += store.squared_norm(parameter);
        }
        const double unscale = scales_losses() ? 1 / loss_scale_.scale : 1;
        result.grad_norm_decay = unscale * std::sqrt(squares[0]);
        result.grad_norm_rest = unscale * std::sqrt(squares[1]);
        result.skipped = !std::isfinite(squares[0]) || !std::isfinite(squares[1]);
        if (scales_losses()) {
            // Where even the plain losses overflow the numbers themselves are bad.
            result.overflow = result.skipped && loss_scale_.scale > 1;
            loss_scale_.update(!result.skipped);
        }
        const auto factor = [&](double norm) {
            return unscale * (options_.clip > 0 ? std::min(1.0, options_.clip / (norm + 1e-6)) : 1.0);
        };
        const double scales[2] = {factor(result.grad_norm_decay), factor(result.grad_norm_rest)};
        if (!result.skipped) {
            optimizer_.begin_step(learning_rate, iteration);
            for (std::size_t i = 0; i < optimizer_.size(); ++i) {
                const std::size_t parameter = optimizer_.parameter_of(i);
                const double scale = scales[optimizer_.group_of(parameter)];
                store.visit(parameter, [&](std::int64_t offset, const at::Tensor& piece, double part) {
                    optimizer_.update(parameter, offset, piece, part * scale);
                });
                store.release(parameter);
            }
        }
    }
    result.times.optimiser = seconds() - start;
    return result;
}

nets::Losses Step::evaluate(const nets::Batch& batch) const {
    return nets::run_pass(model_, batch, {.form = options_.form});
}

std::vector<at::Tensor> Step::gradients(std::span<const nets::Batch> micro_batches, std::uint64_t seed) {
    at::NoGradGuard no_grad;
    StepResult ignored;
    GradientStore store(model_.parameters(), lean());
    store.begin();
    collect(micro_batches, seed, store, ignored);
    std::vector<at::Tensor> all;
    for (std::size_t i = 0; i < model_.parameters().size(); ++i) all.push_back(store.gradient(i));
    return all;
}

}  // namespace testudo::training
