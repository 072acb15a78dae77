#include "nets/products.h"

#include <algorithm>

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

bool fits(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const ProductOptions& options) {
    if (options.precision == Precision::float16) return false;
    if (options.precision == Precision::bfloat16 && !avx512::bfloat16_supported()) return false;
    for (const at::Tensor* m : {&a, &b, static_cast<const at::Tensor*>(&out)})
        if (!own_kernels(*m) || m->dim() != 2 || m->numel() == 0) return false;
    return unit_stride(a) && unit_stride(b) && out.stride(1) == 1 &&
           (!options.bias.defined() || (own_kernels(options.bias) && options.bias.is_contiguous()));
}

avx512::Strided strided(const at::Tensor& m) { return {m.const_data_ptr<float>(), m.stride(0), m.stride(1)}; }

void own_product(at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const ProductOptions& options) {
    const Element element = options.precision == Precision::bfloat16 ? Element::bfloat16 : Element::float32;
    const std::int64_t m = a.size(0), k = a.size(1), n = b.size(1), work = m * k * n;
    const std::int64_t lanes = avx512::lanes(element, k), each = avx512::per_lane(element);

    avx512::Product whole;
    whole.out = out.mutable_data_ptr<float>();
    whole.out_stride = out.stride(0);
    at::Tensor laid;
    if (element == Element::float32 && a.stride(1) == 1) {
        whole.rows = a.const_data_ptr<float>();
        whole.row_stride = a.stride(0);
    } else {
        whole.row_stride = (lanes + row_alignment - 1) / row_alignment * row_alignment;
        laid = at::empty({m, whole.row_stride}, out.options());
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
    const std::int64_t splits = std::clamp<std::int64_t>((threads * tasks_of_thread + panels - 1) / panels, 1,
                                                         std::max<std::int64_t>(1, m / least_rows));
    const std::int64_t rows = (m + splits - 1) / splits;
    at::Tensor scratch = at::empty({threads, block * avx512::panel}, out.options());
    share_work(panels * splits, work, [&](std::int64_t task, std::int64_t thread) {
        const std::int64_t column = task / splits * avx512::panel, first_row = task % splits * rows;
        float* panel = scratch.mutable_data_ptr<float>() + thread * block * avx512::panel;
        avx512::Product part = whole;
        part.matrix = panel;
        part.outputs = n - column;
        part.out += column;
        for (std::int64_t lane = 0; lane < lanes; lane += block) {
            part.lanes = std::min(block, lanes - lane);
            avx512::lay_panel(element, strided(b), column, n, lane * each,
                              std::min(part.lanes * each, k - lane * each), panel);
            // The next part of this panel, or the panel that this thread probably takes next: weights come
            // from memory, and rows so far apart are not foreseen by the processor.
            if (b.stride(1) == 1) {
                const bool here = lane + block < lanes;
                const std::int64_t next = here ? column : column + threads * avx512::panel;
                part.ahead =
                    b.const_data_ptr<float>() + (here ? (lane + block) * each * b.stride(0) : 0) + next;
                part.ahead_stride = b.stride(0);
                part.ahead_rows = next + avx512::panel > n
                                      ? 0
                                      : std::min(block, here ? lanes - lane - block : lanes) * each;
            }
            part.rows = static_cast<const float*>(whole.rows) + lane;
            part.add = options.add || lane > 0;
            part.bias =
                options.bias.defined() && lane == 0 ? options.bias.const_data_ptr<float>() + column : nullptr;
            avx512::product(element, part, first_row, std::min(first_row + rows, m), 0, 1);
        }
    });
}

}  // namespace

bool fast_precision(Precision precision) {
    return precision == Precision::float32 ||
           (precision == Precision::bfloat16 && avx512::bfloat16_supported());
}

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

}  // namespace testudo::nets
