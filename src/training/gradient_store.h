#pragma once
// Holds a step's gradients until the norms of both groups are known. Lean: of matrices it keeps, where that
// is smaller, the two factors whose product the gradient is (activations and their gradients, [tokens, m] and
// [tokens, n]), takes the norm from the factors' Gram matrices, and multiplies them out one at a time for the
// optimiser. Exact up to rounding.
#include "nets/unified_voice_pass.h"

namespace testudo::training {

class GradientStore : public nets::GradientSink {
  public:
    GradientStore(const nets::Parameters& parameters, bool lean);

    bool lean() const { return lean_; }
    void begin();                                // forgets the last step's gradients
    bool finite() const { return finite_; }      // all losses so far
    double squared_norm(std::size_t parameter);  // not finite: so is the gradient
    at::Tensor gradient(std::size_t parameter);  // valid until the next call
    void release(std::size_t parameter);         // lean: frees it
    void end();

    at::Tensor buffer(std::size_t parameter) override;
    bool fresh(std::size_t parameter) override { return !entries_[parameter].written; }
    void ready(std::size_t parameter) override { entries_[parameter].written = true; }
    bool defer(std::size_t parameter, const at::Tensor& left, const at::Tensor& right) override;
    bool accept(double text, double mel) override;

  private:
    struct Entry {
        at::Tensor gradient, left, right;
        bool written = false;
    };
    const nets::Parameters& parameters_;
    bool lean_ = false, finite_ = true;
    std::int64_t to_save_ = 0;  // bytes that deferring still has to save in this step
    std::vector<Entry> entries_;
    at::Tensor scratch_;
};

}  // namespace testudo::training
