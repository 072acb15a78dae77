#include "training/step.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/error.h"
#include "nets/dropout.h"
#include "training/allocator.h"
#include "training/gradient_exchange.h"
#include "training/gradient_store.h"

namespace testudo::training {

namespace {

double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Numbers of the micro-batches of a step, on all ranks.
struct Totals {
    std::int64_t text = 0, mel = 0, micro_batches = 0;
};

// Per-token weights under which the gradients of all micro-batches add up to that of the step's loss.
nets::TokenWeights token_weights(const nets::TokenCounts& count, const Totals& totals,
                                 const StepOptions& options, double loss_scale) {
    const auto micro_batches = static_cast<double>(totals.micro_batches);
    const double text = loss_scale * options.text_weight, mel = loss_scale * options.mel_weight;
    if (options.form.objective == nets::Objective::dlas)
        return {text / (micro_batches * static_cast<double>(count.text)),
                mel / (micro_batches * static_cast<double>(count.mel))};
    return {text / static_cast<double>(totals.text), mel / static_cast<double>(totals.mel)};
}

}  // namespace

Step::Step(nets::UnifiedVoice& model, AdamW& optimizer, StepOptions options, Ranks* ranks, bool sharded)
    : model_(model), optimizer_(optimizer), options_(options), ranks_(ranks) {
    if (options_.dropout < 0 || options_.dropout >= 1)
        throw usage_error("Dropout must be at least 0 and below 1.", "Correct the setting dropout.");
    if (ranks_)
        exchange_ = std::make_unique<GradientExchange>(optimizer_.parameters(), *ranks_, sharded,
                                                       optimizer_.frozen());
}

Step::~Step() = default;

bool Step::updates(std::size_t parameter) const { return !exchange_ || exchange_->owns(parameter); }

void Step::sum_over_ranks(std::span<double> numbers) const {
    if (!ranks_) return;
    const auto sums = ranks_->sum({numbers.begin(), numbers.end()});
    std::copy(sums.begin(), sums.end(), numbers.begin());
}

bool Step::lean() const {
    if (options_.memory != GradientMemory::automatic) return options_.memory == GradientMemory::lean;
    constexpr std::int64_t much = std::int64_t{1} << 28;  // elements: 1 GiB
    return optimizer_.trained_elements() > much;
}

bool Step::collect(std::span<const nets::Batch> micro_batches, std::uint64_t seed, GradientStore& store,
                   StepResult& result) {
    if (micro_batches.empty() && !ranks_)
        throw usage_error("A step needs at least one micro-batch.", "Give it a batch.");
    std::vector<nets::TokenCounts> counts;
    double all[3] = {0, 0, static_cast<double>(micro_batches.size())};
    for (const auto& batch : micro_batches) {
        counts.push_back(nets::count_tokens(model_.config(), batch, options_.form));
        all[0] += static_cast<double>(counts.back().text);
        all[1] += static_cast<double>(counts.back().mel);
    }
    sum_over_ranks(all);
    const Totals totals{std::llround(all[0]), std::llround(all[1]), std::llround(all[2])};
    const auto rank = static_cast<std::size_t>(ranks_ ? ranks_->rank() : 0);
    const auto ranks = static_cast<std::size_t>(ranks_ ? ranks_->size() : 1);
    // DLAS logs the mean over micro-batches; we the mean over tokens, which is the same where all are equally
    // long.
    const bool equally = options_.form.objective == nets::Objective::dlas;
    double sums[3] = {0, 0, 0};  // of the text and mel losses; micro-batches that are not finite
    const double loss_scale = scales_losses() ? loss_scale_.scale : 1;
    nets::PassTimes times;
    for (std::size_t i = 0; i < micro_batches.size() && store.finite(); ++i) {
        const nets::PassOptions pass{.form = options_.form,
                                     .dropout = options_.dropout,
                                     .seed = nets::mix_seed(seed, i * ranks + rank),
                                     .precision = options_.precision,
                                     .recompute = options_.checkpointing};
        if (exchange_ && i + 1 == micro_batches.size()) store.sum_by(*exchange_);
        const nets::Losses losses =
            nets::run_pass(model_, micro_batches[i], pass,
                           token_weights(counts[i], totals, options_, loss_scale), &store, &times);
        sums[0] += losses.text * (equally ? 1.0 : static_cast<double>(losses.text_tokens));
        sums[1] += losses.mel * (equally ? 1.0 : static_cast<double>(losses.mel_tokens));
    }
    if (exchange_) store.finish_sum(*exchange_);
    sums[2] = store.finite() ? 0 : 1;
    sum_over_ranks(sums);
    result.losses = {sums[0] / static_cast<double>(equally ? totals.micro_batches : totals.text),
                     sums[1] / static_cast<double>(equally ? totals.micro_batches : totals.mel), totals.text,
                     totals.mel};
    result.total = options_.text_weight * result.losses.text + options_.mel_weight * result.losses.mel;
    result.times = {times.conditioning, times.forward, times.backward, 0};
    return sums[2] == 0;
}

void Step::update(GradientStore& store, const double (&scales)[2], double learning_rate,
                  std::int64_t iteration) {
    optimizer_.begin_step(learning_rate, iteration, [&](std::size_t i) { return updates(i); });
    try {
        for (std::size_t i = 0; i < optimizer_.size(); ++i) {
            const std::size_t parameter = optimizer_.parameter_of(i);
            if (!optimizer_.trains(parameter) || !updates(parameter)) continue;
            const double scale = scales[optimizer_.group_of(parameter)];
            store.visit(parameter, [&](std::int64_t offset, const at::Tensor& piece, double part) {
                optimizer_.update(parameter, offset, piece, part * scale);
            });
            store.release(parameter);
        }
        if (exchange_ && exchange_->sharded()) {
            exchange_->share_weights();
            for (std::size_t i = 0; i < optimizer_.parameters().size(); ++i)
                if (optimizer_.trains(i) && !updates(i)) optimizer_.average(i);
        }
    } catch (const std::exception& error) {
        if (!is_out_of_memory(error)) throw;
        throw environment_error(
            "the memory ran out in the middle of an update of the weights",
            "Raise gradient_accumulation_size, then go on from the last checkpoint with `testudo resume`.");
    }
}

StepResult Step::run(std::span<const nets::Batch> micro_batches, double learning_rate, std::uint64_t seed,
                     std::int64_t iteration, double limit) {
    at::NoGradGuard no_grad;
    if (!std::isfinite(learning_rate))
        throw usage_error("The learning rate is not a number.", "Correct the schedule.");
    StepResult result;
    if (!store_)
        store_ = std::make_unique<GradientStore>(optimizer_.parameters(), lean(), optimizer_.frozen());
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
            if (!optimizer_.trains(parameter)) continue;
            // Where all have the same gradients rank 0 speaks for all.
            const bool counts = !ranks_ || (exchange_->sharded() ? updates(parameter) : ranks_->leads());
            if (counts) squares[optimizer_.group_of(parameter)] += store.squared_norm(parameter);
        }
        sum_over_ranks(squares);
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
        if (!result.skipped) update(store, scales, learning_rate, iteration);
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
    GradientStore store(optimizer_.parameters(), lean(), optimizer_.frozen());
    store.begin();
    collect(micro_batches, seed, store, ignored);
    std::vector<at::Tensor> all;
    for (std::size_t i = 0; i < optimizer_.parameters().size(); ++i)
        all.push_back(optimizer_.trains(i) ? store.gradient(i) : at::Tensor());
    return all;
}

}  // namespace testudo::training
