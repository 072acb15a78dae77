// Compiled for AVX-512 whatever the rest is compiled for: see avx512.cpp.
#include "nets/avx512_training.h"

#include "nets/avx512_math.h"

namespace testudo::nets::avx512 {

namespace {

constexpr std::int64_t width = 16;  // numbers of a vector

struct Block {
    __m512i row[width];
};

// Exchanges rows and columns of 16 x 16 lanes.
inline void transpose(Block& b) {
    __m512i t[width];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(b.row[i], b.row[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(b.row[i], b.row[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        b.row[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        b.row[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        b.row[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        b.row[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        t[i] = _mm512_shuffle_i32x4(b.row[i], b.row[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(b.row[i], b.row[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(b.row[i + 8], b.row[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(b.row[i + 8], b.row[i + 12], 0xdd);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        b.row[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        b.row[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
        b.row[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        b.row[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
}

// Sixteen lanes of one row whose inputs stand side by side; `left` inputs are there.
template <Element element>
inline __m512i lanes_along(const float* x, std::int64_t left) {
    if constexpr (element == Element::float32) {
        return _mm512_castps_si512(_mm512_maskz_loadu_ps(first_places(left), x));
    } else {
        const __m512 low = _mm512_maskz_loadu_ps(first_places(left), x),
                     high = _mm512_maskz_loadu_ps(first_places(left - width), x + width);
        return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
    }
}

// One lane of sixteen rows that stand side by side; `rows` of them and `left` inputs are there.
template <Element element>
inline __m512i lanes_across(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t left) {
    const __mmask16 mask = first_places(rows);
    if constexpr (element == Element::float32) {
        return left > 0 ? _mm512_castps_si512(_mm512_maskz_loadu_ps(mask, x)) : _mm512_setzero_si512();
    } else {
        if (left <= 0) return _mm512_setzero_si512();
        const __m512i low = _mm512_cvtepu16_epi32(to_bfloat16(_mm512_maskz_loadu_ps(mask, x)));
        if (left == 1) return low;
        const __m512i high = _mm512_cvtepu16_epi32(to_bfloat16(_mm512_maskz_loadu_ps(mask, x + stride)));
        return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
    }
}

// 16 rows x 16 lanes from x on: row r of the block is the row r, or, `by_lane`, lane r of all rows.
template <Element element>
inline void load_block(Block& b, const float* x, std::int64_t row_stride, std::int64_t input_stride,
                       std::int64_t rows, std::int64_t inputs, bool by_lane) {
    constexpr std::int64_t each = per_lane(element);
    const bool along = input_stride == 1;
    if (along) {
#pragma GCC unroll 16
        for (int r = 0; r < width; ++r)
            b.row[r] = r < rows ? lanes_along<element>(x + r * row_stride, inputs) : _mm512_setzero_si512();
    } else {
#pragma GCC unroll 16
        for (int s = 0; s < width; ++s)
            b.row[s] =
                lanes_across<element>(x + s * each * input_stride, input_stride, rows, inputs - s * each);
    }
    if (along == by_lane) transpose(b);
}

template <Element element>
void lay_panel_of(const Strided& m, std::int64_t first_output, std::int64_t outputs, std::int64_t first_input,
                  std::int64_t inputs, std::int32_t* out) {
    constexpr std::int64_t each = per_lane(element);
    const std::int64_t count = lanes(element, inputs);
    for (std::int64_t s = 0; s < count; s += width)
        for (std::int64_t o = 0; o < panel; o += width) {
            Block b;
            const std::int64_t left = outputs - first_output - o;
            load_block<element>(b,
                                m.data + (first_input + s * each) * m.row_stride +
                                    (left > 0 ? first_output + o : 0) * m.column_stride,
                                m.column_stride, m.row_stride, left, inputs - s * each, true);
            std::int32_t* to = out + s * panel + o;
            const std::int64_t used = count - s;
#pragma GCC unroll 16
            for (int i = 0; i < width; ++i)
                if (i < used) _mm512_storeu_si512(to + i * panel, b.row[i]);
        }
}

template <Element element>
void lay_rows_of(const Strided& m, std::int64_t first_row, std::int64_t last_row, std::int64_t inputs,
                 std::int32_t* out, std::int64_t row_stride) {
    constexpr std::int64_t each = per_lane(element);
    for (std::int64_t r = first_row; r < last_row; r += width)
        for (std::int64_t s = 0; s < row_stride; s += width) {
            Block b;
            const std::int64_t rows = last_row - r, left = inputs - s * each;
            load_block<element>(b, m.data + r * m.row_stride + (left > 0 ? s * each : 0) * m.column_stride,
                                m.row_stride, m.column_stride, rows, left, false);
#pragma GCC unroll 16
            for (int i = 0; i < width; ++i)
                if (i < rows) _mm512_storeu_si512(out + (r + i) * row_stride + s, b.row[i]);
        }
}

// tanh(y) = 1 - 2 / (1 + e^2y)
struct GeluParts {
    __m512 half_sum, tanh;  // (1 + tanh) / 2
    __m512 slope;           // of what tanh is taken of
};
inline GeluParts gelu_parts(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f), root = _mm512_set1_ps(0.7978845608f),
                 cubic = _mm512_set1_ps(0.044715f);
    const __m512 square = _mm512_mul_ps(x, x);
    const __m512 inner = _mm512_mul_ps(_mm512_mul_ps(root, x), _mm512_fmadd_ps(cubic, square, one));
    // beyond 40 tanh is 1 and the exponential would overflow
    const __m512 power = exponential(_mm512_min_ps(_mm512_set1_ps(80.0f), _mm512_add_ps(inner, inner)));
    const __m512 rest = _mm512_div_ps(one, _mm512_add_ps(one, power));  // (1 - tanh) / 2
    GeluParts parts;
    parts.half_sum = _mm512_sub_ps(one, rest);
    parts.tanh = _mm512_sub_ps(one, _mm512_add_ps(rest, rest));
    parts.slope =
        _mm512_mul_ps(root, _mm512_fmadd_ps(_mm512_mul_ps(_mm512_set1_ps(3.0f), cubic), square, one));
    return parts;
}

// The hash of dropout.cpp.
inline __m512i mix(__m512i x) {
    x = _mm512_mullo_epi32(_mm512_xor_si512(x, _mm512_srli_epi32(x, 16)), _mm512_set1_epi32(0x7feb352d));
    x = _mm512_mullo_epi32(_mm512_xor_si512(x, _mm512_srli_epi32(x, 15)),
                           _mm512_set1_epi32(static_cast<int>(0x846ca68bU)));
    return _mm512_xor_si512(x, _mm512_srli_epi32(x, 16));
}

inline __m512 gradient_of(const AdamWPiece& p, std::int64_t i, __mmask16 mask) {
    if (p.half)
        return _mm512_cvtph_ps(
            _mm256_maskz_loadu_epi16(mask, static_cast<const std::uint16_t*>(p.gradient) + i));
    return _mm512_maskz_loadu_ps(mask, static_cast<const float*>(p.gradient) + i);
}

}  // namespace

void lay_panel(Element element, const Strided& matrix, std::int64_t first_output, std::int64_t outputs,
               std::int64_t first_input, std::int64_t inputs, void* out) {
    auto* to = static_cast<std::int32_t*>(out);
    if (element == Element::float32)
        lay_panel_of<Element::float32>(matrix, first_output, outputs, first_input, inputs, to);
    else
        lay_panel_of<Element::bfloat16>(matrix, first_output, outputs, first_input, inputs, to);
}

void lay_rows(Element element, const Strided& matrix, std::int64_t first_row, std::int64_t last_row,
              std::int64_t inputs, void* out, std::int64_t row_stride) {
    auto* to = static_cast<std::int32_t*>(out);
    if (element == Element::float32)
        lay_rows_of<Element::float32>(matrix, first_row, last_row, inputs, to, row_stride);
    else
        lay_rows_of<Element::bfloat16>(matrix, first_row, last_row, inputs, to, row_stride);
}

void gelu_tanh(const float* x, std::int64_t n, float* out) {
    for (std::int64_t i = 0; i < n; i += width) {
        const __mmask16 mask = first_places(n - i);
        const __m512 v = _mm512_maskz_loadu_ps(mask, x + i);
        _mm512_mask_storeu_ps(out + i, mask, _mm512_mul_ps(v, gelu_parts(v).half_sum));
    }
}

void gelu_tanh_backward(float* x, float* grad, std::int64_t n) {
    for (std::int64_t i = 0; i < n; i += width) {
        const __mmask16 mask = first_places(n - i);
        const __m512 v = _mm512_maskz_loadu_ps(mask, x + i);
        const GeluParts parts = gelu_parts(v);
        const __m512 bent = _mm512_fnmadd_ps(parts.tanh, parts.tanh, _mm512_set1_ps(1.0f));
        const __m512 slope = _mm512_fmadd_ps(_mm512_mul_ps(_mm512_mul_ps(_mm512_set1_ps(0.5f), v), bent),
                                             parts.slope, parts.half_sum);
        _mm512_mask_storeu_ps(grad + i, mask, _mm512_mul_ps(slope, _mm512_maskz_loadu_ps(mask, grad + i)));
        _mm512_mask_storeu_ps(x + i, mask, _mm512_mul_ps(v, parts.half_sum));
    }
}

void dropout(const Drop& drop, const float* x, const float* add, std::int64_t first, std::int64_t n,
             float* out) {
    const __m512i low = _mm512_set1_epi32(static_cast<int>(static_cast<std::uint32_t>(drop.seed))),
                  high = _mm512_set1_epi32(static_cast<int>(static_cast<std::uint32_t>(drop.seed >> 32))),
                  threshold = _mm512_set1_epi32(static_cast<int>(drop.threshold));
    const __m512i places = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512 keep = _mm512_set1_ps(drop.keep);
    for (std::int64_t i = 0; i < n; i += width) {
        const __mmask16 mask = first_places(n - i);
        const __m512i index = _mm512_add_epi32(
            places, _mm512_set1_epi32(static_cast<int>(static_cast<std::uint32_t>(first + i))));
        const __m512i random = mix(_mm512_add_epi32(mix(_mm512_xor_si512(index, low)), high));
        const __mmask16 kept = mask & _mm512_cmpge_epu32_mask(random, threshold);
        __m512 y = _mm512_maskz_mul_ps(kept, _mm512_maskz_loadu_ps(mask, x + i), keep);
        if (add) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, add + i));
        _mm512_mask_storeu_ps(out + i, mask, y);
    }
}

void layer_norm_forward(const float* x, std::int64_t n, std::int64_t dim, const float* weight,
                        const float* bias, float* out, float* mean, float* rstd) {
    const auto size = static_cast<float>(dim);
    for (std::int64_t r = 0; r < n; ++r, x += dim, out += dim) {
        __m512 sum = _mm512_setzero_ps(), square = _mm512_setzero_ps();
        for (std::int64_t i = 0; i < dim; i += width) sum = _mm512_add_ps(sum, _mm512_loadu_ps(x + i));
        mean[r] = _mm512_reduce_add_ps(sum) / size;
        const __m512 middle = _mm512_set1_ps(mean[r]);
        for (std::int64_t i = 0; i < dim; i += width) {
            const __m512 d = _mm512_sub_ps(_mm512_loadu_ps(x + i), middle);
            square = _mm512_fmadd_ps(d, d, square);
        }
        const __m512 variance = _mm512_set1_ps(_mm512_reduce_add_ps(square) / size + 1e-5f);
        const __m512 factor = _mm512_div_ps(_mm512_set1_ps(1.0f), _mm512_sqrt_ps(variance));
        rstd[r] = _mm512_cvtss_f32(factor);
        for (std::int64_t i = 0; i < dim; i += width) {
            const __m512 y = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(x + i), middle), factor);
            _mm512_storeu_ps(out + i,
                             _mm512_fmadd_ps(y, _mm512_loadu_ps(weight + i), _mm512_loadu_ps(bias + i)));
        }
    }
}

void layer_norm_backward(const float* grad, const float* x, std::int64_t n, std::int64_t dim,
                         const float* mean, const float* rstd, const float* weight, const float* add,
                         float* out, float* grad_weight, float* grad_bias) {
    const float share = 1 / static_cast<float>(dim);
    for (std::int64_t r = 0; r < n; ++r) {
        const float *g = grad + r * dim, *v = x + r * dim;
        const __m512 middle = _mm512_set1_ps(mean[r]), factor = _mm512_set1_ps(rstd[r]);
        __m512 plain = _mm512_setzero_ps(), crossed = _mm512_setzero_ps();
        for (std::int64_t i = 0; i < dim; i += width) {
            const __m512 gradient = _mm512_loadu_ps(g + i);
            const __m512 y = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(v + i), middle), factor);
            const __m512 weighted = _mm512_mul_ps(gradient, _mm512_loadu_ps(weight + i));
            plain = _mm512_add_ps(plain, weighted);
            crossed = _mm512_fmadd_ps(weighted, y, crossed);
            _mm512_storeu_ps(grad_weight + i, _mm512_fmadd_ps(gradient, y, _mm512_loadu_ps(grad_weight + i)));
            _mm512_storeu_ps(grad_bias + i, _mm512_add_ps(gradient, _mm512_loadu_ps(grad_bias + i)));
        }
        const __m512 m1 = _mm512_set1_ps(_mm512_reduce_add_ps(plain) * share),
                     m2 = _mm512_set1_ps(_mm512_reduce_add_ps(crossed) * share);
        for (std::int64_t i = 0; i < dim; i += width) {
            const __m512 y = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(v + i), middle), factor);
            const __m512 weighted = _mm512_mul_ps(_mm512_loadu_ps(g + i), _mm512_loadu_ps(weight + i));
            __m512 d = _mm512_mul_ps(_mm512_fnmadd_ps(y, m2, _mm512_sub_ps(weighted, m1)), factor);
            if (add) d = _mm512_add_ps(d, _mm512_loadu_ps(add + r * dim + i));
            _mm512_storeu_ps(out + r * dim + i, d);
        }
    }
}

void column_sums(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns, float* out) {
    constexpr int at_once = 4;
    for (std::int64_t c = 0; c < columns; c += at_once * width) {
        __m512 sum[at_once] = {};
        __mmask16 mask[at_once];
        for (int v = 0; v < at_once; ++v) mask[v] = first_places(columns - c - v * width);
        for (std::int64_t r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < at_once; ++v)
                sum[v] =
                    _mm512_add_ps(sum[v], _mm512_maskz_loadu_ps(mask[v], x + r * stride + c + v * width));
        for (int v = 0; v < at_once; ++v) _mm512_mask_storeu_ps(out + c + v * width, mask[v], sum[v]);
    }
}

float largest_column_square(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns) {
    constexpr int at_once = 8;
    __m512 most = _mm512_setzero_ps();
    for (std::int64_t c = 0; c < columns; c += at_once * width) {
        __m512 sum[at_once] = {};
        __mmask16 mask[at_once];
        for (int v = 0; v < at_once; ++v) mask[v] = first_places(columns - c - v * width);
        for (std::int64_t r = 0; r < rows; ++r)
#pragma GCC unroll 8
            for (int v = 0; v < at_once; ++v) {
                const __m512 value = _mm512_maskz_loadu_ps(mask[v], x + r * stride + c + v * width);
                sum[v] = _mm512_fmadd_ps(value, value, sum[v]);
            }
        for (const __m512& part : sum) most = _mm512_max_ps(part, most);  // a NaN is passed over
    }
    return _mm512_reduce_max_ps(most);
}

void column_squares(const float* x, std::int64_t rows, std::int64_t columns, const float* center,
                    float* out) {
    for (std::int64_t c = 0; c < columns; c += width) {
        const __mmask16 mask = first_places(columns - c);
        const __m512 middle = _mm512_maskz_loadu_ps(mask, center + c);
        __m512 sum = _mm512_setzero_ps();
        for (std::int64_t r = 0; r < rows; ++r) {
            const __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + r * columns + c), middle);
            sum = _mm512_fmadd_ps(d, d, sum);
        }
        _mm512_mask_storeu_ps(out + c, mask, sum);
    }
}

void column_products(const float* grad, const float* x, std::int64_t rows, std::int64_t columns,
                     const float* center, float* out) {
    for (std::int64_t c = 0; c < columns; c += width) {
        const __mmask16 mask = first_places(columns - c);
        const __m512 middle = _mm512_maskz_loadu_ps(mask, center + c);
        __m512 sum = _mm512_setzero_ps();
        for (std::int64_t r = 0; r < rows; ++r) {
            const __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + r * columns + c), middle);
            sum = _mm512_fmadd_ps(d, _mm512_maskz_loadu_ps(mask, grad + r * columns + c), sum);
        }
        _mm512_mask_storeu_ps(out + c, mask, sum);
    }
}

void column_scaled(const ColumnSum& of, std::int64_t rows, std::int64_t columns, float* out) {
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < columns; c += width) {
            const std::int64_t at = r * columns + c;
            const __m512 d = _mm512_sub_ps(_mm512_loadu_ps(of.x + at), _mm512_loadu_ps(of.center + c));
            __m512 y = _mm512_fmadd_ps(d, _mm512_loadu_ps(of.scale + c), _mm512_loadu_ps(of.shift + c));
            if (of.grad)
                y = _mm512_fmadd_ps(_mm512_loadu_ps(of.grad + at), _mm512_loadu_ps(of.grad_scale + c), y);
            if (of.add) y = _mm512_add_ps(y, _mm512_loadu_ps(of.add + at));
            _mm512_storeu_ps(out + at, y);
        }
}

double cross_entropy(float* logits, std::int64_t n, std::int64_t target, float weight) {
    const float most = largest(logits, n), chosen = logits[target];
    __m512 sum = _mm512_setzero_ps();
    for (std::int64_t i = 0; i < n; i += width) {
        const __mmask16 mask = first_places(n - i);
        const __m512 e = _mm512_maskz_mov_ps(
            mask, exponential(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, logits + i), _mm512_set1_ps(most))));
        sum = _mm512_add_ps(sum, e);
        _mm512_mask_storeu_ps(logits + i, mask, e);
    }
    const float total = _mm512_reduce_add_ps(sum);
    const __m512 factor = _mm512_set1_ps(weight / total);
    for (std::int64_t i = 0; i < n; i += width) {
        const __mmask16 mask = first_places(n - i);
        _mm512_mask_storeu_ps(logits + i, mask,
                              _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, logits + i), factor));
    }
    logits[target] -= weight;
    return static_cast<double>(most) + __builtin_log(static_cast<double>(total)) -
           static_cast<double>(chosen);
}

// The sum of all numbers of four vectors, in double precision.
inline double total_of(const __m512 (&sums)[4]) {
    double total = 0;
    for (const __m512& part : sums) {
        const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(part)),
                      high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(part, 1));
        total += _mm512_reduce_add_pd(_mm512_add_pd(low, high));
    }
    return total;
}

