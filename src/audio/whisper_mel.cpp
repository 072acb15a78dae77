#include "audio/whisper_mel.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "audio/mel.h"
#include "core/error.h"
#include "core/strings.h"

namespace testudo::audio {

at::Tensor whisper_mel_filters(int bands) {
    static std::mutex mutex;
    static std::map<int, at::Tensor> made;
    const std::lock_guard lock(mutex);
    at::Tensor& filters = made[bands];
    if (!filters.defined())
        filters = mel_filters(whisper_rate, whisper_n_fft, bands, 0, whisper_rate / 2.0, MelScale::slaney);
    return filters;
}

at::Tensor whisper_mel(const at::Tensor& wave, int bands, std::int64_t padding) {
    constexpr int edge = whisper_n_fft / 2;
    const std::int64_t length = wave.size(-1) + padding, frames = length / whisper_hop;
    if (length <= edge)
        throw input_error(cat("a recording of ", length, " samples is too short to transcribe"),
                          "Use recordings of at least a tenth of a second.");
    const at::Tensor padded =
        at::reflection_pad1d(at::constant_pad_nd(wave.reshape({1, -1}), {0, padding}), {edge, edge})
            .squeeze(0);
    const at::Tensor filters = whisper_mel_filters(bands).to(wave.device());
    const at::Tensor window = at::hann_window(whisper_n_fft, wave.options());
    at::Tensor out = at::empty({bands, frames}, wave.options());
    constexpr std::int64_t block = 6000;  // a minute at a time
    for (std::int64_t first = 0; first < frames; first += block) {
        const std::int64_t count = std::min(block, frames - first);
        const at::Tensor piece =
            padded.narrow(0, first * whisper_hop, (count - 1) * whisper_hop + whisper_n_fft);
        const at::Tensor spectrum = at::view_as_real(
            at::stft(piece, whisper_n_fft, whisper_hop, whisper_n_fft, window, /*center=*/false, "reflect",
                     /*normalized=*/false, /*onesided=*/true, /*return_complex=*/true));
        out.narrow(1, first, count).copy_(at::matmul(filters, spectrum.square().sum(-1)));
    }
    out.clamp_min_(1e-10).log10_();
    out.clamp_min_(out.max() - 8);
    return out.add_(4).div_(4);
}

}  // namespace testudo::audio
