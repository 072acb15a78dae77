#pragma once
// One training step: losses, gradients, clipping, AdamW, EMA. Its random numbers come only from the seed it
// is given, and a step that produced a number that is not finite, or a loss above a limit, changes nothing
// but says so.
#include <limits>
#include <memory>
#include <span>

#include "nets/unified_voice_pass.h"
#include "training/adamw.h"
#include "training/precision.h"

namespace testudo::training {

class GradientExchange;
class GradientStore;
class Ranks;

// full keeps every gradient in single precision until the step's end, lean the large ones in half precision
// (gradient_store.h). automatic: lean when the gradients would be over 1 GiB.
enum class GradientMemory { automatic, full, lean };

struct StepOptions {
    nets::Form form = {};
    double text_weight = 0.01, mel_weight = 1;
    double clip = 4;  // largest norm of each parameter group; 0: none
    double dropout = 0.1;
    bool checkpointing = false;
    GradientMemory memory = GradientMemory::automatic;
    nets::Precision precision = nets::Precision::float32;  // float16: with loss scaling
};

struct StepTimes {
    double conditioning = 0, forward = 0, backward = 0, optimiser = 0;  // seconds
};

struct StepResult {
    nets::Losses losses;                             // over all micro-batches
    double total = 0;                                // text_weight * text + mel_weight * mel
    double grad_norm_decay = 0, grad_norm_rest = 0;  // before clipping
    // Weights and optimizer are as before: a loss or gradient was not finite, or (leap) the total too large.
    bool skipped = false, leap = false;
    // A float16 step whose scaled gradients were too large: skipped, and the next are scaled less.
    bool overflow = false;
    StepTimes times;
};

class Step {
  public:
    // With `ranks` each has a model of the same weights and computes its micro-batches of the step, maybe
    // none. All get the same result, that of one process with all of them; only dropout falls otherwise.
    // `sharded`: each keeps its part of the optimizer (gradient_exchange.h).
    Step(nets::UnifiedVoice& model, AdamW& optimizer, StepOptions options, Ranks* ranks = nullptr,
         bool sharded = false);
    ~Step();
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

    // One optimizer step over all micro-batches. In the consistent form it equals one step over their union;
    // in the dlas form each micro-batch is averaged on its own, as DLAS does. `iteration` (1, 2, …) matters
    // to ema_on_cpu alone. A total loss above `limit` is a leap. When memory runs out (is_out_of_memory)
    // before the update, nothing has changed and the step may be run again; in the middle of it:
    // Error(environment).
    StepResult run(std::span<const nets::Batch> micro_batches, double learning_rate, std::uint64_t seed,
                   std::int64_t iteration = 0, double limit = std::numeric_limits<double>::infinity());
    nets::Losses evaluate(const nets::Batch& batch) const;  // no dropout, changes nothing
    const StepOptions& options() const { return options_; }
    void set_checkpointing(bool on) { options_.checkpointing = on; }
    const GradientExchange* exchange() const { return exchange_.get(); }  // null without ranks
    LossScale& loss_scale() { return loss_scale_; }                       // of float16

    // The gradients of run() before clipping, in the optimizer's parameter order, undefined where frozen; for
    // tests.
    std::vector<at::Tensor> gradients(std::span<const nets::Batch> micro_batches, std::uint64_t seed);

  private:
    bool lean() const;
    void update(GradientStore& store, const double (&scales)[2], double learning_rate,
                std::int64_t iteration);
    bool updates(std::size_t parameter) const;
    void sum_over_ranks(std::span<double> numbers) const;
    bool scales_losses() const { return options_.precision == nets::Precision::float16; }
    // Runs every micro-batch; false when a loss is not finite.
    bool collect(std::span<const nets::Batch> micro_batches, std::uint64_t seed, GradientStore& store,
                 StepResult& result);

    nets::UnifiedVoice& model_;
    AdamW& optimizer_;
    StepOptions options_;
    Ranks* ranks_;
    std::unique_ptr<GradientExchange> exchange_;
    LossScale loss_scale_;
    std::unique_ptr<GradientStore> store_;
};

}  // namespace testudo::training
