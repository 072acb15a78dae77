#include "training/dynamic_code.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

namespace testudo::training {

namespace {

// Between two codes lies a threshold. The upper half of a float's bits (exponent and seven bits of the
// mantissa) picks a bucket so narrow that at most one threshold falls into it, so one look-up and one
// comparison of the lower half find the nearest code.
constexpr int low_bits = 16;
constexpr std::int32_t low_mask = (1 << low_bits) - 1;
constexpr std::int32_t first_bucket = 104 << 7;  // from 2^-23 on; it and all below hold no threshold
constexpr std::int32_t last_bucket = 127 << 7;   // 1

struct Book {
    std::array<float, 256> values{};
    // For each bucket: code of its lowest number << 16 | lower half of the threshold in it (all ones: none).
    std::int32_t nearest[last_bucket - first_bucket + 1] = {};
};

Book make_book(Moment moment) {
    // As bitsandbytes builds it, in its precisions: means of neighbours on a line from 0.1 to 1, once for
    // each decade.
    std::vector<float> magnitudes{0.0F, 1.0F};
    for (int decade = 0; decade < 7; ++decade) {
        const int steps = (moment == Moment::first ? 1 : 2) << decade;
        const float width = (1.0F - 0.1F) / static_cast<float>(steps);
        const auto bound = [&](int i) {  // from the nearer end, as torch.linspace does
            return i < (steps + 1) / 2 ? std::fma(width, static_cast<float>(i), 0.1F)
                                       : std::fma(-width, static_cast<float>(steps - i), 1.0F);
        };
        for (int i = 0; i < steps; ++i) {
            const float mean = (bound(i) + bound(i + 1)) / 2.0F;
            magnitudes.push_back(static_cast<float>(std::pow(10.0, decade - 6)) * mean);
        }
    }
    std::sort(magnitudes.begin(), magnitudes.end());
    Book book;
    const int zero = zero_code(moment);
    for (std::size_t k = 0; k < magnitudes.size(); ++k) {
        const auto up = static_cast<std::size_t>(zero) + k;
        book.values[up] = magnitudes[k];
        if (moment == Moment::first && k < magnitudes.size() - 1)
            book.values[static_cast<std::size_t>(zero) - k] = -magnitudes[k];
    }
    book.values[static_cast<std::size_t>(zero)] = 0;
    std::int32_t k = 0;
    const auto threshold = [&]() -> float {  // the largest number that is still rounded down to k
        const auto at = static_cast<std::size_t>(k);
        if (at + 1 >= magnitudes.size()) return 2;
        const double middle =
            (static_cast<double>(magnitudes[at]) + static_cast<double>(magnitudes[at + 1])) / 2;
        const auto near = static_cast<float>(middle);
        return static_cast<double>(near) > middle ? std::nextafter(near, 0.0F) : near;
    };
    for (std::int32_t bucket = first_bucket; bucket <= last_bucket; ++bucket) {
        while (std::bit_cast<std::int32_t>(threshold()) < bucket << low_bits) ++k;
        const auto bits = std::bit_cast<std::int32_t>(threshold());
        book.nearest[bucket - first_bucket] =
            k << low_bits | (bits >> low_bits == bucket ? bits & low_mask : low_mask);
    }
    return book;
}

const Book& book_of(Moment moment) {
    static const Book first = make_book(Moment::first), second = make_book(Moment::second);
    return moment == Moment::first ? first : second;
}

// The helpers are inlined into functions that are compiled once for each kind of processor.

// By value: references keep loops from being vectorised.
[[gnu::always_inline]] inline std::int32_t least(std::int32_t a, std::int32_t b) { return a < b ? a : b; }
[[gnu::always_inline]] inline std::int32_t most_of(std::int32_t a, std::int32_t b) { return a > b ? a : b; }

// A maximum of integers, which order magnitudes like the floats they are the bits of, is vectorised where one
// of floats is not.
[[gnu::always_inline]] inline std::int32_t magnitude(float value) {
    return std::bit_cast<std::int32_t>(value) & 0x7FFFFFFF;
}

template <Moment moment>
[[gnu::always_inline]] inline float encode_block(const Book& book, const float* values, std::int64_t count,
                                                 std::uint8_t* codes) {
    std::int32_t most = 0;
    for (std::int64_t i = 0; i < count; ++i) most = most_of(most, magnitude(values[i]));
    const auto largest = std::bit_cast<float>(most);
    const float divisor = most > 0 ? largest : 1.0F;
    std::int32_t found[quantised_block];  // bytes might alias the book, and nothing would be vectorised
    for (std::int64_t i = 0; i < count; ++i) {
        const float share = values[i] / divisor;
        const std::int32_t bits = magnitude(share);
        const std::int32_t entry =
            book.nearest[least(most_of(bits >> low_bits, first_bucket), last_bucket) - first_bucket];
        std::int32_t steps = (entry >> low_bits) + ((bits & low_mask) > (entry & low_mask));
        if constexpr (moment == Moment::first) {
            const std::int32_t sign = std::bit_cast<std::int32_t>(share) >> 31;  // 0 or -1
            steps = zero_code(moment) + ((least(steps, 128 + sign) ^ sign) - sign);
        }
        found[i] = steps;
    }
    for (std::int64_t i = 0; i < count; ++i) codes[i] = static_cast<std::uint8_t>(found[i]);
    return largest;
}

template <Moment moment>
[[gnu::always_inline]] inline void encode(const float* values, std::int64_t count, std::uint8_t* codes,
                                          float* largest) {
    const Book& book = book_of(moment);
    for (std::int64_t start = 0; start < count; start += quantised_block)
        largest[start / quantised_block] = encode_block<moment>(
            book, values + start, std::min(quantised_block, count - start), codes + start);
}

template <Moment moment>
[[gnu::always_inline]] inline void decode(const std::uint8_t* codes, const float* largest, std::int64_t count,
                                          float* values) {
    const Book& book = book_of(moment);
    for (std::int64_t start = 0; start < count; start += quantised_block) {
        const float scale = largest[start / quantised_block];
        const std::int64_t end = std::min(start + quantised_block, count);
        for (std::int64_t i = start; i < end; ++i) values[i] = book.values[codes[i]] * scale;
    }
}

}  // namespace

const std::array<float, 256>& code_book(Moment moment) { return book_of(moment).values; }

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void quantise_values(
    const float* values, std::int64_t count, Moment moment, std::uint8_t* codes, float* largest) {
    if (moment == Moment::first)
        encode<Moment::first>(values, count, codes, largest);
    else
        encode<Moment::second>(values, count, codes, largest);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void dequantise_values(
    const std::uint8_t* codes, const float* largest, std::int64_t count, Moment moment, float* values) {
    if (moment == Moment::first)
        decode<Moment::first>(codes, largest, count, values);
    else
        decode<Moment::second>(codes, largest, count, values);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void quantised_adamw(
    const QuantisedAdamW& step) {
    const QuantisedAdamW s = step;  // nothing written below can change it
    const Book &first = book_of(Moment::first), &second = book_of(Moment::second);
    const float rest1 = 1 - s.beta1, rest2 = 1 - s.beta2;
    float mean[quantised_block], square[quantised_block];
    for (std::int64_t start = 0; start < s.count; start += quantised_block) {
        const std::int64_t count = std::min(quantised_block, s.count - start),
                           block = start / quantised_block;
        const std::uint8_t *codes1 = s.codes1 + start, *codes2 = s.codes2 + start;
        const float* gradients = s.gradients + start;
        float* weights = s.weights + start;
        const float largest1 = s.largest1[block], largest2 = s.largest2[block];
        for (std::int64_t i = 0; i < count; ++i) {
            const float gradient = gradients[i] * s.gradient_scale;
            mean[i] = s.beta1 * (first.values[codes1[i]] * largest1) + rest1 * gradient;
            square[i] = s.beta2 * (second.values[codes2[i]] * largest2) + rest2 * (gradient * gradient);
        }
        for (std::int64_t i = 0; i < count; ++i)
            weights[i] = weights[i] * s.keep -
                         s.step_size * (mean[i] / (std::sqrt(square[i]) * s.square_scale + s.eps));
        s.largest1[block] = encode_block<Moment::first>(first, mean, count, s.codes1 + start);
        s.largest2[block] = encode_block<Moment::second>(second, square, count, s.codes2 + start);
    }
}

}  // namespace testudo::training
