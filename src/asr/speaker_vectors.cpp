#include "asr/speaker_vectors.h"

#include <algorithm>

#include "audio/speaker_mel.h"
#include "core/program_files.h"
#include "nets/speaker_encoder.h"
#include "tensors/safetensors.h"

namespace testudo::asr {

namespace {

using Net = nets::SpeakerEncoder;
constexpr std::int64_t hop = audio::speaker_hop;

}  // namespace

std::unique_ptr<Net> load_speaker_encoder(const std::filesystem::path& file) {
    const auto weights =
        tensors::read_safetensors(file.empty() ? program_file("speakers/encoder.safetensors") : file);
    return std::make_unique<Net>([&](const std::string& name) { return weights.find(name); });
}

std::vector<std::int64_t> utterance_windows(std::int64_t samples) {
    constexpr std::int64_t step = 77;
    constexpr double least_filled = 0.75;
    const std::int64_t past_last = std::max<std::int64_t>(1, samples / hop + 1 - Net::frames + step + 1);
    std::vector<std::int64_t> begins;
    for (std::int64_t at = 0; at < past_last; at += step) begins.push_back(at);
    const double filled = static_cast<double>(samples - begins.back() * hop) / (Net::frames * hop);
    if (filled < least_filled && begins.size() > 1) begins.pop_back();
    return begins;
}

at::Tensor window_vectors(const Net& encoder, std::span<const float> samples) {
    c10::InferenceMode inference;
    const auto count = static_cast<std::int64_t>(samples.size());
    const std::vector<std::int64_t> begins = utterance_windows(count);
    const at::Tensor wave =
        at::from_blob(const_cast<float*>(samples.data()), {count}, at::TensorOptions(at::kFloat));
    const std::int64_t missing = std::max<std::int64_t>(0, (begins.back() + Net::frames) * hop - count);
    const at::Tensor mel = audio::speaker_mel(at::constant_pad_nd(wave, {0, missing}));
    std::vector<at::Tensor> windows;
    for (const std::int64_t begin : begins) windows.push_back(mel.narrow(0, begin, Net::frames));
    return encoder(at::stack(windows));
}

at::Tensor speaker_vector(const Net& encoder, std::span<const float> samples) {
    c10::InferenceMode inference;
    const at::Tensor mean = window_vectors(encoder, samples).mean(0);
    return mean / at::clamp_min(mean.norm(), 1e-12);
}

}  // namespace testudo::asr
