#include "training/adamw.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nets/avx512_training.h"
#include "nets/block_math.h"

namespace testudo::training {

namespace {

// Sixteen running sums keep float32 accurate and let the compiler vectorise.
double squared_norm_of(const float* values, std::int64_t count) {
    constexpr int lanes = 16;
    float sums[lanes] = {};
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes)
        for (int lane = 0; lane < lanes; ++lane) sums[lane] += values[i + lane] * values[i + lane];
    double total = std::accumulate(sums, sums + lanes, 0.0);
    for (; i < count; ++i) total += static_cast<double>(values[i]) * values[i];
    return total;
}

// As bitsandbytes chooses them.
bool eight_bit_moments(const std::string& name, const at::Tensor& parameter, const AdamWOptions& options) {
    constexpr std::int64_t smallest = 4096;  // bitsandbytes' min_8bit_size
    return options.eight_bit && parameter.numel() >= smallest && !nets::is_embedding(name);
}

}  // namespace

double squared_norm(const at::Tensor& tensor) {
    if (!tensor.device().is_cpu() || tensor.scalar_type() != at::kFloat || !tensor.is_contiguous())
        return tensor.to(at::kDouble).pow(2).sum().item<double>();
    // Blocks of a fixed size: the result does not depend on the number of threads.
    constexpr std::int64_t block = 1 << 14;
    const std::int64_t count = tensor.numel(), blocks = (count + block - 1) / block;
    const float* values = tensor.const_data_ptr<float>();
    const bool own = nets::own_kernels(tensor);
    std::vector<double> sums(static_cast<std::size_t>(blocks));
    at::parallel_for(0, blocks, 4, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t size = std::min(block, count - i * block);
            sums[static_cast<std::size_t>(i)] = own ? nets::avx512::squared_norm(values + i * block, size)
                                                    : squared_norm_of(values + i * block, size);
        }
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

AdamW::AdamW(const nets::Parameters& parameters, AdamWOptions options, EmaOptions ema,
             std::vector<bool> frozen)
    : parameters_(parameters),
      options_(options),
      ema_options_(ema),
      groups_(nets::parameter_groups(parameters)),
      frozen_(std::move(frozen)),
      group_(parameters.size()),
      quantise_(parameters.size()),
      exp_avg_(parameters.size()),
      exp_avg_sq_(parameters.size()),
      first_(parameters.size()),
      second_(parameters.size()) {
    for (std::size_t i = 0; i < parameters_.size(); ++i)
        quantise_[i] = eight_bit_moments(parameters_[i].first, parameters_[i].second, options_);
    for (const std::size_t parameter : groups_.decay) order_.push_back(parameter);
    for (const std::size_t parameter : groups_.rest) {
        order_.push_back(parameter);
        group_[parameter] = 1;
    }
    if (ema_options_.rate > 0) {
        for (std::size_t i = 0; i < parameters_.size(); ++i) {
            const auto& [name, tensor] = parameters_[i];
            ema_.emplace_back(name, trains(i) ? at::empty_like(tensor) : tensor);
        }
        reset_ema();
    }
}

void AdamW::reset_ema() {
    for (std::size_t i = 0; i < ema_.size(); ++i)
        if (trains(i)) ema_[i].second.copy_(parameters_[i].second);
}

std::int64_t AdamW::trained_elements() const {
    std::int64_t count = 0;
    for (std::size_t i = 0; i < parameters_.size(); ++i)
        if (trains(i)) count += parameters_[i].second.numel();
    return count;
}

void AdamW::make_moments(const std::function<bool(std::size_t)>& updated) {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        if (!trains(i) || (updated && !updated(i))) continue;
        if (quantise_[i]) {
            quantised_of(i, Moment::first);
            quantised_of(i, Moment::second);
            continue;
        }
        for (at::Tensor* moment : {&exp_avg_[i], &exp_avg_sq_[i]})
            if (!moment->defined()) *moment = at::zeros_like(parameters_[i].second);
    }
}

