#include "asr/voice_activity.h"

#include <algorithm>
#include <cmath>

#include "audio/resample.h"
#include "core/error.h"
#include "core/program_files.h"
#include "core/strings.h"
#include "nets/silero_vad.h"
#include "tensors/torchscript.h"
#include "tensors/weights.h"

namespace testudo::asr {

namespace {

constexpr std::size_t windows_at_once = 256;  // 8 s
constexpr std::size_t window = nets::SileroVad::window, context = nets::SileroVad::context;

tensors::NamedTensors read_voice_weights(const std::filesystem::path& file) {
    return tensors::kind_of_file(file) == tensors::FileKind::torch_zip ? tensors::read_torchscript(file)
                                                                       : tensors::read_weights(file);
}

}  // namespace

struct VoiceActivity::Net {
    nets::SileroVad vad;
};

VoiceActivity::VoiceActivity(std::unique_ptr<Net> net) : net_(std::move(net)) {}
VoiceActivity::VoiceActivity(VoiceActivity&&) noexcept = default;
VoiceActivity& VoiceActivity::operator=(VoiceActivity&&) noexcept = default;
VoiceActivity::~VoiceActivity() = default;

VoiceActivity VoiceActivity::load(const std::filesystem::path& file) {
    const std::filesystem::path path = file.empty() ? program_file("vad/silero_vad.jit") : file;
    const tensors::NamedTensors weights = read_voice_weights(path);
    return VoiceActivity(std::make_unique<Net>(
        Net{{[&](const std::string& name) { return weights.find(name); }, to_utf8(path.native())}}));
}

std::vector<float> VoiceActivity::probabilities(std::span<const float> samples) const {
    SpeechStream stream(*this);
    stream.feed(samples);
    stream.finish();
    const auto found = stream.probabilities();
    return {found.begin(), found.end()};
}

std::vector<Span> VoiceActivity::speech(const audio::Clip& clip, const SpeechOptions& options) const {
    if (clip.samples.empty()) return {};
    if (clip.rate <= 0)
        throw input_error("the recording has no sampling rate", "Export the recording again.");
    SpeechStream stream(*this);
    audio::Resampler resampler(clip.rate, speech_rate);
    const auto block = static_cast<std::size_t>(clip.rate) * 10;
    for (std::size_t at = 0; at < clip.samples.size(); at += block)
        stream.feed(
            resampler.feed(std::span(clip.samples).subspan(at, std::min(block, clip.samples.size() - at))));
    stream.feed(resampler.finish());
    stream.finish();
    return stream.speech(options);
}

// --- one recording

struct SpeechStream::State {
    explicit State(const nets::SileroVad& net) : vad(net) {}
    const nets::SileroVad& vad;
    nets::SileroVad::State memory;
    // The samples before the next window (zeros at first), then those of windows that are not yet complete.
    std::vector<float> pending = std::vector<float>(context);
    std::vector<float> probabilities;
    std::size_t samples = 0;

    void run(std::size_t count);
};

// The first `count` of the pending windows.
void SpeechStream::State::run(std::size_t count) {
    if (count == 0) return;
    const auto steps = static_cast<std::int64_t>(count);
    const at::Tensor windows =
        at::from_blob(pending.data(), {static_cast<std::int64_t>(context + count * window)}, at::kFloat)
            .unfold(0, static_cast<std::int64_t>(context + window), static_cast<std::int64_t>(window));
    const auto found = vad.forward(windows.narrow(0, 0, steps), memory);
    probabilities.insert(probabilities.end(), found.begin(), found.end());
    pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(count * window));
}

SpeechStream::SpeechStream(const VoiceActivity& voice) : state_(std::make_unique<State>(voice.net_->vad)) {}
SpeechStream::~SpeechStream() = default;
SpeechStream::SpeechStream(SpeechStream&&) noexcept = default;

void SpeechStream::feed(std::span<const float> samples) {
    if (!std::all_of(samples.begin(), samples.end(), [](float sample) { return std::isfinite(sample); }))
        throw input_error("the recording holds samples that are no numbers (NaN or infinite)",
                          "Export the recording again, as 16-bit WAV for instance.");
    state_->samples += samples.size();
    std::vector<float>& pending = state_->pending;
    while (!samples.empty()) {
        const std::size_t room = context + windows_at_once * window - pending.size();
        const auto now = samples.first(std::min(room, samples.size()));
        pending.insert(pending.end(), now.begin(), now.end());
        samples = samples.subspan(now.size());
        if (now.size() == room) state_->run(windows_at_once);
    }
}

void SpeechStream::finish() {
    std::vector<float>& pending = state_->pending;
    const std::size_t count = (pending.size() - context + window - 1) / window;
    pending.resize(context + count * window);
    state_->run(count);
}

std::span<const float> SpeechStream::probabilities() const { return state_->probabilities; }
std::size_t SpeechStream::samples() const { return state_->samples; }
std::vector<Span> SpeechStream::speech(const SpeechOptions& options) const {
    return speech_spans(state_->probabilities, state_->samples, options);
}

}  // namespace testudo::asr
