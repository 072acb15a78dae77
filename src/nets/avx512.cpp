// Compiled for AVX-512 whatever the rest is compiled for: no header with inline code but the intrinsics, lest
// a function made here serve processors that lack it.
#include "nets/avx512.h"

#include "nets/avx512_math.h"

namespace testudo::nets::avx512 {

namespace {

constexpr std::int64_t group = 6;  // rows whose sums stay in registers: 6 rows x 4 vectors of outputs

// x/2 (1 + erf(x/sqrt 2)), erf by Abramowitz and Stegun 7.1.26 (off by 1.5e-7 at most)
inline __m512 gelu(__m512 x) {
    const __m512 z = _mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(0.70710678f));
    const __m512 t = _mm512_div_ps(_mm512_set1_ps(1.0f),
                                   _mm512_fmadd_ps(z, _mm512_set1_ps(0.3275911f), _mm512_set1_ps(1.0f)));
    __m512 p = _mm512_set1_ps(1.061405429f);
    constexpr float next[] = {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f};
#pragma GCC unroll 4
    for (const float c : next) p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(c));
    p = _mm512_mul_ps(_mm512_mul_ps(p, t),
                      exponential(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_mul_ps(z, z))));
    // 1 + erf is 2 - p for positive x and p for negative x
    const __mmask16 negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
    const __m512 one_and_erf = _mm512_mask_mov_ps(_mm512_sub_ps(_mm512_set1_ps(2.0f), p), negative, p);
    return _mm512_mul_ps(_mm512_mul_ps(x, _mm512_set1_ps(0.5f)), one_and_erf);
}

struct Float32 {
    using Sum = __m512;
    static Sum zero() { return _mm512_setzero_ps(); }
    static Sum add(Sum sum, const std::int32_t* row, const std::int32_t* matrix) {
        return _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_set1_epi32(*row)), _mm512_loadu_ps(matrix), sum);
    }
};

struct Bfloat16 {
    using Sum = __m512;
    static Sum zero() { return _mm512_setzero_ps(); }
    static Sum add(Sum sum, const std::int32_t* row, const std::int32_t* matrix) {
        return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(_mm512_set1_epi32(*row)),
                                reinterpret_cast<__m512bh>(_mm512_loadu_si512(matrix)));
    }
};

struct Int8 {
    using Sum = __m512i;
    static Sum zero() { return _mm512_setzero_si512(); }
    static Sum add(Sum sum, const std::int32_t* row, const std::int32_t* matrix) {
        return _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(*row), _mm512_loadu_si512(matrix));
    }
};

inline __m512 value(const Product&, __m512 sum, std::int64_t, std::int64_t) { return sum; }
inline __m512 value(const Product& p, __m512i sum, std::int64_t row, std::int64_t output) {
    const __m512i exact = _mm512_sub_epi32(sum, _mm512_loadu_si512(p.column_offset + output));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(exact), _mm512_mul_ps(_mm512_set1_ps(p.row_scale[row]),
                                                                  _mm512_loadu_ps(p.column_scale + output)));
}

template <class Dot, int rows>
void tile(const Product& p, std::int64_t first_row, std::int64_t panel_index) {
    const auto* matrix = static_cast<const std::int32_t*>(p.matrix) + panel_index * panel * p.lanes;
    const auto* row = static_cast<const std::int32_t*>(p.rows) + first_row * p.row_stride;
    typename Dot::Sum sum[rows][4];
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) sum[r][v] = Dot::zero();
    for (std::int64_t s = 0; s < p.lanes; ++s, matrix += panel)
#pragma GCC unroll 6
        for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < 4; ++v)
                sum[r][v] = Dot::add(sum[r][v], row + r * p.row_stride + s, matrix + 16 * v);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) {
            const std::int64_t output = panel_index * panel + 16 * v, left = p.outputs - output;
            if (left <= 0) continue;
            const __mmask16 mask = left >= 16 ? __mmask16(0xffff) : static_cast<__mmask16>((1u << left) - 1);
            float* out = p.out + (first_row + r) * p.out_stride + output;
            __m512 y = value(p, sum[r][v], first_row + r, output);
            if (p.bias) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, p.bias + output));
            if (p.gelu) y = gelu(y);
            if (p.add) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, out));
            _mm512_mask_storeu_ps(out, mask, y);
        }
}

