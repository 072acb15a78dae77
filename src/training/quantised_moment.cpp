#include "training/quantised_moment.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace testudo::training {

namespace {

std::int64_t blocks_of(std::int64_t elements) { return (elements + quantised_block - 1) / quantised_block; }

// The magnitudes of the codes from zero_code on, and between each and the next the largest number that is
// still rounded down.
at::Tensor thresholds(Moment moment, at::Device device) {
    const auto& book = code_book(moment);
    std::vector<float> bounds;
    for (auto code = static_cast<std::size_t>(zero_code(moment)); code + 1 < book.size(); ++code) {
        const double middle = (static_cast<double>(book[code]) + static_cast<double>(book[code + 1])) / 2;
        const auto near = static_cast<float>(middle);
        bounds.push_back(static_cast<double>(near) > middle ? std::nextafter(near, 0.0F) : near);
    }
    return at::tensor(bounds, at::kFloat).to(device);
}

// values [blocks · 256] to codes and the largest of each block, by tensor operations.
QuantisedMoment quantise_plainly(const at::Tensor& values, Moment moment) {
    const at::Tensor rows = values.view({-1, quantised_block});
    const at::Tensor largest = rows.abs().amax(1);
    const at::Tensor shares = rows / largest.masked_fill(largest == 0, 1).unsqueeze(1);
    at::Tensor steps = at::bucketize(shares.abs(), thresholds(moment, values.device()), true);
    if (moment == Moment::first) {
        const at::Tensor down = zero_code(moment) - steps.clamp_max(zero_code(moment));
        steps = at::where(shares < 0, down, steps + zero_code(moment));
    }
    return {steps.to(at::kByte).flatten(), largest};
}

at::Tensor dequantise_plainly(const at::Tensor& codes, const at::Tensor& largest, Moment moment) {
    const at::Tensor values =
        code_book_tensor(moment, codes.device()).index_select(0, codes.flatten().to(at::kLong));
    return values * largest.repeat_interleave(quantised_block).narrow(0, 0, values.numel());
}

at::Tensor padded(const at::Tensor& flat) {
    const std::int64_t missing = blocks_of(flat.numel()) * quantised_block - flat.numel();
    return missing == 0 ? flat : at::constant_pad_nd(flat, {0, missing});
}

void step_plainly(at::Tensor weights, const QuantisedMoment& first, const QuantisedMoment& second,
                  const at::Tensor& gradient, const QuantisedAdamW& step) {
    at::Tensor scaled = gradient * static_cast<double>(step.gradient_scale);
    const auto moved = [&](const QuantisedMoment& moment, Moment which, double beta, double rest,
                           const at::Tensor& value) {
        return dequantise_plainly(moment.codes, moment.largest, which).mul_(beta).add_(value * rest);
    };
    const at::Tensor mean = moved(first, Moment::first, static_cast<double>(step.beta1),
                                  static_cast<double>(1 - step.beta1), scaled);
    const at::Tensor square = moved(second, Moment::second, static_cast<double>(step.beta2),
                                    static_cast<double>(1 - step.beta2), scaled * scaled);
    const at::Tensor size = square.sqrt().mul_(static_cast<double>(step.square_scale));
    weights.mul_(static_cast<double>(step.keep))
        .sub_((mean / size.add_(static_cast<double>(step.eps))).mul_(static_cast<double>(step.step_size)));
    for (const bool is_first : {true, false}) {
        const QuantisedMoment& moment = is_first ? first : second;
        const QuantisedMoment fresh =
            quantise_plainly(padded(is_first ? mean : square), is_first ? Moment::first : Moment::second);
        moment.codes.copy_(fresh.codes.narrow(0, 0, moment.codes.numel()));
        moment.largest.copy_(fresh.largest);
    }
}

// Blocks a thread takes at once: 256 KiB of gradients.
constexpr std::int64_t grain = 256;

}  // namespace

