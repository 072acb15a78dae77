#include "asr/speaker_segmentation.h"

#include <algorithm>
#include <cmath>

#include "core/program_files.h"
#include "nets/pyannote_segmentation.h"
#include "tensors/safetensors.h"

namespace testudo::asr {

namespace {

using Net = nets::PyannoteSegmentation;
constexpr std::int64_t windows_together = 16;
constexpr double frame_step = static_cast<double>(Net::hop) / Net::rate;

}  // namespace

FrameTimes SpeechScores::frames() { return {0, static_cast<double>(Net::field) / Net::rate, frame_step}; }

SpeechScores::SpeechScores(const Net& net, double step)
    : net_(net), step_(std::max<std::int64_t>(1, std::llround(step * Net::rate / 10)) * 10) {}

// Where a window's first frame lies among all frames: the nearest, halves to the even one.
std::int64_t SpeechScores::frame_at(std::int64_t window) const {
    return static_cast<std::int64_t>(
        std::nearbyint(static_cast<double>(window * step_) / static_cast<double>(Net::hop)));
}

void SpeechScores::feed(std::span<const float> samples) {
    constexpr std::size_t piece = 1 << 16;
    for (std::size_t at = 0; at < samples.size(); at += piece) {
        const auto some = samples.subspan(at, std::min(piece, samples.size() - at));
        pending_.insert(pending_.end(), some.begin(), some.end());
        samples_ += static_cast<std::int64_t>(some.size());
        const auto there = static_cast<std::int64_t>(pending_.size());
        if (there >= Net::window + (windows_together - 1) * step_) run((there - Net::window) / step_ + 1);
    }
}

void SpeechScores::run(std::int64_t windows) {
    const std::int64_t length = Net::window + (windows - 1) * step_;
    const at::Tensor wave = at::from_blob(pending_.data(), {length}, at::TensorOptions(at::kFloat));
    const at::Tensor scores = net_(wave, step_).amax(-1).contiguous();
    static const std::vector<float> hamming = [] {
        const at::Tensor window = at::hamming_window(Net::frames, false, at::kFloat);
        return std::vector<float>(window.const_data_ptr<float>(),
                                  window.const_data_ptr<float>() + Net::frames);
    }();
    const float* score = scores.const_data_ptr<float>();
    for (std::int64_t w = 0; w < windows; ++w, score += Net::frames) {
        const auto first = static_cast<std::size_t>(frame_at(windows_ + w));
        sums_.resize(std::max(sums_.size(), first + Net::frames));
        weights_.resize(sums_.size());
        for (std::size_t i = 0; i < hamming.size(); ++i) {
            sums_[first + i] += hamming[i] * score[i];
            weights_[first + i] += hamming[i];
        }
    }
    windows_ += windows;
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(windows * step_));
}

std::vector<float> SpeechScores::finish() {
    if (samples_ == 0) return {};
    const auto whole = static_cast<std::int64_t>(pending_.size());
    if (whole >= Net::window) run((whole - Net::window) / step_ + 1);
    // What is left over makes one more window, filled up with silence.
    const bool cut = samples_ < Net::window || (samples_ - Net::window) % step_ > 0;
    if (cut) {
        pending_.resize(Net::window, 0);
        run(1);
    }
    // Windows end before the frames that pyannote.audio counts for them.
    const double all =
        cut ? std::floor(static_cast<double>(samples_) / Net::hop)
            : std::nearbyint(static_cast<double>(Net::window + (windows_ - 1) * step_) / Net::hop);
    std::vector<float> scores(static_cast<std::size_t>(all) + 1);
    for (std::size_t i = 0; i < std::min(scores.size(), sums_.size()); ++i)
        if (weights_[i] > 0) scores[i] = sums_[i] / weights_[i];
    return scores;
}

std::unique_ptr<Net> load_segmentation(const std::filesystem::path& file) {
    const auto weights =
        tensors::read_safetensors(file.empty() ? program_file("speakers/segmentation.safetensors") : file);
    return std::make_unique<Net>([&](const std::string& name) { return weights.find(name); });
}

std::vector<float> speech_scores(const Net& net, std::span<const float> samples, double step) {
    SpeechScores scores(net, step);
    scores.feed(samples);
    return scores.finish();
}

}  // namespace testudo::asr
