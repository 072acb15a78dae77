#include "dataset/trim.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace testudo::dataset {

namespace {

constexpr double measures_per_second = 20;
constexpr double high_pass = 50, low_pass = 6000;             // Hz, of the spectrum
constexpr double high_pass_lift = 150, low_pass_lift = 2000;  // Hz, pitches looked for in the cepstrum
constexpr double noise_reduction = 1.35;
constexpr double noise_up_time = 0.1, noise_down_time = 0.01, smooth_time = 0.4;  // s

float decay(double seconds) { return static_cast<float>(std::exp(-1 / (seconds * measures_per_second))); }

at::Tensor scaled_hann(std::int64_t length) {
    return at::hann_window(length) * (2 / std::sqrt(static_cast<double>(length)));
}

// One value for each window of 0.1 s, 20 a second: how much pitch there is above the noise; 0 for none.
class VoiceMeter {
  public:
    VoiceMeter(int rate, double boot_time)
        : window_samples_(static_cast<std::int64_t>(rate * 2 / measures_per_second + 0.5)),
          boot_measures_(static_cast<int>(boot_time * measures_per_second - 0.5)) {
        while (fft_size_ < window_samples_) fft_size_ *= 2;
        const auto bin = [&](double hertz) {
            return static_cast<std::int64_t>(hertz / rate * static_cast<double>(fft_size_) + 0.5);
        };
        first_ = std::max<std::int64_t>(bin(high_pass), 1);
        bins_ = std::min(bin(low_pass), fft_size_ / 2) - first_;
        lift_first_ = static_cast<std::int64_t>(std::ceil(rate * 0.5 / low_pass_lift));
        const auto lift_end =
            std::min(static_cast<std::int64_t>(std::floor(rate * 0.5 / high_pass_lift)), fft_size_ / 4);
        lifts_ = lift_end - lift_first_;
        if (!usable()) return;
        window_ = scaled_hann(window_samples_);
        lifter_ = scaled_hann(bins_);
        smooth_ = at::zeros({bins_});
        noise_ = at::zeros({bins_});
    }

    bool usable() const { return bins_ > 1 && lifts_ > 0; }  // not for a rate of a few hundred Hz
    std::int64_t window_samples() const { return window_samples_; }

    double measure(const at::Tensor& samples) {
        const bool booting = boot_count_ >= 0;
        const at::Tensor magnitude =
            at::fft_rfft(samples * window_, fft_size_).narrow(0, first_, bins_).abs();
        const float keep = booting
                               ? static_cast<float>(boot_count_) / (1.0f + static_cast<float>(boot_count_))
                               : decay(smooth_time);
        smooth_ = smooth_ * keep + magnitude * (1 - keep);
        const at::Tensor power = smooth_.square();
        if (booting) {
            noise_ = power;
            boot_count_ = boot_count_ == boot_measures_ ? -1 : boot_count_ + 1;
        } else {
            const at::Tensor rate = at::where(power > noise_, at::full_like(power, decay(noise_up_time)),
                                              at::full_like(power, decay(noise_down_time)));
            noise_ = noise_ * rate + power * (1 - rate);
        }
        const at::Tensor clean = (power - noise_reduction * noise_).clamp_min(0).sqrt() * lifter_;
        const at::Tensor spectrum = at::constant_pad_nd(clean, {first_, fft_size_ / 2 - first_ - bins_});
        const double pitch =
            at::fft_rfft(spectrum).narrow(0, lift_first_, lifts_).abs().square().sum().item<double>();
        return pitch > 0 ? std::max(0.0, 21 + std::log(pitch / static_cast<double>(lifts_))) : 0;
    }

  private:
    std::int64_t window_samples_ = 0, fft_size_ = 16;
    std::int64_t first_ = 0, bins_ = 0, lift_first_ = 0, lifts_ = 0;
    int boot_measures_ = 0, boot_count_ = 0;  // -1: the first noise estimate is done
    at::Tensor window_, lifter_, smooth_, noise_;
};

// How many measures before the trigger belong to speech: back over weaker bursts that are at most `gap`
// measures away from a stronger one, to the silence before them. newest_first[0] is the triggering measure;
// measures before the first count as silence.
std::size_t measures_of_speech(const std::vector<double>& measures, std::size_t span, double level,
                               std::size_t gap) {
    std::size_t trigger = span, silence = span;
    for (std::size_t back = 0; back < span; ++back) {
        const double value = back < measures.size() ? measures[measures.size() - 1 - back] : 0;
        if (value >= level && back <= trigger + gap)
            trigger = silence = back;
        else if (value == 0 && trigger >= silence)
            silence = back;
    }
    return std::min(span - 1, silence);
}

}  // namespace

std::optional<std::size_t> speech_start(std::span<const float> samples, int rate,
                                        const TrimOptions& options) {
    VoiceMeter meter(rate, options.boot_time);
    if (!meter.usable()) return {};
    const auto length = static_cast<std::int64_t>(samples.size());
    const auto window = meter.window_samples();
    const auto period = static_cast<std::int64_t>(rate / measures_per_second + 0.5);
    const auto span = static_cast<std::int64_t>(std::ceil(options.search_time * measures_per_second));
    const auto gap = static_cast<std::size_t>(options.allowed_gap * measures_per_second + 0.5);
    const auto kept_before = static_cast<std::int64_t>(options.pre_trigger_time * rate + 0.5);
    const double keep = decay(options.trigger_time);

    // Each measure sees the window that ends before its sample; the very first begins one sample early.
    at::Tensor wave = at::empty({length + 1});
    wave[0] = 0;
    wave.narrow(0, 1, length)
        .copy_(at::from_blob(const_cast<float*>(samples.data()), {length}, at::TensorOptions(at::kFloat)));
    std::vector<double> measures;
    double mean = 0;
    for (std::int64_t at_sample = window - 1; at_sample < length; at_sample += period) {
        measures.push_back(meter.measure(wave.narrow(0, at_sample - window + 1, window)));
        mean = mean * keep + measures.back() * (1 - keep);
        if (mean < options.trigger_level) continue;
        const auto speech = static_cast<std::int64_t>(
            measures_of_speech(measures, static_cast<std::size_t>(span), options.trigger_level, gap));
        const std::int64_t start =
            at_sample + 1 - (kept_before + span * period + window) + (span - speech) * period;
        return static_cast<std::size_t>(std::max<std::int64_t>(start, 0));
    }
    return {};
}

}  // namespace testudo::dataset