double squared_norm(const float* x, std::int64_t n) {
    constexpr int sums = 4;
    __m512 sum[sums] = {};
    for (std::int64_t i = 0; i < n; i += sums * width)
#pragma GCC unroll 4
        for (int v = 0; v < sums; ++v) {
            const __m512 value = _mm512_maskz_loadu_ps(first_places(n - i - v * width), x + i + v * width);
            sum[v] = _mm512_fmadd_ps(value, value, sum[v]);
        }
    return total_of(sum);
}

void to_half(const float* x, std::int64_t n, float scale, std::uint16_t* out) {
    const __m512 factor = _mm512_set1_ps(scale);
    for (std::int64_t i = 0; i < n; i += width) {
        const __mmask16 mask = first_places(n - i);
        const __m256i half = _mm512_cvtps_ph(_mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), factor),
                                             _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        _mm256_mask_storeu_epi16(out + i, mask, half);
    }
}

void panel_to_half(const float* x, std::int64_t rows, std::int64_t columns, float scale, std::uint16_t* out,
                   std::int64_t out_stride, double* norms) {
    constexpr int vectors = panel / width;
    constexpr int nearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    const __m512 factor = _mm512_set1_ps(scale);
    // Whole lines of memory are written past the caches: nobody reads them soon.
    const bool lines =
        columns == panel && out_stride % 32 == 0 && reinterpret_cast<std::uintptr_t>(out) % 64 == 0;
    __mmask16 mask[vectors];
    for (int v = 0; v < vectors; ++v) mask[v] = first_places(columns - v * width);
    for (std::int64_t first = 0; first < rows; first += rows_of_norm) {
        const std::int64_t last = first + rows_of_norm < rows ? first + rows_of_norm : rows;
        __m512 sum[vectors] = {};
        for (std::int64_t r = first; r < last; ++r) {
            __m256i half[vectors];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                const __m512 value = _mm512_maskz_loadu_ps(mask[v], x + r * panel + v * width);
                sum[v] = _mm512_fmadd_ps(value, value, sum[v]);
                half[v] = _mm512_cvtps_ph(_mm512_mul_ps(value, factor), nearest);
            }
            std::uint16_t* to = out + r * out_stride;
            if (lines) {
                for (int v = 0; v < vectors; v += 2)
                    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + v * width),
                                        _mm512_inserti64x4(_mm512_castsi256_si512(half[v]), half[v + 1], 1));
            } else {
                for (int v = 0; v < vectors; ++v) _mm256_mask_storeu_epi16(to + v * width, mask[v], half[v]);
            }
        }
        *norms++ = total_of(sum);
    }
    _mm_sfence();
}