QuantisedMoment& AdamW::quantised_of(std::size_t parameter, Moment which) {
    QuantisedMoment& moment = (which == Moment::first ? first_ : second_)[parameter];
    if (!moment.codes.defined()) moment = zero_moment(parameters_[parameter].second);
    return moment;
}

const QuantisedMoment& AdamW::quantised(std::size_t index, Moment which) {
    return quantised_of(order_[index], which);
}

at::Tensor AdamW::exp_avg(std::size_t index) {
    if (is_quantised(index)) return dequantise(quantised(index, Moment::first), Moment::first);
    at::Tensor& moment = exp_avg_[order_[index]];
    if (!moment.defined()) moment = at::zeros_like(parameters_[order_[index]].second);
    return moment;
}

at::Tensor AdamW::exp_avg_sq(std::size_t index) {
    if (is_quantised(index)) return dequantise(quantised(index, Moment::second), Moment::second);
    at::Tensor& moment = exp_avg_sq_[order_[index]];
    if (!moment.defined()) moment = at::zeros_like(parameters_[order_[index]].second);
    return moment;
}

void AdamW::set_moments(std::size_t index, const at::Tensor& average, const at::Tensor& square) {
    if (!is_quantised(index)) {
        exp_avg(index).copy_(average);
        exp_avg_sq(index).copy_(square);
        return;
    }
    const at::Device device = parameters_[order_[index]].second.device();
    first_[order_[index]] = quantise(average.to(device), Moment::first);
    second_[order_[index]] = quantise(square.to(device), Moment::second);
}

std::vector<at::Tensor> AdamW::state_tensors(std::size_t index) {
    if (!is_quantised(index)) return {exp_avg(index), exp_avg_sq(index)};
    const QuantisedMoment &first = quantised(index, Moment::first),
                          &second = quantised(index, Moment::second);
    return {first.codes, first.largest, second.codes, second.largest};
}

void AdamW::release(std::size_t index) {
    const std::size_t parameter = order_[index];
    exp_avg_[parameter].reset();
    exp_avg_sq_[parameter].reset();
    first_[parameter] = second_[parameter] = {};
}

void AdamW::average(std::size_t parameter) {
    if (ema_keep_ != 1) ema_[parameter].second.lerp_(parameters_[parameter].second, 1 - ema_keep_);
}

void AdamW::reset() {
    for (auto* moments : {&exp_avg_, &exp_avg_sq_})
        for (at::Tensor& moment : *moments) moment.reset();
    for (auto* moments : {&first_, &second_})
        for (QuantisedMoment& moment : *moments) moment = {};
    step_ = 0;
}

double moment_bytes(const nets::Parameters& parameters, const AdamWOptions& options,
                    const std::vector<bool>& frozen) {
    double bytes = 0;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (!frozen.empty() && frozen[i]) continue;
        const auto& [name, tensor] = parameters[i];
        const auto elements = static_cast<double>(tensor.numel());
        bytes += 2 * (eight_bit_moments(name, tensor, options)
                          ? elements + 4 * std::ceil(elements / quantised_block)
                          : 4 * elements);
    }
    return bytes;
}

void AdamW::begin_step(double learning_rate, std::int64_t iteration,
                       const std::function<bool(std::size_t)>& updated) {
    make_moments(updated);
    ++step_;
    learning_rate_ = learning_rate;
    ema_keep_ = 1;
    if (ema_options_.rate <= 0) return;
    if (!ema_options_.on_cpu) {
        ema_keep_ = ema_options_.rate;
    } else if (constexpr int every = 10; iteration % every == 0) {
        const double power = std::pow(ema_options_.rate, every);
        ema_keep_ = power + (1 - (power + (1 - ema_options_.rate))) / 2;
    }
}

