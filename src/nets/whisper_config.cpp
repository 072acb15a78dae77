#include "core/error.h"
#include "core/strings.h"
#include "nets/whisper.h"

namespace testudo::nets {

namespace {

WhisperConfig sized(int dim, int heads, int audio_layers, int text_layers, int vocabulary, int mels = 80) {
    WhisperConfig config;
    config.mels = mels;
    config.vocabulary = vocabulary;
    config.audio_dim = config.text_dim = dim;
    config.audio_heads = config.text_heads = heads;
    config.audio_layers = audio_layers;
    config.text_layers = text_layers;
    return config;
}

const at::Tensor& need(const Find& find, const std::string& name) {
    const at::Tensor* tensor = find(name);
    if (!tensor)
        throw input_error(cat("not a Whisper model: the tensor ", name, " is missing"),
                          "Give openai's .pt file or a CTranslate2 folder of Whisper.");
    return *tensor;
}

std::int64_t size_of(const Find& find, const std::string& name, std::int64_t rank, std::int64_t axis) {
    const at::Tensor& tensor = need(find, name);
    if (tensor.dim() != rank || tensor.size(axis) < 1 || tensor.size(axis) > (1 << 24))
        throw input_error(
            cat("not a Whisper model: the tensor ", name, " has shape ", shape_text(tensor.sizes())),
            "Give openai's .pt file or a CTranslate2 folder of Whisper.");
    return tensor.size(axis);
}

int count_layers(const Find& find, const std::string& part) {
    int layers = 0;
    while (find(cat(part, ".blocks.", layers, ".attn_ln.weight"))) ++layers;
    return layers;
}

}  // namespace

const std::vector<std::pair<std::string, WhisperConfig>>& published_whispers() {
    constexpr int english = 51864, multilingual = 51865, cantonese = 51866;
    static const std::vector<std::pair<std::string, WhisperConfig>> all = {
        {"tiny.en", sized(384, 6, 4, 4, english)},
        {"tiny", sized(384, 6, 4, 4, multilingual)},
        {"base.en", sized(512, 8, 6, 6, english)},
        {"base", sized(512, 8, 6, 6, multilingual)},
        {"small.en", sized(768, 12, 12, 12, english)},
        {"small", sized(768, 12, 12, 12, multilingual)},
        {"medium.en", sized(1024, 16, 24, 24, english)},
        {"medium", sized(1024, 16, 24, 24, multilingual)},
        {"large-v1", sized(1280, 20, 32, 32, multilingual)},
        {"large-v2", sized(1280, 20, 32, 32, multilingual)},
        {"large-v3", sized(1280, 20, 32, 32, cantonese, 128)},
        {"turbo", sized(1280, 20, 32, 4, cantonese, 128)},
    };
    return all;
}

std::vector<std::pair<std::string, std::vector<std::int64_t>>> whisper_shapes(const WhisperConfig& config) {
    std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes;
    const auto add = [&shapes](const std::string& name, const std::vector<std::int64_t>& shape) {
        shapes.emplace_back(name, shape);
    };
    const auto norm = [&](const std::string& name, std::int64_t dim) {
        add(name + ".weight", {dim});
        add(name + ".bias", {dim});
    };
    const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in) {
        add(name + ".weight", {out, in});
        add(name + ".bias", {out});
    };
    const auto attention = [&](const std::string& name, std::int64_t dim) {
        linear(name + ".query", dim, dim);
        add(name + ".key.weight", {dim, dim});
        linear(name + ".value", dim, dim);
        linear(name + ".out", dim, dim);
    };
    const auto blocks = [&](const std::string& part, int layers, std::int64_t dim, bool cross) {
        for (int i = 0; i < layers; ++i) {
            const std::string block = cat(part, ".blocks.", i);
            attention(block + ".attn", dim);
            norm(block + ".attn_ln", dim);
            if (cross) {
                attention(block + ".cross_attn", dim);
                norm(block + ".cross_attn_ln", dim);
            }
            linear(block + ".mlp.0", 4 * dim, dim);
            linear(block + ".mlp.2", dim, 4 * dim);
            norm(block + ".mlp_ln", dim);
        }
    };
    add("encoder.positional_embedding", {config.audio_context, config.audio_dim});
    add("encoder.conv1.weight", {config.audio_dim, config.mels, 3});
    add("encoder.conv1.bias", {config.audio_dim});
    add("encoder.conv2.weight", {config.audio_dim, config.audio_dim, 3});
    add("encoder.conv2.bias", {config.audio_dim});
    blocks("encoder", config.audio_layers, config.audio_dim, false);
    norm("encoder.ln_post", config.audio_dim);
    add("decoder.positional_embedding", {config.text_context, config.text_dim});
    add("decoder.token_embedding.weight", {config.vocabulary, config.text_dim});
    blocks("decoder", config.text_layers, config.text_dim, true);
    norm("decoder.ln", config.text_dim);
    return shapes;
}

WhisperConfig infer_whisper_config(const Find& find, int audio_heads, int text_heads) {
    WhisperConfig config;
    const auto size = [&find](const char* name, std::int64_t rank, std::int64_t axis) {
        return static_cast<int>(size_of(find, name, rank, axis));
    };
    config.audio_dim = size("encoder.conv1.weight", 3, 0);
    config.mels = size("encoder.conv1.weight", 3, 1);
    config.audio_context = size("encoder.positional_embedding", 2, 0);
    config.text_context = size("decoder.positional_embedding", 2, 0);
    config.vocabulary = size("decoder.token_embedding.weight", 2, 0);
    config.text_dim = size("decoder.token_embedding.weight", 2, 1);
    config.audio_layers = count_layers(find, "encoder");
    config.text_layers = count_layers(find, "decoder");
    config.audio_heads = audio_heads > 0 ? audio_heads : config.audio_dim / 64;
    config.text_heads = text_heads > 0 ? text_heads : config.text_dim / 64;
    if (config.audio_heads < 1 || config.audio_dim % config.audio_heads != 0 || config.text_heads < 1 ||
        config.text_dim % config.text_heads != 0 || config.audio_dim != config.text_dim)
        throw input_error(cat("a Whisper model of widths ", config.audio_dim, " and ", config.text_dim,
                              " with ", config.audio_heads, " and ", config.text_heads, " heads cannot be"),
                          "Give openai's .pt file or a CTranslate2 folder of Whisper.");
    return config;
}

}  // namespace testudo::nets
