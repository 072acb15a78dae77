// Compiled for AVX-512 whatever the rest is compiled for: see avx512.cpp.
#include "nets/avx512_attention.h"

#include "nets/avx512_math.h"
#include "nets/avx512_training.h"

namespace testudo::nets::avx512 {

namespace {

constexpr std::int64_t vector = 16;
constexpr Element element = Element::float32;

std::int64_t rounded(std::int64_t n) { return panels(n) * panel; }
std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

// Rows of one head [n, width] that stand `stride` floats apart.
struct Rows {
    const float* data;
    std::int64_t stride;
};

// out [n, outputs] = rows [n, inputs] · matrix, laid out as one panel after the other of `inputs` lanes.
void multiply(const float* rows, std::int64_t row_stride, std::int64_t n, const float* matrix,
              std::int64_t inputs, std::int64_t outputs, float* out, std::int64_t out_stride) {
    Product p;
    p.rows = rows, p.row_stride = row_stride;
    p.matrix = matrix, p.lanes = inputs, p.outputs = outputs;
    p.out = out, p.out_stride = out_stride;
    product(element, p, 0, n, 0, panels(outputs));
}

// Each of n rows times each of m others: [n, rounded(m)]. Causal: nothing where all of 64 others come later.
void all_products(const Rows& a, std::int64_t n, const Rows& b, std::int64_t m, std::int64_t width,
                  bool causal, float* laid, float* out) {
    const std::int64_t stride = rounded(m);
    for (std::int64_t first = 0; first < m; first += panel) {
        lay_panel(element, {b.data, 1, b.stride}, first, m, 0, width, laid);
        const std::int64_t from = causal ? first : 0;
        multiply(a.data + from * a.stride, a.stride, n - from, laid, width, panel,
                 out + from * stride + first, stride);
    }
}

// Softmax of scale * scores, zeros where nothing is seen.
void softmax(const Head& head, float* scores) {
    const std::int64_t stride = rounded(head.keys);
    for (std::int64_t r = 0; r < head.queries; ++r) {
        float* row = scores + r * stride;
        const std::int64_t seen = head.causal ? r + 1 : head.keys;
        const __m512 most = _mm512_set1_ps(largest(row, seen)), factor = _mm512_set1_ps(head.scale);
        __m512 sum = _mm512_setzero_ps();
        for (std::int64_t i = 0; i < stride; i += vector) {
            __m512 e = _mm512_setzero_ps();
            if (i < seen)
                e = _mm512_maskz_mov_ps(
                    first_places(seen - i),
                    exponential(_mm512_mul_ps(factor, _mm512_sub_ps(_mm512_loadu_ps(row + i), most))));
            sum = _mm512_add_ps(sum, e);
            _mm512_storeu_ps(row + i, e);
        }
        const __m512 share = _mm512_set1_ps(1 / _mm512_reduce_add_ps(sum));
        for (std::int64_t i = 0; i < least(stride, (seen + vector - 1) / vector * vector); i += vector)
            _mm512_storeu_ps(row + i, _mm512_mul_ps(_mm512_loadu_ps(row + i), share));
    }
}

// out [n, width] = weights [n, rounded(m)] · rows [m, width]
void weigh(const float* weights, std::int64_t n, const Rows& rows, std::int64_t m, std::int64_t width,
           bool causal, float* laid, float* out, std::int64_t out_stride) {
    const std::int64_t stride = rounded(m);
    lay_panel(element, {rows.data, rows.stride, 1}, 0, width, 0, m, laid);
    const std::int64_t block = causal ? panel : n;
    for (std::int64_t first = 0; first < n; first += block)
        multiply(weights + first * stride, stride, least(block, n - first), laid,
                 causal ? least(first + block, m) : m, width, out + first * out_stride, out_stride);
}

// out [m, width] = weights^T · rows [n, width]; `turned`: rounded(m) * rounded(n) floats.
void weigh_turned(const float* weights, std::int64_t n, const Rows& rows, std::int64_t m, std::int64_t width,
                  bool causal, float* turned, float* laid, float* out, std::int64_t out_stride) {
    const std::int64_t stride = rounded(n);
    lay_rows(element, {weights, 1, rounded(m)}, 0, m, n, turned, stride);
    lay_panel(element, {rows.data, rows.stride, 1}, 0, width, 0, n, laid);
    const std::int64_t block = causal ? panel : m;
    for (std::int64_t first = 0; first < m; first += block) {
        const std::int64_t from = causal ? first : 0;
        multiply(turned + first * stride + from, stride, least(block, m - first), laid + from * panel,
                 n - from, width, out + first * out_stride, out_stride);
    }
}

}  // namespace

std::int64_t head_scratch(const Head& head) {
    return (head.queries + panel) * rounded(head.keys) + panel * panel;
}

std::int64_t head_backward_scratch(const Head& head) {
    const std::int64_t m = rounded(head.keys), n = rounded(head.queries), most = m > n ? m : n;
    return 3 * m * n + most * panel + panel * panel;
}

void head_forward(const Head& head, float* out, std::int64_t out_stride, float* scratch) {
    float* laid = scratch + head.queries * rounded(head.keys);
    all_products({head.q, head.q_stride}, head.queries, {head.k, head.k_stride}, head.keys, head.width,
                 head.causal, laid, scratch);
    softmax(head, scratch);
    weigh(scratch, head.queries, {head.v, head.v_stride}, head.keys, head.width, head.causal, laid, out,
          out_stride);
}

void head_backward(const Head& head, const HeadGradients& g, float* scratch) {
    const std::int64_t m = head.keys, n = head.queries, width = head.width, stride = rounded(m),
                       size = stride * rounded(n);
    const Rows q{head.q, head.q_stride}, k{head.k, head.k_stride}, v{head.v, head.v_stride},
        grad{g.grad_out, g.grad_out_stride};
    float *weights = scratch, *slopes = weights + size, *turned = slopes + size, *laid = turned + size;
    all_products(q, n, k, m, width, head.causal, laid, weights);
    softmax(head, weights);
    weigh_turned(weights, n, grad, m, width, head.causal, turned, laid, g.v, g.v_stride);
    all_products(grad, n, v, m, width, head.causal, laid, slopes);
    for (std::int64_t r = 0; r < n; ++r) {
        __m512 dot = _mm512_setzero_ps();
        for (std::int64_t i = 0; i < width; i += vector) {
            const __mmask16 mask = first_places(width - i);
            dot = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, g.out + r * g.out_stride + i),
                                  _mm512_maskz_loadu_ps(mask, grad.data + r * grad.stride + i), dot);
        }
        const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(dot)), factor = _mm512_set1_ps(head.scale);
        const std::int64_t seen = head.causal ? r + 1 : m;
        for (std::int64_t i = 0; i < stride; i += vector) {
            float* at = slopes + r * stride + i;
            // Where nothing is seen there may be anything.
            const __m512 slope = _mm512_maskz_sub_ps(first_places(seen - i), _mm512_loadu_ps(at), mean);
            _mm512_storeu_ps(
                at, _mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(weights + r * stride + i), factor), slope));
        }
    }
    weigh(slopes, n, k, m, width, head.causal, laid, g.q, g.q_stride);
    weigh_turned(slopes, n, q, m, width, head.causal, turned, laid, g.k, g.k_stride);
}

}  // namespace testudo::nets::avx512
