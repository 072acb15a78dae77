#pragma once
// AdamW with decoupled weight decay (Loshchilov & Hutter 2019) over DLAS' two parameter groups, each clipped
// by its own norm, fused with the exponential moving average of the weights. Tensors are float32, but for
// moments in 8 bits (quantised_moment.h), which take a quarter of the memory.
#include <functional>
#include <optional>

#include "nets/unified_voice.h"
#include "training/quantised_moment.h"

namespace testudo::training {

struct AdamWOptions {
    double beta1 = 0.9, beta2 = 0.96, eps = 1e-8, weight_decay = 0.01;
    bool eight_bit = false;  // as bitsandbytes' AdamW8bit under DLAS: see is_quantised
};

// DLAS' rules for its averaged model: every step e = rate e + (1 - rate) w; or, with ema_on_cpu, only on
// iterations divisible by 10 with rate = r^10 + (1 - (r^10 + 1 - r)) / 2.
struct EmaOptions {
    double rate = 0;      // 0: off
    bool on_cpu = false;  // the rule, for parity; the tensors stay on the model's device
};

// Bytes of both moments of all parameters that are not frozen (one flag each; empty: none is).
double moment_bytes(const nets::Parameters& parameters, const AdamWOptions& options,
                    const std::vector<bool>& frozen = {});

class AdamW {
  public:
    // Frozen parameters have no moments, are never changed, and are their own average.
    AdamW(const nets::Parameters& parameters, AdamWOptions options = {}, EmaOptions ema = {},
          std::vector<bool> frozen = {});

    const nets::Parameters& parameters() const { return parameters_; }
    const AdamWOptions& options() const { return options_; }
    const nets::ParameterGroups& groups() const { return groups_; }
    const std::vector<bool>& frozen() const { return frozen_; }
    bool trains(std::size_t parameter) const { return frozen_.empty() || !frozen_[parameter]; }
    std::int64_t trained_elements() const;

    // Optimizer state by DLAS' index: first through groups().decay, then groups().rest, frozen parameters
    // included. A moment that was never made is made as zeros.
    std::size_t size() const { return order_.size(); }
    std::size_t parameter_of(std::size_t index) const { return order_[index]; }
    // Whether its moments are in 8 bits: of tensors of 4096 elements or more that are no embedding tables.
    bool is_quantised(std::size_t index) const { return quantise_[order_[index]]; }
    at::Tensor exp_avg(std::size_t index);  // live, or a decoded copy when is_quantised
    at::Tensor exp_avg_sq(std::size_t index);
    const QuantisedMoment& quantised(std::size_t index, Moment which);  // live; is_quantised only
    void set_moments(std::size_t index, const at::Tensor& exp_avg, const at::Tensor& exp_avg_sq);
    // What an index keeps beside its weights, live and in a fixed order, and what frees it (it is zero
    // again): for ranks that each keep a part.
    std::vector<at::Tensor> state_tensors(std::size_t index);
    void release(std::size_t index);
    double state_bytes() const { return moment_bytes(parameters_, options_, frozen_); }  // made or not
    void reset();                                // all moments and the count of steps to zero
    std::int64_t step() const { return step_; }  // optimizer steps taken; the same for every parameter
    void set_step(std::int64_t step) { step_ = step; }

    // Averaged weights in parameter order (empty when off), live. reset_ema() copies the weights into them.
    const nets::Parameters& ema() const { return ema_; }
    void reset_ema();

    // --- used by Step
    // Group of a parameter: 0 decay, 1 rest.
    int group_of(std::size_t parameter) const { return group_[parameter]; }
    // Makes the moments that are missing, so that no update() runs out of memory halfway, then raises step().
    // `updated`: of a parameter, whether update() will be called here; empty: all that are trained.
    void begin_step(double learning_rate, std::int64_t iteration,
                    const std::function<bool(std::size_t)>& updated = {});
    // Updates elements offset, offset + 1, … of a parameter, its moments and its average; `gradient` (flat,
    // float32 or half, of any contents afterwards) counts times `scale`. The offset is a multiple of 256.
    void update(std::size_t parameter, std::int64_t offset, const at::Tensor& gradient, double scale);
    // Moves the average of a parameter that was updated elsewhere.
    void average(std::size_t parameter);

  private:
    void make_moments(const std::function<bool(std::size_t)>& updated);
    QuantisedMoment& quantised_of(std::size_t parameter, Moment which);
    // The update in one pass over memory; only where nets::own_kernels() are.
    void update_at_once(std::size_t parameter, std::int64_t offset, const at::Tensor& gradient, double scale);

    nets::Parameters parameters_;
    AdamWOptions options_;
    EmaOptions ema_options_;
    nets::ParameterGroups groups_;
    std::vector<bool> frozen_;
    std::vector<int> group_;
    std::vector<std::size_t> order_;
    std::vector<bool> quantise_;
    std::vector<at::Tensor> exp_avg_, exp_avg_sq_;  // of a parameter: these
    std::vector<QuantisedMoment> first_, second_;   // or these
    nets::Parameters ema_;
    std::int64_t step_ = 0;
    double learning_rate_ = 0;
    double ema_keep_ = 1;  // 1: the average does not move in this step
};

// Sum of squares in double precision.
double squared_norm(const at::Tensor& tensor);

}  // namespace testudo::training
