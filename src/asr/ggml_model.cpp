#include "asr/ggml_model.h"

#include <algorithm>

#include "asr/model_file.h"
#include "audio/whisper_mel.h"
#include "core/error.h"
#include "core/strings.h"
#include "tensors/damage.h"

namespace testudo::asr {

namespace {

using Shape = std::vector<std::int64_t>;

Shape ggml_shape(std::string_view name, Shape shape) {
    if (tensors::is_ggml_column(name)) shape.push_back(1);
    return shape;
}

// Vectors and positions are always float32.
bool is_large(std::string_view name, const Shape& shape) {
    return shape.size() > 1 && !name.ends_with("positional_embedding");
}

tensors::GgmlSizes sizes_of(const nets::WhisperConfig& config, bool half) {
    tensors::GgmlSizes sizes;
    sizes.vocabulary = config.vocabulary;
    sizes.audio_context = config.audio_context;
    sizes.audio_dim = config.audio_dim;
    sizes.audio_heads = config.audio_heads;
    sizes.audio_layers = config.audio_layers;
    sizes.text_context = config.text_context;
    sizes.text_dim = config.text_dim;
    sizes.text_heads = config.text_heads;
    sizes.text_layers = config.text_layers;
    sizes.mels = config.mels;
    sizes.type = half ? 1 : 0;
    return sizes;
}

nets::WhisperConfig config_of(const tensors::GgmlSizes& sizes) {
    nets::WhisperConfig config;
    config.vocabulary = sizes.vocabulary;
    config.audio_context = sizes.audio_context;
    config.audio_dim = sizes.audio_dim;
    config.audio_heads = sizes.audio_heads;
    config.audio_layers = sizes.audio_layers;
    config.text_context = sizes.text_context;
    config.text_dim = sizes.text_dim;
    config.text_heads = sizes.text_heads;
    config.text_layers = sizes.text_layers;
    config.mels = sizes.mels;
    return config;
}

// What whisper.cpp's arithmetic takes for granted: windows of 30 s and heads of 64 numbers, as in every
// published model.
void check_sizes(const nets::WhisperConfig& c, const std::string& file) {
    const auto impossible = [&](const std::string& what) {
        return input_error(cat(file, ": ", what, ", which no model of whisper.cpp has"),
                           "Take a published ggml model, or convert one with `testudo models convert`.");
    };
    if (c.vocabulary < 51864 || c.vocabulary > 51866)
        throw impossible(cat("it has ", c.vocabulary, " tokens"));
    if (c.audio_context != 1500) throw impossible(cat("its windows have ", c.audio_context, " frames"));
    if (c.text_context != 448) throw impossible(cat("its texts have ", c.text_context, " tokens"));
    if (c.mels != 80 && c.mels != 128) throw impossible(cat("it has ", c.mels, " mel bands"));
    constexpr int head = 64;
    if (c.audio_dim != c.text_dim || c.audio_dim != head * c.audio_heads || c.text_dim != head * c.text_heads)
        throw impossible(cat("it has widths ", c.audio_dim, " and ", c.text_dim, " with ", c.audio_heads,
                             " and ", c.text_heads, " heads"));
    if (c.audio_layers > 256 || c.text_layers > 256)
        throw impossible(cat("it has ", c.audio_layers, " and ", c.text_layers, " layers"));
}

}  // namespace

void convert_to_ggml(const std::filesystem::path& from, const std::filesystem::path& to, bool half) {
    const ModelFile model = read_model(from);
    tensors::NamedTensors tensors;
    for (const auto& [name, shape] : nets::whisper_shapes(model.config)) {
        const at::Tensor* tensor = model.tensors.find(name);
        if (!tensor || tensor->sizes() != at::IntArrayRef(shape))
            throw input_error(cat(model.weights, ": the tensor ", name,
                                  tensor ? cat(" has shape ", nets::shape_text(tensor->sizes()))
                                         : std::string(" is missing")),
                              "Give a whole Whisper model.");
        tensors.set(name, tensor->to(half && is_large(name, shape) ? at::kHalf : at::kFloat));
    }
    const auto texts = model.tokenizer.bytes();
    tensors::write_ggml(to, sizes_of(model.config, half), audio::whisper_mel_filters(model.config.mels),
                        {texts.begin(), texts.end()}, tensors);
}

nets::WhisperConfig check_ggml(const tensors::GgmlModel& model, const std::filesystem::path& path) {
    const std::string file = to_utf8(path.native());
    const nets::WhisperConfig config = config_of(model.sizes);
    check_sizes(config, file);
    if (model.filters.size(0) != config.mels || model.filters.size(1) != audio::whisper_n_fft / 2 + 1)
        throw tensors::damaged(file,
                               cat("its mel filters have shape ", nets::shape_text(model.filters.sizes())));
    WhisperTokenizer::from_bytes(model.vocabulary, config.vocabulary, path);

    const tensors::GgmlType& large = *tensors::ggml_type_of_sizes(model.sizes.type);
    const auto shapes = nets::whisper_shapes(config);
    for (const auto& [name, shape] : shapes) {
        const auto tensor = std::find_if(model.tensors.begin(), model.tensors.end(),
                                         [&](const auto& candidate) { return candidate.name == name; });
        if (tensor == model.tensors.end())
            throw tensors::damaged(file, cat("the tensor ", name, " is missing"));
        if (tensor->shape != ggml_shape(name, shape))
            throw tensors::damaged(file, cat("the tensor ", name, " has shape ",
                                             nets::shape_text(at::IntArrayRef(tensor->shape))));
        const bool conv = shape.size() == 3;
        const std::int32_t wanted = !is_large(name, shape)             ? 0
                                    : conv && large.block_elements > 1 ? 1
                                                                       : large.code;
        if (tensor->type->code != wanted)
            throw tensors::damaged(file, cat("the tensor ", name, " is of type ", tensor->type->name));
    }
    if (model.tensors.size() != shapes.size())
        throw tensors::damaged(file, "it holds tensors that Whisper does not have");
    return config;
}

}  // namespace testudo::asr
