#include <algorithm>

#include "asr/model_file.h"
#include "asr/parts.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "tensors/ctranslate2.h"
#include "tensors/ggml.h"
#include "tensors/weights.h"

namespace testudo::asr {

namespace {

constexpr const char* remedy =
    "Give a CTranslate2 folder of Whisper (model.bin, config.json, tokenizer.json), openai's .pt file or a "
    "model of whisper.cpp.";

// CTranslate2's names -> openai's.
tensors::NamedTensors from_ctranslate2(const tensors::CTranslate2Model& file, const fs::path& path,
                                       int& audio_heads, int& text_heads) {
    if (file.spec != "WhisperSpec")
        throw input_error(cat(path, ": holds a ", file.spec, ", not Whisper"), remedy);
    const auto need = [&](const std::string& name) -> const at::Tensor& {
        const at::Tensor* tensor = file.tensors.find(name);
        if (!tensor) throw input_error(cat(path, ": the tensor ", name, " is missing"), remedy);
        if (file.tensors.contains(name + "_scale") || tensor->scalar_type() == at::kChar)
            throw input_error(cat(path, ": its weights are 8-bit (", name, ")"),
                              "Convert the model with --quantization float16 or float32.");
        return *tensor;
    };
    const auto number = [&](const std::string& name) {
        const at::Tensor* tensor = file.tensors.find(name);
        return tensor && tensor->numel() == 1 ? static_cast<int>(tensor->item().toLong()) : 0;
    };
    audio_heads = number("encoder/num_heads");
    text_heads = number("decoder/num_heads");

    tensors::NamedTensors out;
    const auto put = [&](const std::string& to, const std::string& from) {
        out.set(to + ".weight", need(from + "/weight"));
        out.set(to + ".bias", need(from + "/bias"));
    };
    const auto norm = [&](const std::string& to, const std::string& from) {
        out.set(to + ".weight", need(from + "/gamma"));
        out.set(to + ".bias", need(from + "/beta"));
    };
    const auto split = [&](const std::string& to, const std::string& from, std::vector<std::string> parts) {
        const at::Tensor &weight = need(from + "/weight"), &bias = need(from + "/bias");
        const auto count = static_cast<std::int64_t>(parts.size());
        if (weight.dim() != 2 || weight.size(0) % count != 0 || bias.dim() != 1 ||
            bias.size(0) != weight.size(0))
            throw input_error(cat(path, ": ", from, " has shape ", nets::shape_text(weight.sizes())), remedy);
        const std::int64_t size = weight.size(0) / count;
        for (std::int64_t i = 0; i < count; ++i) {
            const std::string& part = parts[static_cast<std::size_t>(i)];
            out.set(cat(to, ".", part, ".weight"), weight.narrow(0, i * size, size));
            if (part != "key") out.set(cat(to, ".", part, ".bias"), bias.narrow(0, i * size, size));
        }
    };
    for (const std::string part : {"encoder", "decoder"}) {
        out.set(part + ".positional_embedding", need(part + "/position_encodings/encodings"));
        norm(part + (part == "encoder" ? ".ln_post" : ".ln"), part + "/layer_norm");
        for (int i = 0; file.tensors.contains(cat(part, "/layer_", i, "/ffn/layer_norm/gamma")); ++i) {
            const std::string to = cat(part, ".blocks.", i), from = cat(part, "/layer_", i);
            norm(to + ".attn_ln", from + "/self_attention/layer_norm");
            split(to + ".attn", from + "/self_attention/linear_0", {"query", "key", "value"});
            put(to + ".attn.out", from + "/self_attention/linear_1");
            if (part == "decoder") {
                norm(to + ".cross_attn_ln", from + "/attention/layer_norm");
                put(to + ".cross_attn.query", from + "/attention/linear_0");
                split(to + ".cross_attn", from + "/attention/linear_1", {"key", "value"});
                put(to + ".cross_attn.out", from + "/attention/linear_2");
            }
            norm(to + ".mlp_ln", from + "/ffn/layer_norm");
            put(to + ".mlp.0", from + "/ffn/linear_0");
            put(to + ".mlp.2", from + "/ffn/linear_1");
        }
    }
    put("encoder.conv1", "encoder/conv1");
    put("encoder.conv2", "encoder/conv2");
    out.set("decoder.token_embedding.weight", need("decoder/embeddings/weight"));
    return out;
}

fs::path find_weights(const fs::path& model) {
    if (!fs::exists(model))
        throw input_error(
            cat("there is no Whisper model at ", model),
            "Fetch one (`testudo models pull whisper-base`), or give the folder or .pt file of one.");
    if (!fs::is_directory(model)) return model;
    if (fs::exists(model / "model.bin")) return model / "model.bin";
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(model))
        if (entry.path().extension() == ".pt") found.push_back(entry.path());
    if (found.size() == 1) return found.front();
    throw input_error(
        cat(model, found.empty() ? ": holds no model.bin and no .pt file" : ": holds several .pt files"),
        found.empty() ? remedy : "Name the .pt file itself.");
}

AlignmentHeads heads_of_config(const fs::path& file, const nets::WhisperConfig& config) {
    const Json json = read_json(file);
    AlignmentHeads heads;
    if (!json.is_object() || !json.contains("alignment_heads")) return heads;
    for (const Json& pair : json["alignment_heads"]) {
        if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer() ||
            !pair[1].is_number_integer())
            throw input_error(cat(file, ": alignment_heads is no list of [layer, head]"), remedy);
        const int layer = pair[0].get<int>(), head = pair[1].get<int>();
        if (layer < 0 || layer >= config.text_layers || head < 0 || head >= config.text_heads)
            throw input_error(cat(file, ": the alignment head [", layer, ", ", head, "] does not exist"),
                              remedy);
        heads.emplace_back(layer, head);
    }
    return heads;
}

