#include "nets/products.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "nets/avx512_training.h"
#include "nets/block_math.h"
#include "nets/share_work.h"

namespace testudo::nets {

namespace {

using avx512::Element;

// Lanes of a panel at a time: 256 KiB, which stay in the processor's second cache while all rows pass.
constexpr std::int64_t most_lanes = 1024;
constexpr std::int64_t row_alignment = 16;

bool unit_stride(const at::Tensor& m) { return m.stride(0) == 1 || m.stride(1) == 1; }

bool has_kernel(Precision precision) {
    return precision == Precision::float32 ||
           (precision == Precision::bfloat16 && avx512::bfloat16_supported());
}

bool is_matrix(const at::Tensor& m) { return own_kernels(m) && m.dim() == 2 && m.numel() > 0; }

bool fits(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const ProductOptions& options) {
    return has_kernel(options.precision) && is_matrix(a) && is_matrix(b) && is_matrix(out) &&
           unit_stride(a) && unit_stride(b) && out.stride(1) == 1 &&
           (!options.bias.defined() || (own_kernels(options.bias) && options.bias.is_contiguous()));
}

avx512::Strided strided(const at::Tensor& m) { return {m.const_data_ptr<float>(), m.stride(0), m.stride(1)}; }

// The rows [first, last) and columns [column, column + outputs) of a product that one task computes.
struct Part {
    std::int64_t first = 0, last = 0, column = 0, outputs = 0, thread = 0;
};

// a · b, part by part: place(part) says where the outputs go (with `out_stride` between rows), done(part) is
// called when they are there. A part has a multiple of row_alignment rows, unless it is the last, and no more
// than most_rows.
template <class Place, class Done>
void multiply(const at::Tensor& a, const at::Tensor& b, const ProductOptions& options, std::int64_t most_rows,
              std::int64_t out_stride, const Place& place, const Done& done) {
    const Element element = options.precision == Precision::bfloat16 ? Element::bfloat16 : Element::float32;
    const std::int64_t m = a.size(0), k = a.size(1), n = b.size(1), work = m * k * n;
    const std::int64_t lanes = avx512::lanes(element, k), each = avx512::per_lane(element);

    avx512::Product whole;
    whole.out_stride = out_stride;
    at::Tensor laid;
    if (element == Element::float32 && a.stride(1) == 1) {
        whole.rows = a.const_data_ptr<float>();
        whole.row_stride = a.stride(0);
    } else {
        whole.row_stride = (lanes + row_alignment - 1) / row_alignment * row_alignment;
        laid = at::empty({m, whole.row_stride}, a.options());
        float* rows = laid.mutable_data_ptr<float>();
        whole.rows = rows;
        share_work((m + row_alignment - 1) / row_alignment, work, [&](std::int64_t i, std::int64_t) {
            const std::int64_t first = i * row_alignment;
            avx512::lay_rows(element, strided(a), first, std::min(first + row_alignment, m), k, rows,
                             whole.row_stride);
        });
    }

    const std::int64_t blocks = (lanes + most_lanes - 1) / most_lanes;
    const std::int64_t block = (lanes + blocks - 1) / blocks;
    const std::int64_t threads = at::get_num_threads(), panels = avx512::panels(n);
    // Enough tasks that no thread waits long for the last; a panel is laid out again for each of its tasks.
    constexpr std::int64_t least_rows = 96, tasks_of_thread = 4;
    const std::int64_t wanted = std::clamp<std::int64_t>((threads * tasks_of_thread + panels - 1) / panels, 1,
                                                         std::max<std::int64_t>(1, m / least_rows));
    const std::int64_t each_rows = std::min((m + wanted - 1) / wanted, most_rows);
    const std::int64_t rows = (each_rows + row_alignment - 1) / row_alignment * row_alignment;
    const std::int64_t splits = (m + rows - 1) / rows;
    at::Tensor scratch = at::empty({threads, block * avx512::panel}, a.options());
    share_work(panels * splits, work, [&](std::int64_t task, std::int64_t thread) {
        const std::int64_t column = task / splits * avx512::panel, first_row = task % splits * rows;
        const Part part{first_row, std::min(first_row + rows, m), column, std::min(avx512::panel, n - column),
                        thread};
        float* panel = scratch.mutable_data_ptr<float>() + thread * block * avx512::panel;
        avx512::Product product = whole;
        product.matrix = panel;
        product.outputs = part.outputs;
        product.out = place(part);
        for (std::int64_t lane = 0; lane < lanes; lane += block) {
            product.lanes = std::min(block, lanes - lane);
            avx512::lay_panel(element, strided(b), column, n, lane * each,
                              std::min(product.lanes * each, k - lane * each), panel);
            // The next part of this panel, or the panel that this thread probably takes next: weights come
            // from memory, and rows so far apart are not foreseen by the processor.
            const bool here = lane + block < lanes, across = b.stride(1) == 1;
            const std::int64_t next = here ? column : column + threads * avx512::panel,
                               input = here ? (lane + block) * each : 0,
                               inputs = std::min(block, here ? lanes - lane - block : lanes) * each;
            if (next + avx512::panel <= n) {
                product.ahead = b.const_data_ptr<float>() + input * b.stride(0) + next * b.stride(1);
                product.ahead_stride = across ? b.stride(0) : b.stride(1);
                product.ahead_rows = across ? inputs : avx512::panel;
                product.ahead_width = across ? avx512::panel : inputs;
            } else {
                product.ahead_rows = 0;
            }
            product.rows = static_cast<const float*>(whole.rows) + first_row * whole.row_stride + lane;
            product.add = options.add || lane > 0;
            product.bias =
                options.bias.defined() && lane == 0 ? options.bias.const_data_ptr<float>() + column : nullptr;
            avx512::product(element, product, 0, part.last - part.first, 0, 1);
        }
        done(part);
    });
}

void own_product(at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const ProductOptions& options) {
    float* to = out.mutable_data_ptr<float>();
    const std::int64_t stride = out.stride(0);
    multiply(
        a, b, options, a.size(0), stride,
        [&](const Part& part) { return to + part.first * stride + part.column; }, [](const Part&) {});
}

// The largest norm of a column of m [rows, columns], rows as they lie.
double largest_column_norm(const at::Tensor& m) {
    constexpr std::int64_t columns_of_task = 256;
    const std::int64_t columns = m.size(1), tasks = (columns + columns_of_task - 1) / columns_of_task;
    std::vector<float> squares(static_cast<std::size_t>(tasks));
    const float* x = m.const_data_ptr<float>();
    share_work(tasks, m.numel(), [&](std::int64_t task, std::int64_t) {
        const std::int64_t first = task * columns_of_task;
        squares[static_cast<std::size_t>(task)] = avx512::largest_column_square(
            x + first, m.size(0), m.stride(0), std::min(columns_of_task, columns - first));
    });
    return std::sqrt(*std::max_element(squares.begin(), squares.end()));
}

}  // namespace

bool fast_precision(Precision precision) { return has_kernel(precision); }

void product_out(at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const ProductOptions& options) {
    if (fits(out, a, b, options)) return own_product(out, a, b, options);
    if (options.precision == Precision::float32) {
        if (options.add)
            out.addmm_(a, b);
        else if (options.bias.defined())
            at::addmm_out(out, options.bias, a, b);
        else
            at::mm_out(out, a, b);
        if (options.add && options.bias.defined()) out += options.bias;
        return;
    }
    const at::ScalarType type = options.precision == Precision::bfloat16 ? at::kBFloat16 : at::kHalf;
    const at::Tensor rounded = at::mm(a.to(type), b.to(type));
    if (options.add)
        out += rounded;
    else
        out.copy_(rounded);
    if (options.bias.defined()) out += options.bias;
}

at::Tensor product(const at::Tensor& a, const at::Tensor& b, const ProductOptions& options) {
    at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
    product_out(out, a, b, options);
    return out;
}

double half_scale(double limit) {
    constexpr int largest_exponent = 15;
    if (!(limit > 0) || !std::isfinite(limit)) return 1;
    int exponent = 0;
    std::frexp(limit, &exponent);  // limit < 2^exponent
    return std::ldexp(1.0, std::clamp(largest_exponent - exponent, -100, 100));
}

std::optional<HalfProduct> half_product(const at::Tensor& a, const at::Tensor& b, Precision precision) {
    if (!has_kernel(precision) || !is_matrix(a) || !is_matrix(b) || a.stride(0) != 1 || b.stride(1) != 1)
        return std::nullopt;
    // 256 KiB of outputs, beside the panel in the second cache; and norms are added up in the same order
    // whatever the number of threads.
    constexpr std::int64_t most_rows = 1024, norm_rows = avx512::rows_of_norm;
    static_assert(row_alignment % norm_rows == 0);
    const std::int64_t m = a.size(0), n = b.size(1), norms_of_panel = (m + norm_rows - 1) / norm_rows;
    HalfProduct result;
    result.scale = half_scale(largest_column_norm(a.t()) * largest_column_norm(b));
    result.half = at::empty({m, n}, a.options().dtype(at::kHalf));
    auto* to = static_cast<std::uint16_t*>(result.half.mutable_data_ptr());
    const std::int64_t rows = std::min(m, most_rows);
    at::Tensor places = at::empty({at::get_num_threads(), rows, avx512::panel}, a.options());
    std::vector<double> norms(static_cast<std::size_t>(avx512::panels(n) * norms_of_panel));
    const auto place = [&](const Part& part) {
        return places.mutable_data_ptr<float>() + part.thread * rows * avx512::panel;
    };
    multiply(a, b, {.precision = precision}, rows, avx512::panel, place, [&](const Part& part) {
        avx512::panel_to_half(
            place(part), part.last - part.first, part.outputs, static_cast<float>(result.scale),
            to + part.first * n + part.column, n,
            norms.data() + part.column / avx512::panel * norms_of_panel + part.first / norm_rows);
    });
    for (const double norm : norms) result.squared_norm += norm;
    return result;
}

}  // namespace testudo::nets
