#pragma once
// Holds a step's gradients until the norms of both groups are known. Lean: matrices wait as half-precision
// numbers times a power of two of their own (11 significant bits, as in mixed-precision training,
// Micikevicius et al. 2018), half the memory; those that are products never stand there in 32 bits. Norms are
// those of the unrounded gradients.
#include <functional>

#include "nets/unified_voice_pass.h"

namespace testudo::training {

class GradientExchange;

class GradientStore : public nets::GradientSink {
  public:
    // Wants no gradients of frozen parameters (one flag each; empty: none is frozen).
    GradientStore(const nets::Parameters& parameters, bool lean, std::vector<bool> frozen = {});

    bool lean() const { return lean_; }
    void begin();  // forgets the last step's gradients
    // From now on gradients that are ready go out to be added up over all ranks: for the last micro-batch.
    // finish_sum(), whether or not that began, sends all others as they stand, zero at first, and waits for
    // all.
    void sum_by(GradientExchange& exchange);
    void finish_sum(GradientExchange& exchange);
    bool finite() const { return finite_; }      // all losses so far
    double squared_norm(std::size_t parameter);  // not finite: so is the gradient
    // Calls use(offset, piece, factor) for consecutive pieces (float32 or half, flat) of the parameter: the
    // gradient is piece * factor. `use` may overwrite the piece.
    void visit(std::size_t parameter,
               const std::function<void(std::int64_t offset, const at::Tensor& piece, double factor)>& use);
    at::Tensor gradient(std::size_t parameter) const;  // a copy in the parameter's shape
    void release(std::size_t parameter);               // lean: frees it

    bool wants(std::size_t parameter) const override { return frozen_.empty() || !frozen_[parameter]; }
    at::Tensor buffer(std::size_t parameter) override;
    bool fresh(std::size_t parameter) override { return !entries_[parameter].written; }
    void ready(std::size_t parameter) override;
    bool take_product(std::size_t parameter, const at::Tensor& left, const at::Tensor& right,
                      nets::Precision precision) override;
    bool accept(double text, double mel) override;

  private:
    void settle(std::size_t parameter);  // its gradient is complete
    struct Entry {
        at::Tensor gradient;      // float32, contiguous; or, waiting,
        at::Tensor half;          // flat, with
        double factor = 1;        // gradient = half * factor
        double squared_norm = 0;  // of a waiting one
        bool written = false, sent = false;
    };
    const nets::Parameters& parameters_;
    bool lean_ = false, finite_ = true;
    std::vector<bool> frozen_;
    std::vector<Entry> entries_;
    GradientExchange* exchange_ = nullptr;  // while gradients go out
};

}  // namespace testudo::training
