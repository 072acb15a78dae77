#include "asr/diarisation.h"

#include <algorithm>
#include <cmath>

#include "asr/speaker_segmentation.h"
#include "asr/speaker_vectors.h"
#include "audio/resample.h"
#include "audio/speaker_mel.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "nets/pyannote_segmentation.h"
#include "nets/speaker_encoder.h"

namespace testudo::asr {

namespace {

using Encoder = nets::SpeakerEncoder;
constexpr double segmentation_step = 2.5;  // s; half a window: each place is heard twice
constexpr double shortest_speech = 0.1, long_pause = 0.6, frame_seconds = 0.01;
constexpr std::int64_t window_hop = 40;  // frames
constexpr std::size_t windows_together = 64;

void check_stop() {
    if (stop_requested())
        throw Error(ErrorKind::interrupted, "telling speakers apart was interrupted",
                    "Run the command again.");
}

// Fills `heard.frames` and `heard.windows`.
void plan(const std::vector<Span>& speech, std::int64_t all_frames, HeardVoices& heard) {
    std::vector<std::size_t> blocks;  // where each begins in `frames`
    double last_end = -long_pause;
    for (const Span& span : speech) {
        if (span.end - span.start < shortest_speech) continue;
        if (span.start - last_end >= long_pause) blocks.push_back(heard.frames.size());
        last_end = span.end;
        std::int64_t frame = static_cast<std::int64_t>(span.start / frame_seconds);
        if (!heard.frames.empty()) frame = std::max<std::int64_t>(frame, heard.frames.back() + 1);
        const std::int64_t end = std::min(all_frames, static_cast<std::int64_t>(span.end / frame_seconds));
        for (; frame < end; ++frame) heard.frames.push_back(static_cast<std::int32_t>(frame));
    }
    blocks.push_back(heard.frames.size());
    for (std::size_t b = 0; b + 1 < blocks.size(); ++b) {
        const auto first = static_cast<std::int64_t>(blocks[b]);
        const std::int64_t length = static_cast<std::int64_t>(blocks[b + 1]) - first;
        if (length <= 0) continue;
        const std::int64_t rest = std::max<std::int64_t>(0, length - Encoder::frames);
        const std::int64_t hops = (rest + window_hop - 1) / window_hop;
        for (std::int64_t i = 0; i <= hops; ++i)
            heard.windows.push_back({first + (hops ? (2 * rest * i + hops) / (2 * hops) : 0),
                                     std::min(length, Encoder::frames), b});
    }
}

// The spectrogram of a sound that comes piece by piece: speech frames alone are kept, and only until the last
// window that needs them was heard.
class WindowReader {
  public:
    WindowReader(const Encoder& encoder, HeardVoices& heard) : encoder_(encoder), heard_(heard) {
        heard.vectors.reserve(heard.windows.size() * Encoder::dimensions);
    }

    void feed(std::span<const float> samples) {
        for (std::size_t at = 0; at < samples.size(); at += section) {
            const auto some = samples.subspan(at, std::min(section, samples.size() - at));
            pending_.insert(pending_.end(), some.begin(), some.end());
            if (pending_.size() >= section) take(false);
        }
    }
    void finish() {
        take(true);
        embed();
    }

  private:
    static constexpr std::size_t section = 30 * audio::speaker_rate;
    static constexpr std::int64_t margin = 2;  // frames at an inner end that lack sound under their window

    void take(bool last) {
        check_stop();
        const auto there = static_cast<std::int64_t>(pending_.size());
        const at::Tensor mel =
            audio::speaker_mel(at::from_blob(pending_.data(), {there}, at::TensorOptions(at::kFloat)));
        const std::int64_t end = last ? mel.size(0) : mel.size(0) - margin;
        std::vector<std::int64_t> speech;
        for (; next_ < heard_.frames.size() && heard_.frames[next_] < first_frame_ + end; ++next_)
            speech.push_back(heard_.frames[next_] - first_frame_);
        if (!speech.empty()) {
            const at::Tensor rows = mel.index_select(0, at::tensor(speech, at::kLong)).contiguous();
            kept_.insert(kept_.end(), rows.const_data_ptr<float>(),
                         rows.const_data_ptr<float>() + rows.numel());
        }
        if (!last) {
            // The next section begins so that its first whole frame is the one after ours.
            const std::int64_t done = end - margin;
            pending_.erase(pending_.begin(),
                           pending_.begin() + static_cast<std::ptrdiff_t>(done * audio::speaker_hop));
            first_frame_ += done;
        }
        gather();
    }

