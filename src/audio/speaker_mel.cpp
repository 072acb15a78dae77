#include "audio/speaker_mel.h"

#include "audio/mel.h"

namespace testudo::audio {

at::Tensor speaker_mel(const at::Tensor& wave) {
    constexpr std::int64_t fft = 400;
    static const at::Tensor filters =
        mel_filters(speaker_rate, fft, speaker_bands, 0, speaker_rate / 2.0, MelScale::slaney)
            .t()
            .contiguous();
    static const at::Tensor window = at::hann_window(fft, at::kFloat);
    const at::Tensor padded = at::constant_pad_nd(wave, {fft / 2, fft / 2});
    const at::Tensor spectrum = at::fft_rfft(padded.unfold(0, fft, speaker_hop) * window);
    return at::matmul(at::view_as_real(spectrum).square().sum(-1), filters);
}

}  // namespace testudo::audio
