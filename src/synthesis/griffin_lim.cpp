#include "synthesis/griffin_lim.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include "audio/mel.h"
#include "core/error.h"
#include "core/strings.h"

namespace testudo::synthesis {
namespace {

// Uniform phases from our own generator, so that a clip sounds the same on every machine and libtorch
// version.
at::Tensor random_phases(at::IntArrayRef shape, std::uint64_t seed) {
    at::Tensor phases = at::empty(shape, at::kFloat);
    std::mt19937_64 random(seed);
    float* values = phases.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < phases.numel(); ++i)
        values[i] = static_cast<float>(static_cast<double>(random() >> 11) * 0x1p-53 * 2 * std::numbers::pi);
    return phases;
}

}  // namespace

at::Tensor invert_mel(const at::Tensor& mel, int iterations) {
    const at::NoGradGuard no_grad;
    const auto options = mel.options().dtype(at::kFloat);
    const at::Tensor filters = audio::tortoise_mel_filters().to(options);  // [80, 513]
    const at::Tensor energy =
        (mel.to(at::kFloat) * audio::mel_norms().to(options).unsqueeze(1)).clamp(-12, 20).exp();
    // Each frequency starts at the weighted mean of the bands that cover it: smooth, as speech's envelope is.
    const at::Tensor covered = filters.sum(0, /*keepdim=*/true).t();  // [513, 1]
    const at::Tensor density = energy / filters.sum(1, true);
    at::Tensor power = filters.t().matmul(density) / covered.clamp_min(1e-12);
    power = power * (covered > 1e-12);
    // Multiplicative updates of the Kullback-Leibler divergence (Lee and Seung 2001): the error of each band
    // counts relative to its size, as it does in a log mel.
    for (int i = 0; i < iterations; ++i) {
        const at::Tensor ratio = energy / filters.matmul(power).clamp_min(1e-12);
        power = power * (filters.t().matmul(ratio) / covered.clamp_min(1e-12));
    }
    return power;
}

at::Tensor griffin_lim(const at::Tensor& magnitude, int n_fft, int hop, const GriffinLimOptions& options) {
    const at::NoGradGuard no_grad;
    if (magnitude.dim() != 2 || magnitude.size(0) != n_fft / 2 + 1 || magnitude.size(1) < 1)
        throw usage_error("a magnitude spectrogram must be [n_fft/2 + 1, frames]", "Check its shape.");
    if (options.iterations < 0 || !(options.momentum >= 0 && options.momentum < 1))
        throw usage_error("Griffin-Lim needs 0 or more iterations and a momentum from 0 to below 1",
                          "Correct the options.");
    const std::int64_t frames = magnitude.size(1), length = (frames - 1) * hop;
    // Centred frames reflect n_fft/2 samples at either end, which so many frames must hold.
    const std::int64_t least = n_fft / 2 / hop + 2;
    if (frames < least)
        return griffin_lim(at::constant_pad_nd(magnitude, {0, least - frames}), n_fft, hop, options)
            .narrow(0, 0, length);
    const at::Tensor wanted = magnitude.to(at::kFloat);
    const at::Tensor window = at::hann_window(n_fft, wanted.options());
    const at::Tensor start = random_phases(wanted.sizes(), options.seed).to(wanted.device());
    at::Tensor phase = at::polar(at::ones_like(wanted), start);
    at::Tensor before = at::zeros_like(phase);
    const double momentum = options.momentum / (1 + options.momentum);
    const auto to_wave = [&](const at::Tensor& spectrum) {
        return at::istft(spectrum.unsqueeze(0), n_fft, hop, n_fft, window, /*center=*/true,
                         /*normalized=*/false, /*onesided=*/true, length)
            .squeeze(0);
    };
    for (int i = 0; i < options.iterations; ++i) {
        const at::Tensor rebuilt =
            at::stft(to_wave(wanted * phase).unsqueeze(0), n_fft, hop, n_fft, window, /*center=*/true,
                     "reflect", /*normalized=*/false, /*onesided=*/true, /*return_complex=*/true)
                .squeeze(0);
        const at::Tensor moved = rebuilt - before * momentum;
        phase = moved / (moved.abs() + 1e-16);
        before = rebuilt;
    }
    return to_wave(wanted * phase);
}

audio::Clip mel_to_wave(const at::Tensor& mel, const GriffinLimOptions& options) {
    const at::NoGradGuard no_grad;
    at::Tensor plain = mel.detach().to(at::kFloat);
    if (plain.dim() == 3 && plain.size(0) == 1) plain = plain.squeeze(0);
    if (plain.dim() != 2 || plain.size(0) != audio::tortoise_mels || plain.size(1) < 1)
        throw input_error("the mel spectrogram is not [80, frames]", "Give one clip's mel spectrogram.");
    if (!at::isfinite(plain).all().item<bool>())
        throw input_error("the mel spectrogram holds values that are not finite",
                          "Check the model that made it: its training may have diverged.");
    const at::Tensor wave =
        griffin_lim(invert_mel(plain).sqrt(), audio::tortoise_n_fft, audio::tortoise_hop, options)
            .cpu()
            .contiguous();
    audio::Clip clip;
    clip.rate = audio::tortoise_rate;
    clip.samples.assign(wave.const_data_ptr<float>(), wave.const_data_ptr<float>() + wave.numel());
    float peak = 0;
    for (const float sample : clip.samples) peak = std::max(peak, std::abs(sample));
    if (peak > 0.99f)
        for (float& sample : clip.samples) sample *= 0.99f / peak;
    return clip;
}

}  // namespace testudo::synthesis
