#include "training/gradient_store.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "nets/avx512_training.h"
#include "nets/block_math.h"
#include "training/adamw.h"
#include "training/gradient_exchange.h"

namespace testudo::training {

namespace {

constexpr std::int64_t piece_elements = std::int64_t{1} << 18;  // 1 MiB: stays in the processor's cache

// half = values * scale, both flat; the values may be overwritten.
void round_to_half(const at::Tensor& values, double scale, at::Tensor& half) {
    if (nets::own_kernels(values)) {
        const float* from = values.const_data_ptr<float>();
        auto* to = static_cast<std::uint16_t*>(half.mutable_data_ptr());
        at::parallel_for(0, values.numel(), piece_elements / 4, [&](std::int64_t begin, std::int64_t end) {
            nets::avx512::to_half(from + begin, end - begin, static_cast<float>(scale), to + begin);
        });
        return;
    }
    for (std::int64_t start = 0; start < values.numel(); start += piece_elements) {
        const std::int64_t count = std::min(piece_elements, values.numel() - start);
        half.narrow(0, start, count).copy_(values.narrow(0, start, count).mul_(scale));
    }
}

}  // namespace

GradientStore::GradientStore(const nets::Parameters& parameters, bool lean, std::vector<bool> frozen)
    : parameters_(parameters), lean_(lean), frozen_(std::move(frozen)), entries_(parameters.size()) {}

void GradientStore::begin() {
    finite_ = true;
    exchange_ = nullptr;
    for (Entry& entry : entries_) {
        entry.written = entry.sent = false;
        if (lean_) entry = {};
    }
}

at::Tensor GradientStore::buffer(std::size_t parameter) {
    Entry& entry = entries_[parameter];
    if (!entry.gradient.defined())
        entry.gradient = entry.half.defined()
                             ? gradient(parameter)
                             : at::empty_like(parameters_[parameter].second, at::MemoryFormat::Contiguous);
    return entry.gradient;
}

void GradientStore::ready(std::size_t parameter) {
    Entry& entry = entries_[parameter];
    entry.written = true;
    if (!exchange_) return settle(parameter);
    entry.sent = true;
    exchange_->add(parameter, entry.gradient);
    exchange_->take([&](std::size_t summed) { settle(summed); });
}

bool GradientStore::take_product(std::size_t parameter, const at::Tensor& left, const at::Tensor& right,
                                 nets::Precision precision) {
    Entry& entry = entries_[parameter];
    if (!lean_ || exchange_ || entry.written) return false;
    std::optional<nets::HalfProduct> product = nets::half_product(left.t(), right, precision);
    if (!product) return false;
    entry.half = product->half.view({-1});
    entry.factor = 1 / product->scale;
    entry.squared_norm = product->squared_norm;
    entry.written = true;
    return true;
}

void GradientStore::settle(std::size_t parameter) {
    Entry& entry = entries_[parameter];
    if (exchange_ && !exchange_->owns(parameter)) {
        if (lean_) entry.gradient.reset(), entry.half.reset();
        return;
    }
    if (!lean_ || entry.gradient.dim() < 2) return;
    entry.squared_norm = training::squared_norm(entry.gradient);
    const double scale = nets::half_scale(std::sqrt(entry.squared_norm));
    entry.factor = 1 / scale;
    const at::Tensor flat = entry.gradient.view({-1});
    if (!entry.half.defined()) entry.half = at::empty(flat.sizes(), flat.options().dtype(at::kHalf));
    round_to_half(flat, scale, entry.half);
    entry.gradient.reset();
}

void GradientStore::sum_by(GradientExchange& exchange) {
    exchange_ = &exchange;
    exchange.begin();
}

void GradientStore::finish_sum(GradientExchange& exchange) {
    if (!exchange_) sum_by(exchange);
    for (std::size_t parameter = 0; parameter < entries_.size(); ++parameter) {
        if (entries_[parameter].sent || (!frozen_.empty() && frozen_[parameter])) continue;
        at::Tensor gradient = buffer(parameter);
        if (fresh(parameter)) gradient.zero_();
        ready(parameter);
    }
    exchange_->finish([&](std::size_t summed) { settle(summed); });
    exchange_ = nullptr;
}

bool GradientStore::accept(double text, double mel) {
    finite_ = finite_ && std::isfinite(text) && std::isfinite(mel);
    return finite_;
}

double GradientStore::squared_norm(std::size_t parameter) {
    const Entry& entry = entries_[parameter];
    return entry.half.defined() ? entry.squared_norm : training::squared_norm(entry.gradient);
}

void GradientStore::visit(std::size_t parameter,
                          const std::function<void(std::int64_t, const at::Tensor&, double)>& use) {
    const Entry& entry = entries_[parameter];
    if (entry.half.defined())
        use(0, entry.half, entry.factor);
    else
        use(0, entry.gradient.view({-1}), 1);
}

at::Tensor GradientStore::gradient(std::size_t parameter) const {
    const Entry& entry = entries_[parameter];
    if (!entry.half.defined()) return entry.gradient.clone();
    return entry.half.to(at::kFloat).mul_(entry.factor).view_as(parameters_[parameter].second);
}

void GradientStore::release(std::size_t parameter) {
    if (lean_) entries_[parameter] = {};
}

}  // namespace testudo::training
