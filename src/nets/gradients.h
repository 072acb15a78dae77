#pragma once
// The ways in which the backward pass hands gradients to a GradientSink. A null sink: nothing is done.
#include "nets/block_math.h"
#include "nets/products.h"
#include "nets/unified_voice_pass.h"

namespace testudo::nets {

class Gradients {
  public:
    // precision: of the products
    explicit Gradients(GradientSink* sink, Precision precision = Precision::float32)
        : sink_(sink), precision_(precision) {}
    explicit operator bool() const { return sink_ != nullptr; }
    bool wants(std::size_t parameter) const { return sink_->wants(parameter); }

    // left [tokens, m], right [tokens, n]: the gradient is left^T right.
    void product(std::size_t parameter, const at::Tensor& left, const at::Tensor& right) {
        if (!wants(parameter) || sink_->take_product(parameter, left, right, precision_)) return;
        accumulate_product(parameter, left, right, sink_->fresh(parameter));
        sink_->ready(parameter);
    }
    // The same without ready(): one of several pieces.
    void accumulate_product(std::size_t parameter, const at::Tensor& left, const at::Tensor& right,
                            bool overwrite) {
        if (!wants(parameter)) return;
        at::Tensor target = sink_->buffer(parameter).view({left.size(1), right.size(1)});
        product_out(target, left.t(), right, {.add = !overwrite, .precision = precision_});
    }
    void accumulate(std::size_t parameter, const at::Tensor& gradient, bool overwrite) {
        if (!wants(parameter)) return;
        at::Tensor target = sink_->buffer(parameter);
        if (overwrite)
            target.copy_(gradient.view_as(target));
        else
            target.add_(gradient.view_as(target));
    }
    void add(std::size_t parameter, const at::Tensor& gradient) {
        if (!wants(parameter)) return;
        accumulate(parameter, gradient, sink_->fresh(parameter));
        sink_->ready(parameter);
    }
    void row_sum(std::size_t parameter, const at::Tensor& rows) {
        if (wants(parameter)) add(parameter, column_sums(rows));
    }
    // Gradients `rows` of table entries ids.
    void table(std::size_t parameter, const at::Tensor& ids, const at::Tensor& rows) {
        if (!wants(parameter)) return;
        at::Tensor target = sink_->buffer(parameter);
        if (sink_->fresh(parameter)) target.zero_();
        target.index_add_(0, ids, rows);
        sink_->ready(parameter);
    }
    bool fresh(std::size_t parameter) { return sink_->fresh(parameter); }
    void ready(std::size_t parameter) {
        if (wants(parameter)) sink_->ready(parameter);
    }

  private:
    GradientSink* sink_;
    Precision precision_;
};

}  // namespace testudo::nets
