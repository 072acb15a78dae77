#include "synthesis/preview.h"

#include <algorithm>

#include "audio/mel.h"
#include "audio/resample.h"
#include "core/error.h"
#include "core/strings.h"
#include "nets/dvae.h"
#include "nets/unified_voice.h"
#include "text/tokenizer.h"

namespace testudo::synthesis {
namespace {

at::Tensor to_wave_tensor(const audio::Clip& clip) {
    if (clip.samples.empty() || clip.rate <= 0)
        throw input_error("the clip is empty", "Give a recording that holds sound.");
    const audio::Clip& at_rate =
        clip.rate == audio::tortoise_rate ? clip : audio::resample(clip, audio::tortoise_rate);
    return at::tensor(at::ArrayRef<float>(at_rate.samples));
}

at::Tensor code_tensor(const nets::Dvae& dvae, std::span<const int> codes) {
    if (codes.empty()) throw input_error("there are no codes to decode", "Generate at least one code.");
    const int count = dvae.config().num_tokens;
    for (const int code : codes)
        if (code < 0 || code >= count)
            throw input_error(cat("code ", code, " is outside the DVAE's codebook of ", count),
                              "Use the DVAE that the model was trained with.");
    const std::vector<std::int64_t> ids(codes.begin(), codes.end());
    return at::tensor(ids).unsqueeze(0);
}

at::Device device_of(const nets::Dvae& dvae) { return dvae.parameters().front().second.device(); }

}  // namespace

audio::Clip codes_to_wave(const nets::Dvae& dvae, std::span<const int> codes,
                          const GriffinLimOptions& options) {
    const at::NoGradGuard no_grad;
    return mel_to_wave(dvae.decode(code_tensor(dvae, codes).to(device_of(dvae))), options);
}

Resynthesis resynthesise(const nets::Dvae& dvae, const audio::Clip& clip, const GriffinLimOptions& options) {
    const at::NoGradGuard no_grad;
    at::Tensor wave = to_wave_tensor(clip);
    // The centred spectrogram needs half a window to reflect.
    const std::int64_t least = audio::tortoise_n_fft / 2 + 1;
    if (wave.numel() < least) wave = at::constant_pad_nd(wave, {0, least - wave.numel()});
    const at::Tensor mel = audio::tortoise_mel(wave.unsqueeze(0)).to(device_of(dvae));
    const at::Tensor codes = dvae.codes(mel);
    const at::Tensor decoded = dvae.decode(codes).narrow(2, 0, mel.size(2));
    Resynthesis out;
    const at::Tensor flat = codes.reshape({-1}).cpu();
    out.codes.assign(flat.const_data_ptr<std::int64_t>(), flat.const_data_ptr<std::int64_t>() + flat.numel());
    out.mel_error = (decoded - mel).abs().mean().item<double>();
    out.clip = mel_to_wave(decoded, options);
    return out;
}

at::Tensor conditioning_mel(const audio::Clip& clip) {
    constexpr std::int64_t length = 132300;  // 6 s, as tortoise-tts cuts and pads
    at::Tensor wave = to_wave_tensor(clip);
    const std::int64_t gap = wave.numel() - length;
    // The reference crops at random; the middle is as good and repeatable.
    wave = gap > 0 ? wave.narrow(0, gap / 2, length) : at::constant_pad_nd(wave, {0, -gap});
    return audio::tortoise_mel(wave);
}

Preview speak_preview(const nets::UnifiedVoice& model, const text::Tokenizer& tokenizer,
                      const nets::Dvae& dvae, std::span<const audio::Clip> conditioning,
                      std::string_view text, const PreviewOptions& options,
                      const std::function<void(int, int)>& step) {
    return speak_preview(make_generator(model, options.positions), tokenizer, dvae, conditioning, text,
                         options, step);
}

Preview speak_preview(const nets::VoiceGenerator& generator, const text::Tokenizer& tokenizer,
                      const nets::Dvae& dvae, std::span<const audio::Clip> conditioning,
                      std::string_view text, const PreviewOptions& options,
                      const std::function<void(int, int)>& step) {
    const at::NoGradGuard no_grad;
    const auto encoded = tokenizer.encode(text);
    if (encoded.ids.empty()) throw usage_error("the text to speak is empty", "Write a sentence of words.");
    std::vector<at::Tensor> mels;
    for (const auto& clip : conditioning) mels.push_back(conditioning_mel(clip));
    SamplingOptions sampling = options.sampling;
    sampling.usable_codes = std::min(sampling.usable_codes, dvae.config().num_tokens);
    sampling.max_codes = std::min<int>(sampling.max_codes, static_cast<int>(generator.max_codes()));
    const auto candidates =
        sample_codes(generator, generator.conditioning_latent(mels), encoded.ids, sampling, step);
    const auto spoken = std::find_if(candidates.begin(), candidates.end(), [](const Candidate& candidate) {
        return candidate.stopped && !candidate.codes.empty();
    });
    Preview preview;
    preview.candidate = spoken == candidates.end() ? candidates.front() : *spoken;
    if (preview.candidate.codes.empty())
        throw input_error("the model stopped before its first code, so there is nothing to hear",
                          "Train it longer, or try another seed.");
    preview.clip = codes_to_wave(dvae, preview.candidate.codes, options.griffin_lim);
    return preview;
}

}  // namespace testudo::synthesis
