#include "tensors/crc32.h"

#include <zlib.h>

#include <algorithm>
#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace testudo::tensors {

namespace {

std::uint32_t plain(std::uint32_t crc, std::span<const std::byte> bytes) {
    return static_cast<std::uint32_t>(
        ::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

#if defined(__x86_64__)

// x^power modulo the CRC's polynomial, bits reversed and one up: the factor that moves 32 bits ahead by
// `power` bits in the reflected order ("Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", Intel,
// 2009).
constexpr long long fold_factor(int power) {
    constexpr std::uint32_t polynomial = 0xedb88320;
    std::uint32_t out = 0x80000000;  // x^0, reflected
    for (int i = 0; i < power; ++i) out = (out >> 1) ^ ((out & 1) ? polynomial : 0);
    return static_cast<long long>(out) << 1;
}

__attribute__((target("pclmul,sse4.1"))) inline __m128i fold(__m128i state, __m128i factors, __m128i next) {
    const __m128i low = _mm_clmulepi64_si128(state, factors, 0x00);
    const __m128i high = _mm_clmulepi64_si128(state, factors, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// `bytes` is a multiple of 16 and at least 64 long.
__attribute__((target("pclmul,sse4.1"))) std::uint32_t folded(std::uint32_t crc,
                                                              std::span<const std::byte> bytes) {
    const auto* at = reinterpret_cast<const __m128i*>(bytes.data());
    const auto* end = at + bytes.size() / 16;
    const __m128i by_four = _mm_set_epi64x(fold_factor(4 * 128 - 32), fold_factor(4 * 128 + 32));
    const __m128i by_one = _mm_set_epi64x(fold_factor(128 - 32), fold_factor(128 + 32));
    __m128i a = _mm_xor_si128(_mm_loadu_si128(at), _mm_cvtsi32_si128(static_cast<int>(~crc)));
    __m128i b = _mm_loadu_si128(at + 1), c = _mm_loadu_si128(at + 2), d = _mm_loadu_si128(at + 3);
    for (at += 4; end - at >= 4; at += 4) {
        a = fold(a, by_four, _mm_loadu_si128(at));
        b = fold(b, by_four, _mm_loadu_si128(at + 1));
        c = fold(c, by_four, _mm_loadu_si128(at + 2));
        d = fold(d, by_four, _mm_loadu_si128(at + 3));
    }
    a = fold(fold(fold(a, by_one, b), by_one, c), by_one, d);
    for (; at != end; ++at) a = fold(a, by_one, _mm_loadu_si128(at));
    std::byte state[16];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state), a);
    return plain(0xffffffff, state);  // what is left has the same remainder as all that was folded into it
}

#endif

}  // namespace

std::uint32_t crc32(std::uint32_t crc, std::span<const std::byte> bytes) {
#if defined(__x86_64__)
    static const bool fast = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
    if (fast && bytes.size() >= 64) {
        const std::size_t whole = bytes.size() / 16 * 16;
        crc = folded(crc, bytes.first(whole));
        bytes = bytes.subspan(whole);
    }
#endif
    return plain(crc, bytes);
}

}  // namespace testudo::tensors