template <class Dot>
void rows_and_panels(const Product& p, std::int64_t first_row, std::int64_t last_row,
                     std::int64_t first_panel, std::int64_t last_panel) {
    const std::int64_t tiles = (last_row - first_row + group - 1) / group * (last_panel - first_panel);
    const std::int64_t pieces = p.ahead_width / panel;
    const std::int64_t fetched =
        tiles > 0 ? (p.ahead_rows * pieces + tiles - 1) / tiles : 0;  // with each tile
    const float* ahead = p.ahead;
    std::int64_t ahead_row = 0, ahead_piece = 0;
    for (std::int64_t panel_index = first_panel; panel_index < last_panel; ++panel_index) {
        std::int64_t row = first_row;
        for (; row + group <= last_row; row += group) {
            for (std::int64_t i = 0; i < fetched && ahead_row < p.ahead_rows; ++i) {
#pragma GCC unroll 4
                for (int v = 0; v < 4; ++v)
                    _mm_prefetch(reinterpret_cast<const char*>(ahead + ahead_piece * panel + 16 * v),
                                 _MM_HINT_T1);
                if (++ahead_piece < pieces) continue;
                ahead_piece = 0;
                ++ahead_row;
                ahead += p.ahead_stride;
            }
            tile<Dot, 6>(p, row, panel_index);
        }
        switch (last_row - row) {
            case 5:
                tile<Dot, 5>(p, row, panel_index);
                break;
            case 4:
                tile<Dot, 4>(p, row, panel_index);
                break;
            case 3:
                tile<Dot, 3>(p, row, panel_index);
                break;
            case 2:
                tile<Dot, 2>(p, row, panel_index);
                break;
            case 1:
                tile<Dot, 1>(p, row, panel_index);
                break;
            default:
                break;
        }
    }
}

// exp(score - largest) in place of the scores, as lanes of `element`; returns the sum.
float softmax_row(Element element, float* scores, std::int64_t count, std::int32_t* out) {
    const __m512 most = _mm512_set1_ps(largest(scores, count));
    __m512 sum = _mm512_setzero_ps();
    const std::int64_t whole = element == Element::bfloat16 ? (count + 31) / 32 * 32 : (count + 15) / 16 * 16;
    for (std::int64_t i = 0; i < whole; i += 16) {
        const std::int64_t left = count - i;
        const __mmask16 mask = left >= 16  ? __mmask16(0xffff)
                               : left <= 0 ? __mmask16(0)
                                           : static_cast<__mmask16>((1u << left) - 1);
        const __m512 e =
            _mm512_maskz_mov_ps(mask, exponential(_mm512_sub_ps(_mm512_loadu_ps(scores + i), most)));
        sum = _mm512_add_ps(sum, e);
        if (element == Element::bfloat16)
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i / 2), to_bfloat16(e));
        else
            _mm512_storeu_ps(out + i, e);
    }
    return _mm512_reduce_add_ps(sum);
}

}  // namespace

bool supported() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("fma");
}

bool bfloat16_supported() { return supported() && __builtin_cpu_supports("avx512bf16"); }

void product(Element element, const Product& p, std::int64_t first_row, std::int64_t last_row,
             std::int64_t first_panel, std::int64_t last_panel) {
    switch (element) {
        case Element::float32:
            return rows_and_panels<Float32>(p, first_row, last_row, first_panel, last_panel);
        case Element::bfloat16:
            return rows_and_panels<Bfloat16>(p, first_row, last_row, first_panel, last_panel);
        case Element::int8:
            return rows_and_panels<Int8>(p, first_row, last_row, first_panel, last_panel);
    }
}

void layer_norm(const float* x, std::int64_t n, std::int64_t dim, const float* weight, const float* bias,
                float* out) {
    for (std::int64_t r = 0; r < n; ++r, x += dim, out += dim) {
        __m512 sum = _mm512_setzero_ps(), square = _mm512_setzero_ps();
        for (std::int64_t i = 0; i < dim; i += 16) sum = _mm512_add_ps(sum, _mm512_loadu_ps(x + i));
        const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / static_cast<float>(dim));
        for (std::int64_t i = 0; i < dim; i += 16) {
            const __m512 d = _mm512_sub_ps(_mm512_loadu_ps(x + i), mean);
            square = _mm512_fmadd_ps(d, d, square);
        }
        const __m512 variance =
            _mm512_set1_ps(_mm512_reduce_add_ps(square) / static_cast<float>(dim) + 1e-5f);
        const __m512 factor = _mm512_div_ps(_mm512_set1_ps(1.0f), _mm512_sqrt_ps(variance));
        for (std::int64_t i = 0; i < dim; i += 16) {
            const __m512 y = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(x + i), mean), factor);
            _mm512_storeu_ps(out + i,
                             _mm512_fmadd_ps(y, _mm512_loadu_ps(weight + i), _mm512_loadu_ps(bias + i)));
        }
    }
}

