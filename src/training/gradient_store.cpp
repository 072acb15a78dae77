#include "training/gradient_store.h"

#include <cmath>

#include "training/adamw.h"

namespace testudo::training {

namespace {
// Share of all gradients that lean steps save where they can: what brings the published model's step under 60
// % of the original's memory.
constexpr double saved_share = 0.5;
}  // namespace

GradientStore::GradientStore(const nets::Parameters& parameters, bool lean)
    : parameters_(parameters), lean_(lean), entries_(parameters.size()) {}

void GradientStore::begin() {
    finite_ = true;
    for (Entry& entry : entries_) {
        entry.left.reset(), entry.right.reset();
        entry.written = false;
        if (lean_) entry.gradient.reset();
    }
    to_save_ =
        static_cast<std::int64_t>(saved_share * 4.0 * static_cast<double>(nets::count_elements(parameters_)));
}

void GradientStore::end() {
    scratch_.reset();
    if (lean_)
        for (Entry& entry : entries_) entry = {};
}

at::Tensor GradientStore::buffer(std::size_t parameter) {
    Entry& entry = entries_[parameter];
    if (!entry.gradient.defined())
        entry.gradient = at::empty_like(parameters_[parameter].second, at::MemoryFormat::Contiguous);
    return entry.gradient;
}

bool GradientStore::accept(double text, double mel) {
    finite_ = finite_ && std::isfinite(text) && std::isfinite(mel);
    return finite_;
}

bool GradientStore::defer(std::size_t parameter, const at::Tensor& left, const at::Tensor& right) {
    if (!lean_ || to_save_ <= 0) return false;
    const std::int64_t saves = left.size(1) * right.size(1) - left.numel() - right.numel();
    if (saves * 5 < left.size(1) * right.size(1)) return false;
    to_save_ -= 4 * saves;
    entries_[parameter].left = left;
    entries_[parameter].right = right;
    entries_[parameter].written = true;
    return true;
}

double GradientStore::squared_norm(std::size_t parameter) {
    const Entry& entry = entries_[parameter];
    if (!entry.left.defined()) return training::squared_norm(entry.gradient);
    // |L^T R|^2 = sum over pairs of tokens of (L L^T)(R R^T)
    return at::mm(entry.left, entry.left.t())
        .mul_(at::mm(entry.right, entry.right.t()))
        .sum(at::kDouble)
        .item<double>();
}

at::Tensor GradientStore::gradient(std::size_t parameter) {
    const Entry& entry = entries_[parameter];
    if (!entry.left.defined()) return entry.gradient;
    const std::int64_t rows = entry.left.size(1), columns = entry.right.size(1);
    if (!scratch_.defined() || scratch_.numel() < rows * columns) {
        scratch_.reset();
        scratch_ = at::empty({rows * columns}, entry.left.options());
    }
    at::Tensor target = scratch_.narrow(0, 0, rows * columns).view({rows, columns});
    at::mm_out(target, entry.left.t(), entry.right);
    return target.view_as(parameters_[parameter].second);
}

void GradientStore::release(std::size_t parameter) {
    if (!lean_) return;
    entries_[parameter].gradient.reset();
    entries_[parameter].left.reset();
    entries_[parameter].right.reset();
}

}  // namespace testudo::training
