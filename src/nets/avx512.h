#pragma once
// Arithmetic of transformer inference on processors with AVX-512 (F, BW, DQ, VL) and VNNI: products with
// matrices that were laid out for it once, attention, and what stands between them. Plain pointers, one
// thread; the callers split the work. Nothing here may be called where supported() is false.
#include <cstdint>

namespace testudo::nets::avx512 {

bool supported();
bool bfloat16_supported();

// A matrix [outputs, inputs] in panels of 64 outputs: lane (4 bytes) s·64 + o of a panel holds the inputs of
// output o from s·per_lane on: 1 float, 2 bfloat16 or 4 int8. Rows that are multiplied with it are lanes,
// too; what misses to a whole panel or lane is zero.
enum class Element { float32, bfloat16, int8 };
constexpr std::int64_t panel = 64;
constexpr std::int64_t per_lane(Element e) {
    return e == Element::float32 ? 1 : e == Element::bfloat16 ? 2 : 4;
}
constexpr std::int64_t lanes(Element e, std::int64_t inputs) {
    return (inputs + per_lane(e) - 1) / per_lane(e);
}
constexpr std::int64_t panels(std::int64_t outputs) { return (outputs + panel - 1) / panel; }

// out[r, o] = rows[r] · matrix[o] (· row_scale[r] · column_scale[o]) + bias[o], then GELU, or added to what
// is there.
struct Product {
    const void* rows = nullptr;
    std::int64_t row_stride = 0;  // lanes
    const void* matrix = nullptr;
    std::int64_t lanes = 0, outputs = 0;
    float* out = nullptr;
    std::int64_t out_stride = 0;
    // int8 only: rows hold value + 128, `column_offset` is 128 times the sum of each output's weights
    const float *row_scale = nullptr, *column_scale = nullptr;
    const std::int32_t* column_offset = nullptr;
    const float* bias = nullptr;  // per output, or null
    bool gelu = false, add = false;
    // What comes next: `ahead_rows` rows of `ahead_width` floats, `ahead_stride` apart, are fetched into the
    // cache meanwhile (what is left of whole panels' widths is not).
    const float* ahead = nullptr;
    std::int64_t ahead_stride = 0, ahead_rows = 0, ahead_width = panel;
};
void product(Element element, const Product& p, std::int64_t first_row, std::int64_t last_row,
             std::int64_t first_panel, std::int64_t last_panel);

// Layer norm (epsilon 1e-5) of rows [n, dim]; `out` may be `x`.
void layer_norm(const float* x, std::int64_t n, std::int64_t dim, const float* weight, const float* bias,
                float* out);
// Rows of floats -> bytes value / scale + 128 with the largest |value| at 127; dim a multiple of 16.
void quantise(const float* x, std::int64_t n, std::int64_t dim, std::uint8_t* out, float* scale);

// Keys or values of one head, [count, 64] floats `stride` apart, as the two matrices of attention: keys are
// outputs over 64 inputs; values are 64 outputs over `count` inputs. `element`: float32 or bfloat16.
// Sizes in lanes: key_lanes, value_lanes.
constexpr std::int64_t key_lanes(Element e, std::int64_t count) {
    return panels(count) * panel * lanes(e, 64);
}
constexpr std::int64_t value_lanes(Element e, std::int64_t count) { return panel * lanes(e, count); }
void pack_keys(Element element, const float* x, std::int64_t stride, std::int64_t count, void* out);
void pack_values(Element element, const float* x, std::int64_t stride, std::int64_t count, void* out);

// softmax(q · keys / 8) · values for n queries [n, 64]. `scratch`: attention_scratch(count) floats. `scores`
// (or null) [n, count] receives what softmax is taken of, `score_stride` apart.
constexpr std::int64_t attention_scratch(std::int64_t count) { return 6 * (2 * panels(count) * panel + 64); }
void attention(Element element, const float* q, std::int64_t q_stride, std::int64_t n, const void* keys,
               const void* values, std::int64_t count, float* out, std::int64_t out_stride, float* scratch,
               float* scores, std::int64_t score_stride);

// The same for one query and keys and values that lie apart: key i is at key_base + offset[i], value i at
// value_base + offset[i], for i in [0, count). `scratch`: count floats.
void attention_apart(const float* q, const float* key_base, const float* value_base,
                     const std::int64_t* offset, std::int64_t count, float* out, float* scratch);

float largest(const float* x, std::int64_t n);
// ln sum exp(x), -inf allowed
float log_sum_exp(const float* x, std::int64_t n);

}  // namespace testudo::nets::avx512
