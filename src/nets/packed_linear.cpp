#include "nets/packed_linear.h"

#include <algorithm>
#include <vector>

namespace testudo::nets {

using avx512::Element;

namespace {

constexpr std::int64_t block = 48;  // rows whose operands stay in the cache beside a panel

// What a product takes its rows from.
struct Operand {
    std::vector<float> floats, scale;
    std::vector<std::uint8_t> bytes;

    void prepare(const PackedLinear& layer, const float* x, std::int64_t rows, const LinearOptions& options,
                 avx512::Product& product) {
        product.rows = x;
        product.row_stride = options.row_stride ? options.row_stride : layer.inputs;
        if (options.norm) {
            floats.resize(static_cast<std::size_t>(rows * layer.inputs));
            avx512::layer_norm(x, rows, layer.inputs, options.norm->weight.const_data_ptr<float>(),
                               options.norm->bias.const_data_ptr<float>(), floats.data());
            product.rows = x = floats.data();
        }
        if (layer.element != Element::int8) return;
        bytes.resize(static_cast<std::size_t>(rows * layer.inputs));
        scale.resize(static_cast<std::size_t>(rows));
        avx512::quantise(x, rows, layer.inputs, bytes.data(), scale.data());
        product.rows = bytes.data();
        product.row_stride = product.lanes;
        product.row_scale = scale.data();
    }
};

}  // namespace

PackedLinear pack(const at::Tensor& weight, const at::Tensor& bias, Element element) {
    c10::InferenceMode inference;
    PackedLinear packed;
    packed.element = element;
    packed.outputs = weight.size(0);
    packed.inputs = weight.size(1);
    packed.bias = bias;
    const std::int64_t panels = avx512::panels(packed.outputs), padded = panels * avx512::panel;
    at::Tensor rows = at::constant_pad_nd(weight, {0, 0, 0, padded - packed.outputs});
    if (element == Element::int8) {
        packed.scale = rows.abs().amax(1).div_(127);
        rows = rows.div(packed.scale.clamp_min(1e-30).unsqueeze(1)).round_().to(at::kChar);
        packed.offset = rows.to(at::kInt).sum(1).mul_(128).to(at::kInt);
    } else {
        rows = rows.contiguous();
    }
    const std::int64_t lanes = avx512::lanes(element, packed.inputs);
    packed.matrix = rows.view(at::kInt).view({panels, avx512::panel, lanes}).transpose(1, 2).contiguous();
    return packed;
}

void linear(const PackedLinear& layer, const float* x, std::int64_t rows, float* out,
            const LinearOptions& options) {
    avx512::Product product;
    product.matrix = layer.matrix.const_data_ptr();
    product.lanes = avx512::lanes(layer.element, layer.inputs);
    product.outputs = layer.outputs;
    product.out_stride = layer.outputs;
    if (layer.element == Element::int8) {
        product.column_scale = layer.scale.const_data_ptr<float>();
        product.column_offset = layer.offset.const_data_ptr<std::int32_t>();
    }
    if (layer.bias.defined()) product.bias = layer.bias.const_data_ptr<float>();
    product.gelu = options.gelu;
    product.add = options.add;
    const std::int64_t panels = avx512::panels(layer.outputs), work = rows * layer.outputs * layer.inputs;
    if (rows <= block) {
        Operand operand;
        operand.prepare(layer, x, rows, options, product);
        product.out = out;
        in_parallel(panels, work, [&](std::int64_t first, std::int64_t last) {
            avx512::product(layer.element, product, 0, rows, first, last);
        });
        return;
    }
    const std::int64_t stride = options.row_stride ? options.row_stride : layer.inputs;
    in_parallel((rows + block - 1) / block, work, [&](std::int64_t first, std::int64_t last) {
        Operand operand;
        avx512::Product own = product;
        for (std::int64_t at = first * block; at < std::min(last * block, rows); at += block) {
            const std::int64_t count = std::min(block, rows - at);
            operand.prepare(layer, x + at * stride, count, options, own);
            own.out = out + at * layer.outputs;
            avx512::product(layer.element, own, 0, count, 0, panels);
        }
    });
}

}  // namespace testudo::nets
