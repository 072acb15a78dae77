#include "nets/group_norm.h"

#include <cmath>
#include <vector>

#include "nets/avx512_training.h"
#include "nets/share_work.h"

namespace testudo::nets {

namespace {

constexpr double eps = 1e-5;

bool fits(const at::Tensor& x) { return own_kernels(x) && x.is_contiguous() && x.size(1) % 16 == 0; }

// Work of one clip, over the channels.
class Channels {
  public:
    Channels(std::int64_t channels, std::int64_t groups, std::int64_t frames)
        : width_(channels / groups), count_(static_cast<double>(frames * width_)) {}

    // The mean over a group's channels and all frames of what was summed over frames.
    double mean(const std::vector<float>& sums, std::int64_t group) const {
        double sum = 0;
        for (std::int64_t c = group * width_; c < (group + 1) * width_; ++c)
            sum += static_cast<double>(sums[static_cast<std::size_t>(c)]);
        return sum / count_;
    }
    template <class Act>
    void each(std::int64_t group, const Act& act) const {
        for (std::int64_t c = group * width_; c < (group + 1) * width_; ++c) act(static_cast<std::size_t>(c));
    }

  private:
    std::int64_t width_;
    double count_;
};

void norm_clip(const float* x, std::int64_t frames, std::int64_t channels, std::int64_t groups,
               const float* weight, const float* bias, float* out, float* means, float* rstds) {
    const Channels all(channels, groups, frames);
    std::vector<float> sums(static_cast<std::size_t>(channels)), center(sums.size()), scale(sums.size());
    avx512::column_sums(x, frames, channels, channels, sums.data());
    for (std::int64_t g = 0; g < groups; ++g) {
        means[g] = static_cast<float>(all.mean(sums, g));
        all.each(g, [&](std::size_t c) { center[c] = means[g]; });
    }
    avx512::column_squares(x, frames, channels, center.data(), sums.data());
    for (std::int64_t g = 0; g < groups; ++g) {
        rstds[g] = static_cast<float>(1 / std::sqrt(all.mean(sums, g) + eps));
        all.each(g, [&](std::size_t c) { scale[c] = rstds[g] * weight[c]; });
    }
    avx512::column_scaled({.x = x, .center = center.data(), .scale = scale.data(), .shift = bias}, frames,
                          channels, out);
}

// sum_weight, sum_bias [channels]: this clip's part of the parameters' gradients.
void norm_clip_backward(const float* grad, const float* x, const float* rest, std::int64_t frames,
                        std::int64_t channels, std::int64_t groups, const float* weight, const float* means,
                        const float* rstds, float* out, float* sum_weight, float* sum_bias) {
    const Channels all(channels, groups, frames);
    std::vector<float> center(static_cast<std::size_t>(channels)), weighted(center.size()),
        crossed(center.size()), scale(center.size()), shift(center.size()), grad_scale(center.size());
    for (std::int64_t g = 0; g < groups; ++g) all.each(g, [&](std::size_t c) { center[c] = means[g]; });
    avx512::column_sums(grad, frames, channels, channels, sum_bias);
    avx512::column_products(grad, x, frames, channels, center.data(), sum_weight);
    for (std::int64_t g = 0; g < groups; ++g)
        all.each(g, [&](std::size_t c) {
            sum_weight[c] *= rstds[g];
            weighted[c] = weight[c] * sum_bias[c];
            crossed[c] = weight[c] * sum_weight[c];
        });
    // (grad weight - m1 - (x - mean) rstd m2) rstd
    for (std::int64_t g = 0; g < groups; ++g) {
        const double rstd = static_cast<double>(rstds[g]), bent = all.mean(crossed, g) * rstd * rstd;
        const auto moved = static_cast<float>(-all.mean(weighted, g) * rstd);
        all.each(g, [&](std::size_t c) {
            grad_scale[c] = weight[c] * rstds[g];
            scale[c] = static_cast<float>(-bent);
            shift[c] = moved;
        });
    }
    avx512::column_scaled({.x = x,
                           .center = center.data(),
                           .scale = scale.data(),
                           .shift = shift.data(),
                           .grad = grad,
                           .grad_scale = grad_scale.data(),
                           .add = rest},
                          frames, channels, out);
}

GroupNormed plain_norm(const at::Tensor& x, std::span<const Span> clips, const at::Tensor& weight,
                       const at::Tensor& bias, std::int64_t groups) {
    const std::int64_t channels = x.size(1);
    at::Tensor out = at::empty_like(x);
    std::vector<at::Tensor> means, rstds;
    for (const Span& clip : clips) {
        const at::Tensor rows = x.narrow(0, clip.start, clip.length);
        auto [variance, mean] = at::var_mean(rows.view({clip.length, groups, channels / groups}), {0, 2}, 0);
        const at::Tensor rstd = (variance + eps).rsqrt_();
        const at::Tensor scale = (rstd.unsqueeze(1) * weight.view({groups, -1})).view({channels});
        const at::Tensor shift = bias - (mean.unsqueeze(1) * scale.view({groups, -1})).view({channels});
        at::Tensor target = out.narrow(0, clip.start, clip.length);
        at::addcmul_out(target, shift, rows, scale);
        means.push_back(mean), rstds.push_back(rstd);
    }
    return {out, at::stack(means), at::stack(rstds)};
}

NormGradients plain_backward(const at::Tensor& grad, const at::Tensor& x, std::span<const Span> clips,
                             const at::Tensor& weight, const at::Tensor& means, const at::Tensor& rstds,
                             const at::Tensor& rest, std::int64_t groups) {
    const std::int64_t channels = x.size(1);
    NormGradients all{at::empty_like(x), at::zeros_like(weight), at::zeros_like(weight)};
    const auto spread = [&](const at::Tensor& of_groups) {
        return of_groups.unsqueeze(1).expand({groups, channels / groups}).reshape({channels});
    };
    for (std::size_t i = 0; i < clips.size(); ++i) {
        const Span& clip = clips[i];
        const at::Tensor rows = x.narrow(0, clip.start, clip.length),
                         g = grad.narrow(0, clip.start, clip.length);
        const auto number = static_cast<std::int64_t>(i);
        const at::Tensor mean = means[number], rstd = rstds[number];
        const at::Tensor standardised = (rows - spread(mean)).mul_(spread(rstd));
        const at::Tensor sum_bias = g.sum(0), sum_weight = (g * standardised).sum(0);
        all.bias += sum_bias;
        all.weight += sum_weight;
        const double count = static_cast<double>(clip.length * (channels / groups));
        const at::Tensor m1 = (weight * sum_bias).view({groups, -1}).sum(1) / count;
        const at::Tensor m2 = (weight * sum_weight).view({groups, -1}).sum(1) / count;
        all.x.narrow(0, clip.start, clip.length)
            .copy_((g * weight - spread(m1) - standardised * spread(m2)).mul_(spread(rstd)));
    }
    if (rest.defined()) all.x += rest;
    return all;
}

}  // namespace

int group_count(int channels) {
    int groups = channels <= 16 ? 8 : channels <= 64 ? 16 : 32;
    while (channels % groups != 0) groups /= 2;
    return groups;
}

GroupNormed group_norm(const at::Tensor& x, std::span<const Span> clips, const at::Tensor& weight,
                       const at::Tensor& bias) {
    const std::int64_t channels = x.size(1), groups = group_count(static_cast<int>(channels));
    if (!fits(x)) return plain_norm(x, clips, weight, bias, groups);
    const auto count = static_cast<std::int64_t>(clips.size());
    GroupNormed normed{at::empty_like(x), at::empty({count, groups}, x.options()),
                       at::empty({count, groups}, x.options())};
    share_work(count, x.numel() * 4, [&](std::int64_t i, std::int64_t) {
        const Span& clip = clips[static_cast<std::size_t>(i)];
        norm_clip(x.const_data_ptr<float>() + clip.start * channels, clip.length, channels, groups,
                  weight.const_data_ptr<float>(), bias.const_data_ptr<float>(),
                  normed.out.mutable_data_ptr<float>() + clip.start * channels,
                  normed.means.mutable_data_ptr<float>() + i * groups,
                  normed.rstds.mutable_data_ptr<float>() + i * groups);
    });
    return normed;
}

NormGradients group_norm_backward(const at::Tensor& grad, const at::Tensor& x, std::span<const Span> clips,
                                  const at::Tensor& weight, const at::Tensor& means, const at::Tensor& rstds,
                                  const at::Tensor& rest) {
    const std::int64_t channels = x.size(1), groups = group_count(static_cast<int>(channels));
    if (!fits(x) || !fits(grad) || (rest.defined() && !fits(rest)))
        return plain_backward(grad, x, clips, weight, means, rstds, rest, groups);
    const auto count = static_cast<std::int64_t>(clips.size());
    const at::Tensor out = at::empty_like(x), sums = at::empty({count, 2 * channels}, x.options());
    share_work(count, x.numel() * 4, [&](std::int64_t i, std::int64_t) {
        const Span& clip = clips[static_cast<std::size_t>(i)];
        const std::int64_t start = clip.start * channels;
        float* sum = sums.mutable_data_ptr<float>() + i * 2 * channels;
        norm_clip_backward(grad.const_data_ptr<float>() + start, x.const_data_ptr<float>() + start,
                           rest.defined() ? rest.const_data_ptr<float>() + start : nullptr, clip.length,
                           channels, groups, weight.const_data_ptr<float>(),
                           means.const_data_ptr<float>() + i * groups,
                           rstds.const_data_ptr<float>() + i * groups, out.mutable_data_ptr<float>() + start,
                           sum, sum + channels);
    });
    const at::Tensor all = column_sums(sums);
    return {out, all.narrow(0, 0, channels), all.narrow(0, channels, channels)};
}

}  // namespace testudo::nets