void adamw(const AdamWPiece& p, std::int64_t first, std::int64_t last) {
    constexpr std::int64_t ahead = 512;  // numbers: the processor itself foresees no further than a page
    const __m512 scale = _mm512_set1_ps(p.gradient_scale), beta1 = _mm512_set1_ps(p.beta1),
                 beta2 = _mm512_set1_ps(p.beta2), rest1 = _mm512_set1_ps(1 - p.beta1),
                 rest2 = _mm512_set1_ps(1 - p.beta2), eps = _mm512_set1_ps(p.eps),
                 keep = _mm512_set1_ps(p.keep), step_size = _mm512_set1_ps(p.step_size),
                 square_scale = _mm512_set1_ps(p.square_scale), drift = _mm512_set1_ps(p.average_step);
    for (std::int64_t i = first; i < last; i += width) {
        const __mmask16 mask = first_places(last - i);
        const float* const streams[] = {p.first, p.second, p.weight};
        for (const float* stream : streams)
            _mm_prefetch(reinterpret_cast<const char*>(stream + i + ahead), _MM_HINT_T0);
        const __m512 g = _mm512_mul_ps(gradient_of(p, i, mask), scale);
        const __m512 m =
            _mm512_fmadd_ps(beta1, _mm512_maskz_loadu_ps(mask, p.first + i), _mm512_mul_ps(rest1, g));
        const __m512 v = _mm512_fmadd_ps(beta2, _mm512_maskz_loadu_ps(mask, p.second + i),
                                         _mm512_mul_ps(rest2, _mm512_mul_ps(g, g)));
        const __m512 size = _mm512_fmadd_ps(_mm512_sqrt_ps(v), square_scale, eps);
        const __m512 w = _mm512_fnmadd_ps(step_size, _mm512_div_ps(m, size),
                                          _mm512_mul_ps(keep, _mm512_maskz_loadu_ps(mask, p.weight + i)));
        _mm512_mask_storeu_ps(p.first + i, mask, m);
        _mm512_mask_storeu_ps(p.second + i, mask, v);
        _mm512_mask_storeu_ps(p.weight + i, mask, w);
        if (!p.average) continue;
        const __m512 a = _mm512_maskz_loadu_ps(mask, p.average + i);
        _mm512_mask_storeu_ps(p.average + i, mask, _mm512_fmadd_ps(drift, _mm512_sub_ps(w, a), a));
    }
}

}  // namespace testudo::nets::avx512
