#pragma once
// What the files compiled for AVX-512 share. Internal linkage throughout: see avx512.cpp.
#include <immintrin.h>

#include <cstdint>

namespace testudo::nets::avx512 {

namespace {

[[maybe_unused]] inline __m512 exponential(__m512 x) {
    x = _mm512_max_ps(_mm512_set1_ps(-87.0f), x);  // of a NaN and a number the second is taken
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0x08);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    // Taylor coefficients fitted on [-ln2/2, ln2/2] (Cephes expf)
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);
    constexpr float next[] = {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f,
                              5.0000001201e-1f};
#pragma GCC unroll 5
    for (const float c : next) p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(c));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    return _mm512_scalef_ps(p, n);
}

[[maybe_unused]] inline __m256i to_bfloat16(__m512 x) {
    return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x));
}

// The first `left` of sixteen places; none for a negative number, all from 16 on.
[[maybe_unused]] inline __mmask16 first_places(std::int64_t left) {
    return left >= 16  ? __mmask16(0xffff)
           : left <= 0 ? __mmask16(0)
                       : static_cast<__mmask16>((1u << left) - 1);
}

}  // namespace

}  // namespace testudo::nets::avx512
