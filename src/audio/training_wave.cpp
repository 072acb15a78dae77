#include "audio/training_wave.h"

#include "audio/decode.h"
#include "audio/resample.h"

namespace testudo::audio {

at::Tensor load_training_wave(const std::filesystem::path& file) {
    const Clip clip = load(file, 0, Mix::first_channel);
    const at::Tensor wave = at::tensor(clip.samples, at::kFloat);
    return resample_sinc(wave, clip.rate, training_rate).clamp(-1, 1);
}

}  // namespace testudo::audio
