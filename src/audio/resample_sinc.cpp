#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "audio/resample.h"
#include "core/error.h"
#include "core/strings.h"

namespace testudo::audio {

namespace {

// How output samples are made of input samples: output j = q·new + p takes `taps` inputs from q·old +
// start[p] on, weighted with row p.
struct Phases {
    at::Tensor weights;  // [new, taps] float32
    at::Tensor start;    // [new] int64
    std::int64_t taps = 0;
};

Phases make_phases(std::int64_t from, std::int64_t to, const Sinc& sinc) {
    const double base = static_cast<double>(std::min(from, to)) * sinc.rolloff;
    const auto reach = static_cast<std::int64_t>(std::ceil(sinc.width * static_cast<double>(from) / base));
    Phases phases;
    phases.taps = 2 * reach + 2;
    const auto numbers = at::TensorOptions().dtype(at::kDouble);
    const at::Tensor phase = at::arange(to, at::kLong);
    const at::Tensor nearest =
        at::floor_divide(phase * from, to);  // the input sample at or before the output's time
    phases.start = nearest - reach;
    // Time of each input relative to the output, in periods of the pass band's edge times two.
    const at::Tensor inputs = phases.start.unsqueeze(1) + at::arange(phases.taps, at::kLong).unsqueeze(0);
    const at::Tensor offset =
        (inputs * to - (phase * from).unsqueeze(1)).to(numbers) / static_cast<double>(from * to);
    const at::Tensor time = (offset * base).clamp(-sinc.width, sinc.width);
    at::Tensor window;
    if (sinc.kaiser_beta > 0) {
        const at::Tensor inside = (1 - (time / sinc.width).square()).clamp_min(0).sqrt();
        window = at::i0(inside * sinc.kaiser_beta) / at::i0(at::full({}, sinc.kaiser_beta, numbers));
    } else {
        window = at::cos(time * (std::numbers::pi / sinc.width / 2)).square();
    }
    phases.weights = (at::sinc(time) * window * (base / static_cast<double>(from))).to(at::kFloat);
    return phases;
}

}  // namespace

at::Tensor resample_sinc(const at::Tensor& wave, int from, int to, const Sinc& sinc) {
    if (from <= 0 || to <= 0)
        throw usage_error(cat("resampling from ", from, " Hz to ", to, " Hz"), "Choose positive rates.");
    if (from == to || wave.size(-1) == 0) return wave;
    const std::int64_t common = std::gcd(from, to), old_rate = from / common, new_rate = to / common;
    const std::int64_t length = wave.size(-1), made = (new_rate * length + old_rate - 1) / old_rate;
    Phases phases = make_phases(old_rate, new_rate, sinc);
    phases.weights = phases.weights.to(wave.device());
    phases.start = phases.start.to(wave.device());

    const auto sizes = wave.sizes();
    const at::Tensor rows = wave.reshape({-1, length});
    const at::Tensor padded = at::constant_pad_nd(rows, {phases.taps, phases.taps + old_rate});
    const at::Tensor taps = at::arange(phases.taps, phases.start.options());
    std::vector<at::Tensor> blocks;
    constexpr std::int64_t block = 1 << 14;  // bounds the gathered [rows, block, taps]
    for (std::int64_t at_output = 0; at_output < made; at_output += block) {
        const at::Tensor outputs =
            at::arange(at_output, std::min(made, at_output + block), phases.start.options());
        const at::Tensor phase = outputs.remainder(new_rate);
        const at::Tensor first = at::floor_divide(outputs, new_rate) * old_rate +
                                 phases.start.index_select(0, phase) + phases.taps;
        const at::Tensor index = first.unsqueeze(1) + taps;
        const at::Tensor gathered =
            padded.index_select(1, index.reshape(-1)).view({-1, index.size(0), phases.taps});
        blocks.push_back((gathered * phases.weights.index_select(0, phase)).sum(-1));
    }
    std::vector<std::int64_t> shape(sizes.begin(), sizes.end());
    shape.back() = made;
    return at::cat(blocks, 1).reshape(shape);
}

}  // namespace testudo::audio
