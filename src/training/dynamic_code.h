#pragma once
// The 8-bit number formats of block-wise dynamic quantisation (Dettmers et al. 2022, bitsandbytes' dynamic
// map): seven decades from 1e-7 to 1 below the largest magnitude of a block of 256, the upper ones with more
// steps. Plain loops over plain pointers; training/quantised_moment.h has the tensors.
#include <array>
#include <cstdint>

namespace testudo::training {

constexpr std::int64_t quantised_block = 256;

// first: signed, [-0.993, 1], of a mean; second: not negative, [0, 1], of a mean square.
enum class Moment { first, second };

// The values of the 256 codes, ascending, bit for bit those of bitsandbytes.
const std::array<float, 256>& code_book(Moment moment);

// Magnitudes of the book, ascending from 0: what code zero_code + k stands for. Negative magnitudes mirror
// them; the largest of all, 1, has no negative.
constexpr int zero_code(Moment moment) { return moment == Moment::first ? 127 : 0; }

// A count of values to codes by the nearest magnitude (halfway: the smaller), and the largest magnitude of
// each block; the last block may be short.
void quantise_values(const float* values, std::int64_t count, Moment moment, std::uint8_t* codes,
                     float* largest);
void dequantise_values(const std::uint8_t* codes, const float* largest, std::int64_t count, Moment moment,
                       float* values);

// One AdamW step of `count` elements whose moments are kept in 8 bits. Any range of whole blocks (and the
// last, short one) is a step of its own: threads may share a tensor.
struct QuantisedAdamW {
    float* weights = nullptr;
    const float* gradients = nullptr;
    std::uint8_t *codes1 = nullptr, *codes2 = nullptr;
    float *largest1 = nullptr, *largest2 = nullptr;
    std::int64_t count = 0;
    float gradient_scale = 1, beta1 = 0, beta2 = 0, eps = 0;
    float keep = 1;          // 1 - learning rate · weight decay
    float step_size = 0;     // learning rate / (1 - beta1^t)
    float square_scale = 1;  // 1 / sqrt(1 - beta2^t)
};
void quantised_adamw(const QuantisedAdamW& step);

}  // namespace testudo::training
