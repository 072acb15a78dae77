// Whisper by the kernels of avx512.h: the same sums as whisper.cpp takes by libtorch's operators.
#include <algorithm>
#include <vector>

#include "nets/packed_linear.h"
#include "nets/whisper.h"

namespace testudo::nets {

namespace {

constexpr std::int64_t head_dim = 64;

std::vector<float> floats(std::int64_t count) { return std::vector<float>(static_cast<std::size_t>(count)); }

}  // namespace

at::Tensor Whisper::encode_packed(const at::Tensor& mel) const {
    const std::int64_t batch = mel.size(0), context = config_.audio_context, dim = config_.audio_dim;
    at::Tensor features = at::empty({batch, context, dim}, at::kFloat);
    // One after another: what a window needs fits the cache.
    for (std::int64_t w = 0; w < batch; ++w)
        encode_window(mel[w], features.mutable_data_ptr<float>() + w * context * dim);
    return features;
}

void Whisper::encode_window(const at::Tensor& mel, float* x) const {
    const std::int64_t context = config_.audio_context, dim = config_.audio_dim, mels = config_.mels;
    const std::int64_t heads = config_.audio_heads;
    at::Tensor frames = at::zeros({2 * context + 2, mels}, at::kFloat);
    frames.narrow(0, 1, 2 * context).copy_(mel.t());
    std::vector<float> h = floats((2 * context + 2) * dim);  // zeros before and after
    linear(conv1_.packed, frames.const_data_ptr<float>(), 2 * context, h.data() + dim,
           {.row_stride = mels, .gelu = true});
    std::copy_n(audio_positions_.const_data_ptr<float>(), context * dim, x);
    linear(conv2_.packed, h.data(), context, x, {.row_stride = 2 * dim, .gelu = true, .add = true});

    std::vector<float> qkv = floats(context * 3 * dim), attended = floats(context * dim);
    h.resize(static_cast<std::size_t>(context * 4 * dim));
    for (const Block& block : encoder_) {
        linear(block.qkv.packed, x, context, qkv.data(), {.norm = &block.attention_norm});
        in_parallel(heads, heads * context * context, [&](std::int64_t first, std::int64_t last) {
            std::vector<float> keys = floats(avx512::key_lanes(attention_, context)),
                               values = floats(avx512::value_lanes(attention_, context)),
                               scratch = floats(avx512::attention_scratch(context));
            for (std::int64_t head = first; head < last; ++head) {
                const float* q = qkv.data() + head * head_dim;
                avx512::pack_keys(attention_, q + dim, 3 * dim, context, keys.data());
                avx512::pack_values(attention_, q + 2 * dim, 3 * dim, context, values.data());
                avx512::attention(attention_, q, 3 * dim, context, keys.data(), values.data(), context,
                                  attended.data() + head * head_dim, dim, scratch.data(), nullptr, 0);
            }
        });
        linear(block.out.packed, attended.data(), context, x, {.add = true});
        linear(block.mlp_in.packed, x, context, h.data(), {.norm = &block.mlp_norm, .gelu = true});
        linear(block.mlp_out.packed, h.data(), context, x, {.add = true});
    }
    avx512::layer_norm(x, context, dim, encoder_norm_.weight.const_data_ptr<float>(),
                       encoder_norm_.bias.const_data_ptr<float>(), x);
}

Whisper::Audio Whisper::attend_to_packed(const at::Tensor& features) const {
    const std::int64_t windows = features.size(0), context = features.size(1), dim = config_.text_dim;
    const std::int64_t heads = config_.text_heads;
    const std::int64_t key_lanes = avx512::key_lanes(attention_, context),
                       value_lanes = avx512::value_lanes(attention_, context);
    const at::Tensor rows = features.contiguous();
    std::vector<float> both = floats(context * 2 * dim);
    Audio audio;
    for (const Block& block : decoder_) {
        at::Tensor keys = at::empty({windows, heads, key_lanes}, at::kInt),
                   values = at::empty({windows, heads, value_lanes}, at::kInt);
        for (std::int64_t w = 0; w < windows; ++w) {
            linear(block.cross_keyvalue.packed, rows.const_data_ptr<float>() + w * context * features.size(2),
                   context, both.data());
            in_parallel(heads, heads * context * 2 * head_dim, [&](std::int64_t first, std::int64_t last) {
                for (std::int64_t head = first; head < last; ++head) {
                    const float* key = both.data() + head * head_dim;
                    avx512::pack_keys(attention_, key, 2 * dim, context,
                                      keys.mutable_data_ptr<std::int32_t>() + (w * heads + head) * key_lanes);
                    avx512::pack_values(
                        attention_, key + dim, 2 * dim, context,
                        values.mutable_data_ptr<std::int32_t>() + (w * heads + head) * value_lanes);
                }
            });
        }
        audio.keys.push_back(std::move(keys));
        audio.values.push_back(std::move(values));
    }
    return audio;
}

at::Tensor Whisper::decode_packed(const at::Tensor& tokens, const Audio& audio, Cache& cache,
                                  std::vector<at::Tensor>* scores) const {
    const std::int64_t rows = tokens.size(0), n = tokens.size(1), dim = config_.text_dim, all = rows * n;
    const std::int64_t heads = config_.text_heads, windows = audio.windows(), context = config_.audio_context;
    const std::int64_t before = cache.length, total = before + n, head_size = cache.capacity * head_dim;

    at::Tensor states = embedding_.index_select(0, tokens.reshape(-1)).to(at::kFloat);
    float* x = states.mutable_data_ptr<float>();
    const float* positions = text_positions_.const_data_ptr<float>();
    std::vector<std::int64_t> offset(static_cast<std::size_t>(rows * total));  // of each position's key
    for (std::int64_t r = 0; r < rows; ++r) {
        auto& place = cache.place[static_cast<std::size_t>(r)];
        std::fill_n(place.begin() + before, n, static_cast<std::int32_t>(r));
        for (std::int64_t p = 0; p < total; ++p)
            offset[static_cast<std::size_t>(r * total + p)] =
                place[static_cast<std::size_t>(p)] * heads * head_size + p * head_dim;
        for (std::int64_t i = 0; i < n; ++i) {
            const std::int64_t position = std::max<std::int64_t>(0, before + i - cache.padding[r]);
            for (std::int64_t d = 0; d < dim; ++d) x[(r * n + i) * dim + d] += positions[position * dim + d];
        }
    }

    std::vector<float> qkv = floats(all * 3 * dim), attended = floats(all * dim), h = floats(all * 4 * dim);
    for (std::size_t layer = 0; layer < decoder_.size(); ++layer) {
        const Block& block = decoder_[layer];
        float *keys = cache.keys[layer].mutable_data_ptr<float>(),
              *values = cache.values[layer].mutable_data_ptr<float>();
        linear(block.qkv.packed, x, all, qkv.data(), {.norm = &block.attention_norm});
        for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t i = 0; i < n; ++i)
                for (std::int64_t head = 0; head < heads; ++head) {
                    const std::int64_t to = (r * heads + head) * head_size + (before + i) * head_dim;
                    const float* from = qkv.data() + (r * n + i) * 3 * dim + dim + head * head_dim;
                    std::copy_n(from, head_dim, keys + to);
                    std::copy_n(from + dim, head_dim, values + to);
                }
        in_parallel(rows * heads, all * total * 2 * dim, [&](std::int64_t first, std::int64_t last) {
            std::vector<float> scratch = floats(total);
            for (std::int64_t at = first; at < last; ++at) {
                const std::int64_t r = at / heads, head = at % heads, padding = cache.padding[r];
                for (std::int64_t i = 0; i < n; ++i) {
                    float* out = attended.data() + (r * n + i) * dim + head * head_dim;
                    if (before + i < padding)
                        std::fill_n(out, head_dim, 0.0f);
                    else
                        avx512::attention_apart(qkv.data() + (r * n + i) * 3 * dim + head * head_dim,
                                                keys + head * head_size, values + head * head_size,
                                                offset.data() + r * total + padding, before + i + 1 - padding,
                                                out, scratch.data());
                }
            }
        });
        linear(block.out.packed, attended.data(), all, x, {.add = true});

        // Rows that share a window are more queries of that window.
        linear(block.cross_query.packed, x, all, qkv.data(), {.norm = &block.cross_norm});
        const std::int64_t queries = all / windows;
        const std::int64_t key_lanes = audio.keys[layer].size(2), value_lanes = audio.values[layer].size(2);
        const std::int32_t* audio_keys = audio.keys[layer].const_data_ptr<std::int32_t>();
        const std::int32_t* audio_values = audio.values[layer].const_data_ptr<std::int32_t>();
        at::Tensor score;
        if (scores) score = at::empty({windows, heads, queries, context}, at::kFloat);
        in_parallel(windows * heads, all * context * 2 * dim, [&](std::int64_t first, std::int64_t last) {
            std::vector<float> scratch = floats(avx512::attention_scratch(context));
            for (std::int64_t at = first; at < last; ++at) {
                const std::int64_t from = at / heads * queries * dim + at % heads * head_dim;
                avx512::attention(
                    attention_, qkv.data() + from, dim, queries, audio_keys + at * key_lanes,
                    audio_values + at * value_lanes, context, attended.data() + from, dim, scratch.data(),
                    scores ? score.mutable_data_ptr<float>() + at * queries * context : nullptr, context);
            }
        });
        if (scores)
            scores->push_back(score.view({windows, heads, rows / windows, n, context})
                                  .transpose(1, 2)
                                  .reshape({rows, heads, n, context}));
        linear(block.cross_out.packed, attended.data(), all, x, {.add = true});

        linear(block.mlp_in.packed, x, all, h.data(), {.norm = &block.mlp_norm, .gelu = true});
        linear(block.mlp_out.packed, h.data(), all, x, {.add = true});
    }
    cache.length = total;
    avx512::layer_norm(x, all, dim, decoder_norm_.weight.const_data_ptr<float>(),
                       decoder_norm_.bias.const_data_ptr<float>(), x);
    return states.view({rows, n, dim});
}

}  // namespace testudo::nets