void quantise(const float* x, std::int64_t n, std::int64_t dim, std::uint8_t* out, float* scale) {
    for (std::int64_t r = 0; r < n; ++r, x += dim, out += dim) {
        __m512 most = _mm512_setzero_ps();
        for (std::int64_t i = 0; i < dim; i += 16)
            most = _mm512_max_ps(most, _mm512_abs_ps(_mm512_loadu_ps(x + i)));
        const float peak = _mm512_reduce_max_ps(most);
        scale[r] = peak / 127;
        const __m512 factor = _mm512_set1_ps(peak > 0 ? 127 / peak : 0);
        for (std::int64_t i = 0; i < dim; i += 16) {
            const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + i), factor));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                             _mm512_cvtepi32_epi8(_mm512_add_epi32(q, _mm512_set1_epi32(128))));
        }
    }
}

void pack_keys(Element element, const float* x, std::int64_t stride, std::int64_t count, void* out) {
    auto* lane = static_cast<std::int32_t*>(out);
    const std::int64_t steps = lanes(element, 64);
    for (std::int64_t key = 0; key < panels(count) * panel; ++key) {
        std::int32_t* own = lane + key / panel * panel * steps + key % panel;
        alignas(64) std::int32_t row[64];
        for (std::int64_t i = 0; i < 64; i += 16) {
            const __m512 v = key < count ? _mm512_loadu_ps(x + key * stride + i) : _mm512_setzero_ps();
            if (element == Element::bfloat16)
                _mm256_store_si256(reinterpret_cast<__m256i*>(row + i / 2), to_bfloat16(v));
            else
                _mm512_store_ps(row + i, v);
        }
        for (std::int64_t s = 0; s < steps; ++s) own[s * panel] = row[s];
    }
}

void pack_values(Element element, const float* x, std::int64_t stride, std::int64_t count, void* out) {
    auto* lane = static_cast<std::int32_t*>(out);
    for (std::int64_t s = 0; s < lanes(element, count); ++s, lane += panel)
        for (std::int64_t i = 0; i < 64; i += 16) {
            if (element == Element::float32) {
                _mm512_storeu_ps(lane + i, _mm512_loadu_ps(x + s * stride + i));
                continue;
            }
            const float* first = x + 2 * s * stride + i;
            const __m512i low = _mm512_cvtepu16_epi32(to_bfloat16(_mm512_loadu_ps(first)));
            const __m512 next = 2 * s + 1 < count ? _mm512_loadu_ps(first + stride) : _mm512_setzero_ps();
            const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(to_bfloat16(next)), 16);
            _mm512_storeu_si512(lane + i, _mm512_or_si512(low, high));
        }
}

void attention(Element element, const float* q, std::int64_t q_stride, std::int64_t n, const void* keys,
               const void* values, std::int64_t count, float* out, std::int64_t out_stride, float* scratch,
               float* scores, std::int64_t score_stride) {
    const std::int64_t width = panels(count) * panel, steps = lanes(element, 64);
    auto* query = reinterpret_cast<std::int32_t*>(scratch);
    float* score = scratch + group * 64;
    auto* weight = reinterpret_cast<std::int32_t*>(score + group * width);
    for (std::int64_t first = 0; first < n; first += group) {
        const std::int64_t rows = n - first < group ? n - first : group;
        for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t i = 0; i < 64; i += 16) {
                const __m512 v =
                    _mm512_mul_ps(_mm512_loadu_ps(q + (first + r) * q_stride + i), _mm512_set1_ps(0.125f));
                if (element == Element::bfloat16)
                    _mm256_storeu_si256(reinterpret_cast<__m256i*>(query + r * steps + i / 2),
                                        to_bfloat16(v));
                else
                    _mm512_storeu_ps(query + r * steps + i, v);
            }
        Product p;
        p.rows = query;
        p.row_stride = p.lanes = steps;
        p.matrix = keys;
        p.outputs = width;
        p.out = score;
        p.out_stride = width;
        product(element, p, 0, rows, 0, panels(count));
        float sum[group];
        for (std::int64_t r = 0; r < rows; ++r) {
            if (scores)
                for (std::int64_t i = 0; i < count; ++i)
                    scores[(first + r) * score_stride + i] = score[r * width + i];
            sum[r] = softmax_row(element, score + r * width, count, weight + r * width);
        }
        p = {};
        p.rows = weight;
        p.row_stride = width;
        p.matrix = values;
        p.lanes = lanes(element, count);
        p.outputs = panel;
        p.out = out + first * out_stride;
        p.out_stride = out_stride;
        product(element, p, 0, rows, 0, 1);
        for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t i = 0; i < 64; i += 16) {
                float* o = p.out + r * out_stride + i;
                _mm512_storeu_ps(o, _mm512_mul_ps(_mm512_loadu_ps(o), _mm512_set1_ps(1 / sum[r])));
            }
    }
}