at::Device device_of(const std::string& name) {
    try {
        return at::Device(name);
    } catch (const std::exception&) {
        throw usage_error(cat("\"", name, "\" is no device"), "Give cpu, cuda or cuda:N.");
    }
}

}  // namespace

AlignmentHeads alignment_heads(const nets::WhisperConfig& config, const std::string& name) {
    static const std::vector<std::pair<std::string, AlignmentHeads>> published = {
        {"tiny.en", {{1, 0}, {2, 0}, {2, 5}, {3, 0}, {3, 1}, {3, 2}, {3, 3}, {3, 4}}},
        {"tiny", {{2, 2}, {3, 0}, {3, 2}, {3, 3}, {3, 4}, {3, 5}}},
        {"base.en", {{3, 3}, {4, 7}, {5, 1}, {5, 5}, {5, 7}}},
        {"base", {{3, 1}, {4, 2}, {4, 3}, {4, 7}, {5, 1}, {5, 2}, {5, 4}, {5, 6}}},
        {"small.en",
         {{6, 6},
          {7, 0},
          {7, 3},
          {7, 8},
          {8, 2},
          {8, 5},
          {8, 7},
          {9, 0},
          {9, 4},
          {9, 8},
          {9, 10},
          {10, 0},
          {10, 1},
          {10, 2},
          {10, 3},
          {10, 6},
          {10, 11},
          {11, 2},
          {11, 4}}},
        {"small", {{5, 3}, {5, 9}, {8, 0}, {8, 4}, {8, 7}, {8, 8}, {9, 0}, {9, 7}, {9, 9}, {10, 5}}},
        {"medium.en",
         {{11, 4},
          {14, 1},
          {14, 12},
          {14, 14},
          {15, 4},
          {16, 0},
          {16, 4},
          {16, 9},
          {17, 12},
          {17, 14},
          {18, 7},
          {18, 10},
          {18, 15},
          {20, 0},
          {20, 3},
          {20, 9},
          {20, 14},
          {21, 12}}},
        {"medium", {{13, 15}, {15, 4}, {15, 15}, {16, 1}, {20, 0}, {23, 4}}},
        {"large-v1", {{9, 19}, {11, 2}, {11, 4}, {11, 17}, {22, 7}, {22, 11}, {22, 17}, {23, 2}, {23, 15}}},
        {"large-v2", {{10, 12}, {13, 17}, {16, 11}, {16, 12}, {16, 13}, {17, 15}, {17, 16}, {18, 4},
                      {18, 11}, {18, 19}, {19, 11}, {21, 2},  {21, 3},  {22, 3},  {22, 9},  {22, 12},
                      {23, 5},  {23, 7},  {23, 13}, {25, 5},  {26, 1},  {26, 12}, {27, 15}}},
        {"large-v3",
         {{7, 0}, {10, 17}, {12, 18}, {13, 12}, {16, 1}, {17, 14}, {19, 11}, {21, 4}, {24, 1}, {25, 6}}},
        {"turbo", {{2, 4}, {2, 11}, {3, 3}, {3, 6}, {3, 11}, {3, 14}}},
    };
    std::vector<std::string> fitting;
    for (const auto& [size, sizes] : nets::published_whispers())
        if (sizes == config) fitting.push_back(size);
    // large-v1 and large-v2 differ in nothing but their weights.
    std::string chosen = fitting.size() == 1 ? fitting.front() : "";
    for (const std::string& size : fitting)
        if (name.find(size) != std::string::npos) chosen = size;
    for (const auto& [size, heads] : published)
        if (size == chosen) return heads;
    AlignmentHeads heads;
    for (int layer = config.text_layers / 2; layer < config.text_layers; ++layer)
        for (int head = 0; head < config.text_heads; ++head) heads.emplace_back(layer, head);
    return heads;
}