void AdamW::update_at_once(std::size_t parameter, std::int64_t offset, const at::Tensor& gradient,
                           double scale) {
    const at::Tensor& whole = parameters_[parameter].second;
    for (at::Tensor* moment : {&exp_avg_[parameter], &exp_avg_sq_[parameter]})
        if (!moment->defined()) *moment = at::zeros_like(whole);
    const auto steps = static_cast<double>(step_);
    nets::avx512::AdamWPiece piece;
    piece.weight = whole.mutable_data_ptr<float>() + offset;
    piece.first = exp_avg_[parameter].mutable_data_ptr<float>() + offset;
    piece.second = exp_avg_sq_[parameter].mutable_data_ptr<float>() + offset;
    piece.gradient = gradient.const_data_ptr();
    piece.half = gradient.scalar_type() == at::kHalf;
    piece.gradient_scale = static_cast<float>(scale);
    piece.beta1 = static_cast<float>(options_.beta1);
    piece.beta2 = static_cast<float>(options_.beta2);
    piece.eps = static_cast<float>(options_.eps);
    piece.keep =
        static_cast<float>(1 - learning_rate_ * (group_[parameter] == 0 ? options_.weight_decay : 0.0));
    piece.step_size = static_cast<float>(learning_rate_ / (1 - std::pow(options_.beta1, steps)));
    piece.square_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(options_.beta2, steps)));
    if (ema_keep_ != 1) {
        piece.average = ema_[parameter].second.mutable_data_ptr<float>() + offset;
        piece.average_step = static_cast<float>(1 - ema_keep_);
    }
    constexpr std::int64_t grain = std::int64_t{1} << 15;
    at::parallel_for(0, gradient.numel(), grain,
                     [&](std::int64_t begin, std::int64_t end) { nets::avx512::adamw(piece, begin, end); });
}

void AdamW::update(std::size_t parameter, std::int64_t offset, const at::Tensor& gradient, double scale) {
    const at::Tensor& whole = parameters_[parameter].second;
    if (!quantise_[parameter] && nets::own_kernels(whole))
        return update_at_once(parameter, offset, gradient, scale);
    if (gradient.scalar_type() != at::kFloat) {
        constexpr std::int64_t piece = std::int64_t{1} << 18;  // 1 MiB: stays in the processor's cache
        for (std::int64_t start = 0; start < gradient.numel(); start += piece)
            update(parameter, offset + start,
                   gradient.narrow(0, start, std::min(piece, gradient.numel() - start)).to(at::kFloat),
                   scale);
        return;
    }
    const auto part = [&](const at::Tensor& tensor) {
        return tensor.view({-1}).narrow(0, offset, gradient.numel());
    };
    at::Tensor weight = part(whole);
    const double decay = group_[parameter] == 0 ? options_.weight_decay : 0.0;
    if (quantise_[parameter]) {
        quantised_adamw_step(whole, quantised_of(parameter, Moment::first),
                             quantised_of(parameter, Moment::second), offset, gradient, scale,
                             {.learning_rate = learning_rate_,
                              .weight_decay = decay,
                              .beta1 = options_.beta1,
                              .beta2 = options_.beta2,
                              .eps = options_.eps,
                              .step = step_});
    } else {
        const at::Tensor step =
            at::full({}, static_cast<double>(step_), at::TensorOptions(at::kFloat).device(whole.device()));
        std::optional<at::Tensor> divisor;  // the kernel divides by it
        if (scale != 1) divisor = at::full({}, 1 / scale, step.options());
        at::_fused_adamw_({weight}, {gradient}, {part(exp_avg_[parameter])}, {part(exp_avg_sq_[parameter])},
                          {}, {step}, learning_rate_, options_.beta1, options_.beta2, decay, options_.eps,
                          false, false, divisor, {});
    }
    if (ema_keep_ != 1) part(ema_[parameter].second).lerp_(weight, 1 - ema_keep_);
}

}  // namespace testudo::training