void attention_apart(const float* q, const float* key_base, const float* value_base,
                     const std::int64_t* offset, std::int64_t count, float* out, float* scratch) {
    __m512 query[4], sum[4];
    for (int v = 0; v < 4; ++v) {
        query[v] = _mm512_mul_ps(_mm512_loadu_ps(q + 16 * v), _mm512_set1_ps(0.125f));
        sum[v] = _mm512_setzero_ps();
    }
    for (std::int64_t i = 0; i < count; ++i) {
        const float* key = key_base + offset[i];
        __m512 dot = _mm512_mul_ps(query[0], _mm512_loadu_ps(key));
        for (int v = 1; v < 4; ++v) dot = _mm512_fmadd_ps(query[v], _mm512_loadu_ps(key + 16 * v), dot);
        scratch[i] = _mm512_reduce_add_ps(dot);
    }
    const float most = largest(scratch, count);
    __m512 total = _mm512_setzero_ps();
    for (std::int64_t i = 0; i < count; i += 16) {
        const std::int64_t left = count - i;
        const __mmask16 mask = left >= 16 ? __mmask16(0xffff) : static_cast<__mmask16>((1u << left) - 1);
        const __m512 e = _mm512_maskz_mov_ps(
            mask, exponential(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, scratch + i), _mm512_set1_ps(most))));
        total = _mm512_add_ps(total, e);
        _mm512_mask_storeu_ps(scratch + i, mask, e);
    }
    for (std::int64_t i = 0; i < count; ++i) {
        const float* value = value_base + offset[i];
        for (int v = 0; v < 4; ++v)
            sum[v] = _mm512_fmadd_ps(_mm512_set1_ps(scratch[i]), _mm512_loadu_ps(value + 16 * v), sum[v]);
    }
    const __m512 share = _mm512_set1_ps(1 / _mm512_reduce_add_ps(total));
    for (int v = 0; v < 4; ++v) _mm512_storeu_ps(out + 16 * v, _mm512_mul_ps(sum[v], share));
}

float largest(const float* x, std::int64_t n) {
    const __m512 least = _mm512_set1_ps(-__builtin_inff());
    __m512 most = least;
    std::int64_t i = 0;
    for (; i + 16 <= n; i += 16) most = _mm512_max_ps(most, _mm512_loadu_ps(x + i));
    if (i < n)
        most = _mm512_max_ps(most,
                             _mm512_mask_loadu_ps(least, static_cast<__mmask16>((1u << (n - i)) - 1), x + i));
    return _mm512_reduce_max_ps(most);
}

float log_sum_exp(const float* x, std::int64_t n) {
    const float most = largest(x, n);
    if (most == -__builtin_inff()) return most;
    __m512 sum = _mm512_setzero_ps();
    for (std::int64_t i = 0; i < n; i += 16) {
        const std::int64_t left = n - i;
        const __mmask16 mask = left >= 16 ? __mmask16(0xffff) : static_cast<__mmask16>((1u << left) - 1);
        const __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + i), _mm512_set1_ps(most));
        sum = _mm512_add_ps(sum, _mm512_maskz_mov_ps(mask, exponential(d)));
    }
    return most + __builtin_logf(_mm512_reduce_add_ps(sum));
}

}  // namespace testudo::nets::avx512
