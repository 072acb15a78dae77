#pragma once
// Arithmetic of training on processors with AVX-512: operands of products laid out from matrices as they lie
// in memory, and the passes over memory between products, each of which does all that can be done in one.
// Plain pointers, one thread; the callers split the work. Nothing here may be called where
// avx512::supported() is false (bfloat16: avx512::bfloat16_supported()).
#include "nets/avx512.h"

namespace testudo::nets::avx512 {

// Numbers at data[row * row_stride + column * column_stride]; one of the strides is 1.
struct Strided {
    const float* data = nullptr;
    std::int64_t row_stride = 0, column_stride = 0;
};

// The panel of product() for outputs [first_output, first_output + panel) of `matrix` [inputs, outputs],
// inputs [first_input, first_input + inputs).
void lay_panel(Element element, const Strided& matrix, std::int64_t first_output, std::int64_t outputs,
               std::int64_t first_input, std::int64_t inputs, void* out);
// Rows [first_row, last_row) of `matrix` [rows, inputs] as lanes, `row_stride` lanes apart; row_stride is a
// multiple of 16 and all lanes of a row are written.
void lay_rows(Element element, const Strided& matrix, std::int64_t first_row, std::int64_t last_row,
              std::int64_t inputs, void* out, std::int64_t row_stride);

// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), as GPT-2 has it.
void gelu_tanh(const float* x, std::int64_t n, float* out);
// grad becomes grad * gelu'(x), then x becomes gelu(x).
void gelu_tanh_backward(float* x, float* grad, std::int64_t n);

// Which entries are dropped: those of dropout.h for (seed, first + i).
struct Drop {
    std::uint64_t seed = 0;
    std::uint32_t threshold = 0;  // random numbers below it drop
    float keep = 1;               // what the others are multiplied with
};
// out[i] = x[i] * drop(first + i) (+ add[i]); out may be x.
void dropout(const Drop& drop, const float* x, const float* add, std::int64_t first, std::int64_t n,
             float* out);

// Layer norm (epsilon 1e-5) of rows [n, dim], dim a multiple of 16, with what its backward pass needs.
void layer_norm_forward(const float* x, std::int64_t n, std::int64_t dim, const float* weight,
                        const float* bias, float* out, float* mean, float* rstd);
// out = gradient of x (+ add); adds to grad_weight and grad_bias [dim]. out may be grad or add.
void layer_norm_backward(const float* grad, const float* x, std::int64_t n, std::int64_t dim,
                         const float* mean, const float* rstd, const float* weight, const float* add,
                         float* out, float* grad_weight, float* grad_bias);

// out[c] = sum over rows of x[r * stride + c], c in [0, columns)
void column_sums(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns, float* out);

// The largest of: sum over rows of x[r * stride + c]^2, c in [0, columns).
float largest_column_square(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns);

// out[c] = sum over rows of (x[r, c] - center[c])^2
void column_squares(const float* x, std::int64_t rows, std::int64_t columns, const float* center, float* out);
// out[c] = sum over rows of grad[r, c] (x[r, c] - center[c])
void column_products(const float* grad, const float* x, std::int64_t rows, std::int64_t columns,
                     const float* center, float* out);
// out[r, c] = (x[r, c] - center[c]) scale[c] + shift[c] (+ grad[r, c] grad_scale[c]) (+ add[r, c]); columns a
// multiple of 16. grad and add may be null.
struct ColumnSum {
    const float *x = nullptr, *center = nullptr, *scale = nullptr, *shift = nullptr;
    const float *grad = nullptr, *grad_scale = nullptr;
    const float* add = nullptr;
};
void column_scaled(const ColumnSum& of, std::int64_t rows, std::int64_t columns, float* out);

// Cross entropy of softmax(logits) with `target`; logits become weight * (softmax - one hot).
double cross_entropy(float* logits, std::int64_t n, std::int64_t target, float weight);

double squared_norm(const float* x, std::int64_t n);
// Half precision of x * scale.
void to_half(const float* x, std::int64_t n, float scale, std::uint16_t* out);
// The same of `rows` rows of a panel, `columns` of each, to out, `out_stride` apart. `norms` gets the squared
// norm of x for each rows_of_norm of them.
constexpr std::int64_t rows_of_norm = 16;
void panel_to_half(const float* x, std::int64_t rows, std::int64_t columns, float scale, std::uint16_t* out,
                   std::int64_t out_stride, double* norms);

// AdamW on n elements (Loshchilov & Hutter 2019): the gradient is `gradient` (float32 or half) times
// gradient_scale.
struct AdamWPiece {
    float* weight = nullptr;
    float *first = nullptr, *second = nullptr;
    float* average = nullptr;  // or null: moved towards the new weight by `average_step`
    const void* gradient = nullptr;
    bool half = false;
    float gradient_scale = 1, beta1 = 0, beta2 = 0, eps = 0, average_step = 0;
    float keep = 1;          // 1 - learning rate * weight decay
    float step_size = 0;     // learning rate / (1 - beta1^t)
    float square_scale = 0;  // 1 / sqrt(1 - beta2^t)
};
void adamw(const AdamWPiece& piece, std::int64_t first, std::int64_t last);

}  // namespace testudo::nets::avx512
