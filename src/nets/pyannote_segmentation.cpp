#include "nets/pyannote_segmentation.h"

#include "core/strings.h"

namespace testudo::nets {

namespace {

constexpr std::int64_t taps = 251, stride = 10, hidden = 128, layers = 4;
constexpr std::int64_t filtered = (PyannoteSegmentation::window - taps) / stride + 1;  // of a window
constexpr double lowest = 50, narrowest = 50, epsilon = 1e-5;

// Band passes as differences of two low passes: 40 even (cosine) filters, then 40 odd (sine) ones.
at::Tensor sinc_filters(const at::Tensor& low_hz, const at::Tensor& band_hz, const at::Tensor& half_window,
                        const at::Tensor& times) {
    const at::Tensor low = lowest + low_hz.abs();
    const at::Tensor high = at::clamp(low + narrowest + band_hz.abs(), lowest,
                                      static_cast<double>(PyannoteSegmentation::rate) / 2);
    const at::Tensor band = (high - low).select(1, 0).unsqueeze(1);
    const at::Tensor low_phase = at::matmul(low, times), high_phase = at::matmul(high, times);
    const at::Tensor even = (high_phase.sin() - low_phase.sin()) / (times / 2) * half_window;
    const at::Tensor odd = (low_phase.cos() - high_phase.cos()) / (times / 2) * half_window;
    const at::Tensor cosine = at::cat({even, 2 * band, even.flip(1)}, 1) / (2 * band);
    const at::Tensor sine = at::cat({odd, at::zeros_like(band), -odd.flip(1)}, 1) / (2 * band);
    return at::cat({cosine, sine}, 0).unsqueeze(1);
}

}  // namespace

PyannoteSegmentation::PyannoteSegmentation(const Find& find) {
    Parameters wanted;
    const auto want = [&](const std::string& name, at::IntArrayRef shape) {
        return wanted.emplace_back(name, at::empty(shape, at::kFloat)).second;
    };
    const at::Tensor scale = want("sincnet.wav_norm1d.weight", {1}),
                     shift = want("sincnet.wav_norm1d.bias", {1});
    const std::string bank = "sincnet.conv1d.0.filterbank.";
    const at::Tensor low = want(bank + "low_hz_", {40, 1}), band = want(bank + "band_hz_", {40, 1}),
                     half_window = want(bank + "window_", {taps / 2}),
                     times = want(bank + "n_", {1, taps / 2});
    for (int i = 0; i < 3; ++i) {
        Convolution& made = convolutions_[i];
        const std::int64_t channels = i == 0 ? 80 : 60;
        if (i > 0) {
            made.weight = want(cat("sincnet.conv1d.", i, ".weight"), {60, i == 1 ? 80 : 60, 5});
            made.bias = want(cat("sincnet.conv1d.", i, ".bias"), {60});
        }
        made.norm_weight = want(cat("sincnet.norm1d.", i, ".weight"), {channels});
        made.norm_bias = want(cat("sincnet.norm1d.", i, ".bias"), {channels});
    }
    for (std::int64_t layer = 0; layer < layers; ++layer)
        for (const std::string direction : {"", "_reverse"}) {
            const std::string end = cat("l", layer, direction);
            lstm_.push_back(want("lstm.weight_ih_" + end, {4 * hidden, layer == 0 ? 60 : 2 * hidden}));
            lstm_.push_back(want("lstm.weight_hh_" + end, {4 * hidden, hidden}));
            lstm_.push_back(want("lstm.bias_ih_" + end, {4 * hidden}));
            lstm_.push_back(want("lstm.bias_hh_" + end, {4 * hidden}));
        }
    for (int i = 0; i < 2; ++i)
        linear_[i] = {want(cat("linear.", i, ".weight"), {hidden, i == 0 ? 2 * hidden : hidden}),
                      want(cat("linear.", i, ".bias"), {hidden})};
    classifier_ = {want("classifier.weight", {speakers, hidden}), want("classifier.bias", {speakers})};
    load_parameters(wanted, find, "the speaker segmentation");

    wave_scale_ = scale.item<double>();
    wave_shift_ = shift.item<double>();
    filters_ = sinc_filters(low, band, half_window, times);
    filter_sums_ = filters_.sum(at::IntArrayRef({1, 2}));
}

at::Tensor PyannoteSegmentation::operator()(const at::Tensor& wave, std::int64_t step) const {
    c10::InferenceMode inference;
    TORCH_CHECK(step > 0 && step % stride == 0 && wave.dim() == 1 && wave.size(0) >= window);
    // The filters are linear, so that each window's normalisation can follow them: what windows share is
    // filtered once.
    const at::Tensor windows = wave.unfold(0, window, step);
    const at::Tensor mean = windows.mean(1, true);  // [windows, 1]
    const at::Tensor gain =
        wave_scale_ * at::rsqrt(at::var(windows, at::OptionalIntArrayRef({1}), 0, true) + epsilon);
    at::Tensor x = at::conv1d(wave.view({1, 1, -1}), filters_, {}, stride)[0]
                       .unfold(1, filtered, step / stride)
                       .permute({1, 0, 2});  // [windows, 80, filtered]
    x = (x * gain.unsqueeze(2) + ((wave_shift_ - mean * gain) * filter_sums_).unsqueeze(2)).abs();
    for (int i = 0; i < 3; ++i) {
        const Convolution& c = convolutions_[i];
        if (i > 0) x = at::conv1d(x, c.weight, c.bias);
        x = at::max_pool1d(x, 3);
        x = at::instance_norm(x, c.norm_weight, c.norm_bias, {}, {}, true, 0, epsilon, false);
        x = at::leaky_relu(x, 0.01);
    }
    const at::Tensor state = at::zeros({2 * layers, x.size(0), hidden});
    x = std::get<0>(
        at::lstm(x.transpose(1, 2).contiguous(), {state, state}, lstm_, true, layers, 0, false, true, true));
    for (const auto& [weight, bias] : linear_) x = at::leaky_relu(at::linear(x, weight, bias), 0.01);
    return at::sigmoid(at::linear(x, classifier_.first, classifier_.second));
}

}  // namespace testudo::nets