    // Every window whose frames are all there.
    void gather() {
        const auto there = static_cast<std::int64_t>(next_);
        for (; window_ < heard_.windows.size(); ++window_) {
            const auto& window = heard_.windows[window_];
            if (window.first + window.length > there) break;
            // What is shorter than a window is heard again and again.
            for (std::int64_t i = 0; i < Encoder::frames; ++i) {
                const auto* row =
                    kept_.data() + (window.first - kept_first_ + i % window.length) * Encoder::bands;
                batch_.insert(batch_.end(), row, row + Encoder::bands);
            }
            if (batch_.size() >= windows_together * Encoder::frames * Encoder::bands) embed();
        }
        const std::int64_t needed = window_ < heard_.windows.size() ? heard_.windows[window_].first : there;
        kept_.erase(kept_.begin(),
                    kept_.begin() + static_cast<std::ptrdiff_t>((needed - kept_first_) * Encoder::bands));
        kept_first_ = needed;
    }

    void embed() {
        if (batch_.empty()) return;
        const auto windows = static_cast<std::int64_t>(batch_.size()) / (Encoder::frames * Encoder::bands);
        const at::Tensor mels = at::from_blob(batch_.data(), {windows, Encoder::frames, Encoder::bands},
                                              at::TensorOptions(at::kFloat));
        const at::Tensor vectors = encoder_(mels).contiguous();
        heard_.vectors.insert(heard_.vectors.end(), vectors.const_data_ptr<float>(),
                              vectors.const_data_ptr<float>() + vectors.numel());
        batch_.clear();
    }

    const Encoder& encoder_;
    HeardVoices& heard_;
    std::vector<float> pending_, kept_, batch_;
    std::int64_t first_frame_ = 0, kept_first_ = 0;
    std::size_t next_ = 0, window_ = 0;
};

}  // namespace

Diariser::Diariser() : segmentation_(load_segmentation()), encoder_(load_speaker_encoder()) {}
Diariser::~Diariser() = default;
Diariser::Diariser(Diariser&&) noexcept = default;
Diariser& Diariser::operator=(Diariser&&) noexcept = default;

HeardVoices Diariser::listen(const Sound& sound) const {
    c10::InferenceMode inference;
    HeardVoices heard;
    std::int64_t samples = 0;
    SpeechScores scores(*segmentation_, segmentation_step);
    sound([&](std::span<const float> some) {
        check_stop();
        samples += static_cast<std::int64_t>(some.size());
        scores.feed(some);
        return true;
    });
    plan(binarize(scores.finish(), SpeechScores::frames()), samples / audio::speaker_hop + 1, heard);
    if (heard.windows.empty()) return heard;
    WindowReader reader(*encoder_, heard);
    std::int64_t again = 0;
    sound([&](std::span<const float> some) {
        again += static_cast<std::int64_t>(some.size());
        reader.feed(some);
        return true;
    });
    if (again != samples)
        throw input_error("the recording changed while it was read", "Run the command again.");
    reader.finish();
    return heard;
}

std::vector<SpeakerSpan> diarise(const audio::Clip& clip, const DiariseOptions& options) {
    if (clip.samples.empty()) return {};
    audio::Clip resampled;
    const audio::Clip* source = &clip;
    if (clip.rate != audio::speaker_rate) {
        resampled = audio::resample(clip, audio::speaker_rate);
        source = &resampled;
    }
    const Sound sound = [&](const std::function<bool(std::span<const float>)>& sink) {
        sink(source->samples);
    };
    return cluster_speakers({Diariser().listen(sound)}, options).front();
}

}  // namespace testudo::asr
