#include "nets/speaker_encoder.h"

#include "core/strings.h"

namespace testudo::nets {

namespace {

constexpr std::int64_t hidden = 256, layers = 3;

}  // namespace

SpeakerEncoder::SpeakerEncoder(const Find& find) {
    Parameters wanted;
    const auto want = [&](const std::string& name, at::IntArrayRef shape) {
        return wanted.emplace_back(name, at::empty(shape, at::kFloat)).second;
    };
    for (std::int64_t layer = 0; layer < layers; ++layer) {
        lstm_.push_back(want(cat("lstm.weight_ih_l", layer), {4 * hidden, layer == 0 ? bands : hidden}));
        lstm_.push_back(want(cat("lstm.weight_hh_l", layer), {4 * hidden, hidden}));
        lstm_.push_back(want(cat("lstm.bias_ih_l", layer), {4 * hidden}));
        lstm_.push_back(want(cat("lstm.bias_hh_l", layer), {4 * hidden}));
    }
    weight_ = want("linear.weight", {dimensions, hidden});
    bias_ = want("linear.bias", {dimensions});
    load_parameters(wanted, find, "the speaker encoder");
}

at::Tensor SpeakerEncoder::operator()(const at::Tensor& mels) const {
    c10::InferenceMode inference;
    const at::Tensor state = at::zeros({layers, mels.size(0), hidden});
    const at::Tensor last =
        std::get<1>(at::lstm(mels, {state, state}, lstm_, true, layers, 0, false, false, true))[layers - 1];
    const at::Tensor raw = at::relu(at::linear(last, weight_, bias_));
    return raw / at::clamp_min(raw.norm(2, {1}, true), 1e-12);
}

}  // namespace testudo::nets