QuantisedMoment zero_moment(const at::Tensor& like) {
    return {at::zeros(like.sizes(), like.options().dtype(at::kByte)),
            at::zeros({blocks_of(like.numel())}, like.options())};
}

at::Tensor code_book_tensor(Moment moment, at::Device device) {
    const auto& book = code_book(moment);
    return at::tensor(at::ArrayRef<float>(book.data(), book.size()), at::kFloat).to(device);
}

QuantisedMoment quantise(const at::Tensor& values, Moment moment) {
    const at::Tensor flat = values.to(at::kFloat).contiguous().view({-1});
    if (!flat.device().is_cpu()) {
        QuantisedMoment all = quantise_plainly(padded(flat), moment);
        all.codes = all.codes.narrow(0, 0, flat.numel()).view(values.sizes()).contiguous();
        return all;
    }
    QuantisedMoment out = zero_moment(values.to(at::kFloat));
    quantise_values(flat.const_data_ptr<float>(), flat.numel(), moment,
                    out.codes.mutable_data_ptr<std::uint8_t>(), out.largest.mutable_data_ptr<float>());
    return out;
}

at::Tensor dequantise(const QuantisedMoment& quantised, Moment moment) {
    if (!quantised.codes.device().is_cpu())
        return dequantise_plainly(quantised.codes, quantised.largest, moment).view(quantised.codes.sizes());
    at::Tensor values = at::empty(quantised.codes.sizes(), quantised.largest.options());
    dequantise_values(quantised.codes.const_data_ptr<std::uint8_t>(),
                      quantised.largest.const_data_ptr<float>(), values.numel(), moment,
                      values.mutable_data_ptr<float>());
    return values;
}

void quantised_adamw_step(const at::Tensor& weights, QuantisedMoment& first, QuantisedMoment& second,
                          std::int64_t offset, const at::Tensor& gradient, double scale,
                          const AdamWNumbers& numbers, bool plain) {
    const auto steps = static_cast<double>(numbers.step);
    QuantisedAdamW step;
    step.count = gradient.numel();
    step.gradient_scale = static_cast<float>(scale);
    step.beta1 = static_cast<float>(numbers.beta1);
    step.beta2 = static_cast<float>(numbers.beta2);
    step.eps = static_cast<float>(numbers.eps);
    step.keep = static_cast<float>(1 - numbers.learning_rate * numbers.weight_decay);
    step.step_size = static_cast<float>(numbers.learning_rate / (1 - std::pow(numbers.beta1, steps)));
    step.square_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(numbers.beta2, steps)));
    const std::int64_t block = offset / quantised_block, blocks = blocks_of(step.count);
    if (plain || !weights.device().is_cpu()) {
        const auto part = [&](const at::Tensor& tensor) {
            return tensor.view({-1}).narrow(0, offset, step.count);
        };
        const auto moment = [&](const QuantisedMoment& whole) {
            return QuantisedMoment{part(whole.codes), whole.largest.narrow(0, block, blocks)};
        };
        return step_plainly(part(weights), moment(first), moment(second), gradient.view({-1}), step);
    }
    step.weights = weights.mutable_data_ptr<float>() + offset;
    step.gradients = gradient.const_data_ptr<float>();
    step.codes1 = first.codes.mutable_data_ptr<std::uint8_t>() + offset;
    step.codes2 = second.codes.mutable_data_ptr<std::uint8_t>() + offset;
    step.largest1 = first.largest.mutable_data_ptr<float>() + block;
    step.largest2 = second.largest.mutable_data_ptr<float>() + block;
    at::parallel_for(0, blocks, grain, [&](std::int64_t begin, std::int64_t end) {
        QuantisedAdamW part = step;
        const std::int64_t from = begin * quantised_block;
        part.count = std::min(end * quantised_block, step.count) - from;
        part.weights += from, part.gradients += from;
        part.codes1 += from, part.codes2 += from;
        part.largest1 += begin, part.largest2 += begin;
        quantised_adamw(part);
    });
}

}  // namespace testudo::training