ModelFile read_model(const fs::path& model) {
    ModelFile out;
    out.weights = find_weights(model);
    const fs::path folder = out.weights.parent_path();
    std::vector<std::string> vocabulary;
    int audio_heads = 0, text_heads = 0;
    const tensors::FileKind kind = tensors::kind_of_file(out.weights);
    if (kind == tensors::FileKind::ctranslate2) {
        out.tensors =
            from_ctranslate2(tensors::read_ctranslate2(out.weights), out.weights, audio_heads, text_heads);
    } else if (kind == tensors::FileKind::ggml) {
        tensors::GgmlModel file = tensors::read_ggml(out.weights);
        out.tensors = tensors::weights_of(file, out.weights.string());
        vocabulary = std::move(file.vocabulary);
        audio_heads = file.sizes.audio_heads;
        text_heads = file.sizes.text_heads;
    } else {
        out.tensors = tensors::read_weights(out.weights);
    }
    try {
        out.config = nets::infer_whisper_config(
            [&](const std::string& name) { return out.tensors.find(name); }, audio_heads, text_heads);
        if (kind == tensors::FileKind::ctranslate2 && fs::exists(folder / "config.json"))
            out.heads = heads_of_config(folder / "config.json", out.config);
        if (out.heads.empty()) out.heads = alignment_heads(out.config, fs::absolute(out.weights).string());
        out.tokenizer = kind == tensors::FileKind::ggml
                            ? WhisperTokenizer::from_bytes(vocabulary, out.config.vocabulary, out.weights)
                            : WhisperTokenizer::load(folder, out.config.vocabulary);
        return out;
    } catch (const Error& error) {
        if (std::string(error.what()).find(folder.string()) != std::string::npos) throw;
        throw Error(error.kind(), cat(out.weights, ": ", error.what()), error.hint());
    }
}

Transcriber::Parts load_parts(const fs::path& model, const std::string& device_name,
                              const std::string& compute_name) {
    const at::Device device = device_of(device_name);
    const nets::WhisperCompute compute = nets::whisper_compute(compute_name);
    ModelFile file = read_model(model);
    LogitRules rules = logit_rules(file.tokenizer);
    try {
        return {nets::Whisper(
                    file.config, [&](const std::string& name) { return file.tensors.find(name); }, device,
                    compute),
                std::move(file.tokenizer), std::move(rules), std::move(file.heads)};
    } catch (const Error& error) {
        throw Error(error.kind(), cat(file.weights, ": ", error.what()), error.hint());
    }
}

}  // namespace testudo::asr
