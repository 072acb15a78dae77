#include "nets/silero_vad.h"

#include <cmath>

#include "core/strings.h"

namespace testudo::nets {

namespace {

constexpr std::int64_t transform = 256, hop = 128, bins = transform / 2 + 1;  // of the Fourier transform
constexpr std::int64_t taps = 3;
constexpr std::size_t width = SileroVad::width, gates = 4 * width;
constexpr std::array<std::int64_t, 5> channels = {bins, 128, 64, 64, SileroVad::width};
constexpr std::array<std::int64_t, 4> strides = {1, 2, 2, 1};

Parameters empty_parameters() {
    Parameters out;
    const auto add = [&](const std::string& name, at::IntArrayRef shape) {
        out.emplace_back(name, at::empty(shape, at::kFloat));
    };
    add("stft_conv.weight", {2 * bins, 1, transform});
    for (std::size_t i = 0; i < strides.size(); ++i) {
        add(cat("conv", i + 1, ".weight"), {channels[i + 1], channels[i], taps});
        add(cat("conv", i + 1, ".bias"), {channels[i + 1]});
    }
    const auto all_gates = static_cast<std::int64_t>(gates);
    add("lstm_cell.weight_ih", {all_gates, SileroVad::width});
    add("lstm_cell.weight_hh", {all_gates, SileroVad::width});
    add("lstm_cell.bias_ih", {all_gates});
    add("lstm_cell.bias_hh", {all_gates});
    add("final_conv.weight", {1, SileroVad::width, 1});
    add("final_conv.bias", {1});
    return out;
}

// The name that the TorchScript file has for a tensor of the safetensors file.
std::string name_in_script(const std::string& name) {
    const auto dot = name.find('.');
    const std::string part = name.substr(0, dot), rest = name.substr(dot);
    if (part == "stft_conv") return "_model.stft.forward_basis_buffer";
    if (part == "lstm_cell") return "_model.decoder.rnn" + rest;
    if (part == "final_conv") return "_model.decoder.decoder.2" + rest;
    return cat("_model.encoder.", part.back() - '1', ".reparam_conv", rest);
}

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }
float tangent(float x) { return 2 * sigmoid(2 * x) - 1; }

}  // namespace

SileroVad::SileroVad(const Find& find, const std::string& what) {
    const Parameters parameters = empty_parameters();
    const bool scripted = find(name_in_script(parameters[0].first)) != nullptr;
    load_parameters(
        parameters, [&](const std::string& name) { return find(scripted ? name_in_script(name) : name); },
        what);
    std::size_t next = 0;
    const auto take = [&] { return parameters[next++].second; };

    fourier_ = take().squeeze(1).t().contiguous();
    for (std::size_t i = 0; i < strides.size(); ++i) {
        // [outputs, channels, taps] -> [taps * channels, outputs]
        const at::Tensor weight = take().permute({2, 1, 0}).reshape({taps * channels[i], channels[i + 1]});
        convolutions_[i] = {weight.contiguous(), take(), strides[i]};
    }
    input_weight_ = take().t().contiguous();
    const at::Tensor hidden = take().t().contiguous();
    hidden_weight_.assign(hidden.const_data_ptr<float>(), hidden.const_data_ptr<float>() + hidden.numel());
    const at::Tensor bias = take();
    gate_bias_ = bias + take();
    const at::Tensor last = take();
    std::copy_n(last.const_data_ptr<float>(), width, last_weight_.begin());
    last_bias_ = take().item<float>();
}

// [n, time, channels] -> [n, ceil(time / stride), outputs], padded by one frame of zeros at both ends; ReLU.
at::Tensor SileroVad::Convolution::operator()(const at::Tensor& input) const {
    const std::int64_t count = input.size(0), depth = input.size(2);
    const at::Tensor rows =
        at::constant_pad_nd(input, {0, 0, 1, 1}).flatten(1).unfold(1, taps * depth, stride * depth);
    const std::int64_t frames = rows.size(1);
    return at::addmm(bias, rows.reshape({count * frames, taps * depth}), weight)
        .relu_()
        .view({count, frames, -1});
}

at::Tensor SileroVad::gates_from_input(const at::Tensor& windows) const {
    const std::int64_t count = windows.size(0);
    const at::Tensor frames = at::reflection_pad1d(windows, {0, context}).unfold(1, transform, hop);
    const at::Tensor power = at::mm(frames.reshape({-1, transform}), fourier_).square_();
    at::Tensor x =
        (power.narrow(1, 0, bins) + power.narrow(1, bins, bins)).sqrt_().view({count, frames.size(1), bins});
    for (const Convolution& convolution : convolutions_) x = convolution(x);
    return at::addmm(gate_bias_, x.view({count, SileroVad::width}), input_weight_);
}

// In plain loops: a library call for so few numbers costs more than they do, and may wake threads for them.
float SileroVad::step(const float* from_input, State& state) const {
    std::array<float, gates> sum;
    std::copy_n(from_input, gates, sum.begin());
    for (std::size_t k = 0; k < width; k += 4) {
        const float a = state.hidden[k], b = state.hidden[k + 1], c = state.hidden[k + 2],
                    d = state.hidden[k + 3];
        const float* row = hidden_weight_.data() + k * gates;
        for (std::size_t j = 0; j < gates; ++j)
            sum[j] += a * row[j] + b * row[gates + j] + c * row[2 * gates + j] + d * row[3 * gates + j];
    }
    float out = last_bias_;
    for (std::size_t i = 0; i < width; ++i) {
        const float in = sigmoid(sum[i]), forget = sigmoid(sum[width + i]),
                    candidate = tangent(sum[2 * width + i]), gate = sigmoid(sum[3 * width + i]);
        state.cell[i] = forget * state.cell[i] + in * candidate;
        state.hidden[i] = gate * tangent(state.cell[i]);
        out += last_weight_[i] * std::max(state.hidden[i], 0.0f);
    }
    return sigmoid(out);
}

std::vector<float> SileroVad::forward(const at::Tensor& windows, State& state) const {
    const at::NoGradGuard no_gradients;
    std::vector<float> out;
    if (windows.size(0) == 0) return out;
    const at::Tensor gates_in = gates_from_input(windows);
    for (std::int64_t i = 0; i < gates_in.size(0); ++i)
        out.push_back(step(gates_in.const_data_ptr<float>() + i * gates_in.size(1), state));
    return out;
}

}  // namespace testudo::nets
