#pragma once
// whisper.cpp's model file, "ggml" (before GGUF): sizes, mel filters, vocabulary, tensors. The layout is that
// of its models/convert-pt-to-ggml.py and of whisper_model_load() in src/whisper.cpp.
#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"
#include "tensors/named_tensors.h"

namespace testudo::tensors {

struct GgmlSizes {
    std::int32_t vocabulary = 0;
    std::int32_t audio_context = 0, audio_dim = 0, audio_heads = 0, audio_layers = 0;
    std::int32_t text_context = 0, text_dim = 0, text_heads = 0, text_layers = 0;
    std::int32_t mels = 0;
    std::int32_t type = 1;  // of the large tensors: 0 float32, 1 float16, others quantised

    bool operator==(const GgmlSizes&) const = default;
};

// An element type; quantised ones come in blocks.
struct GgmlType {
    std::int32_t code;      // in front of a tensor
    std::int32_t of_sizes;  // in GgmlSizes::type
    std::string_view name;  // "float32", "float16", "q5_0", …
    std::uint32_t block_elements, block_bytes;
};
const GgmlType* ggml_type(std::int32_t code);  // nullptr: not known
const GgmlType* ggml_type_of_sizes(std::int32_t type);

struct GgmlTensor {
    std::string name;
    std::vector<std::int64_t> shape;  // row major, as torch says it
    const GgmlType* type;
    std::span<const std::byte> bytes;  // in the model's map
};

struct GgmlModel {
    GgmlSizes sizes;
    at::Tensor filters;                   // float32 [mels, n_fft / 2 + 1]
    std::vector<std::string> vocabulary;  // bytes of each token, by id; special tokens may be left out
    std::vector<GgmlTensor> tensors;
    std::shared_ptr<MappedFile> map;  // the whole file
};

// Every count and length is compared with what the file holds before it is used. Error(input) for a damaged
// file, unknown types, names that come twice.
GgmlModel read_ggml(const fs::path& path);

// This form keeps the biases of the two convolutions as columns [n, 1]; everywhere else they are vectors.
bool is_ggml_column(std::string_view name);

// The tensors as they are in the file, halves as halves, columns as vectors. Error(input) naming the first
// quantised one.
NamedTensors weights_of(const GgmlModel& model, const std::string& file);

// `tensors` are float32 or float16; columns are given as vectors. Atomic. Error(usage) for other types or
// more than four dimensions.
void write_ggml(const fs::path& path, const GgmlSizes& sizes, const at::Tensor& filters,
                const std::vector<std::string>& vocabulary, const NamedTensors& tensors);

}  // namespace testudo::tensors
