#include "audio/mel.h"

#include <cmath>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::audio {

namespace {

// Slaney's scale (Auditory Toolbox, 1998) is linear up to 1000 Hz and logarithmic above.
constexpr double slaney_step = 200.0 / 3, slaney_knee = 1000, slaney_knee_mel = slaney_knee / slaney_step;
const double slaney_log_step = std::log(6.4) / 27;

double to_mel(double hertz, MelScale scale) {
    if (scale == MelScale::htk) return 2595 * std::log10(1 + hertz / 700);
    return hertz < slaney_knee ? hertz / slaney_step
                               : slaney_knee_mel + std::log(hertz / slaney_knee) / slaney_log_step;
}

at::Tensor to_hertz(const at::Tensor& mel, MelScale scale) {
    if (scale == MelScale::htk) return 700 * (at::pow(10.0, mel / 2595) - 1);
    return at::where(mel < slaney_knee_mel, mel * slaney_step,
                     slaney_knee * at::exp((mel - slaney_knee_mel) * slaney_log_step));
}

}  // namespace

at::Tensor mel_filters(int rate, int n_fft, int bands, double lowest, double highest, MelScale scale) {
    // The HTK tables are torchaudio's, made in single precision; the same rounding keeps quiet bands equal.
    const auto type = scale == MelScale::htk ? at::kFloat : at::kDouble;
    const at::Tensor bins = at::linspace(0, rate / 2.0, n_fft / 2 + 1, type);
    const at::Tensor corners =
        to_hertz(at::linspace(to_mel(lowest, scale), to_mel(highest, scale), bands + 2, type), scale)
            .unsqueeze(1);
    const at::Tensor left = corners.narrow(0, 0, bands), middle = corners.narrow(0, 1, bands),
                     right = corners.narrow(0, 2, bands);
    const at::Tensor rising = (bins - left) / (middle - left), falling = (right - bins) / (right - middle);
    return (at::minimum(rising, falling).clamp_min(0) * (2 / (right - left))).to(at::kFloat);
}

at::Tensor tortoise_mel_filters() {
    static const at::Tensor filters =
        mel_filters(tortoise_rate, tortoise_n_fft, tortoise_mels, 0, 8000, MelScale::htk);
    return filters;
}

at::Tensor tortoise_window() {
    static const at::Tensor window = at::hann_window(tortoise_n_fft, at::kDouble).to(at::kFloat);
    return window;
}

at::Tensor tortoise_mel(const at::Tensor& wave) {
    const std::int64_t length = wave.size(-1);
    if (length <= tortoise_n_fft / 2)
        throw input_error(cat("a clip of ", length, " samples is too short for a mel spectrogram"),
                          cat("Use clips of at least ", tortoise_n_fft / 2 + 1, " samples (23 ms)."));
    const at::Tensor rows = wave.reshape({-1, length});
    const at::Tensor spectrum =
        at::view_as_real(at::stft(rows, tortoise_n_fft, tortoise_hop, tortoise_n_fft,
                                  tortoise_window().to(rows.device()), /*center=*/true, "reflect",
                                  /*normalized=*/false, /*onesided=*/true, /*return_complex=*/true));
    const at::Tensor power = spectrum.square().sum(-1);  // [rows, 513, frames]
    const at::Tensor mel = at::matmul(tortoise_mel_filters().to(rows.device()), power);
    const at::Tensor norms = mel_norms().to(rows.device()).unsqueeze(1);
    std::vector<std::int64_t> shape(wave.sizes().begin(), wave.sizes().end() - 1);
    shape.push_back(tortoise_mels);
    shape.push_back(mel.size(-1));
    return (mel.clamp_min(1e-5).log() / norms).reshape(shape);
}

}  // namespace testudo::audio
