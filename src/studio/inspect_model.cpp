#include <algorithm>
#include <map>
#include <string_view>

#include "core/error.h"
#include "core/strings.h"
#include "studio/models.h"
#include "tensors/inspect.h"
#include "tensors/sidecar.h"

namespace testudo::studio {
namespace {

using Shape = std::vector<std::int64_t>;

// Shapes by name, without what wraps a state dict.
class Shapes {
  public:
    explicit Shapes(const Json& tensors) {
        for (const auto& tensor : tensors) {
            std::string name = tensor.at("name").get<std::string>();
            for (const std::string_view wrap :
                 {"state_dict.", "model_state_dict.", "model_g.", "generator.", "module."})
                if (name.starts_with(wrap)) name.erase(0, wrap.size());
            by_name_.emplace(std::move(name), tensor.at("shape").get<Shape>());
        }
    }
    bool has(const std::string& name) const { return by_name_.contains(name); }
    std::int64_t size(const std::string& name, std::size_t axis) const {
        const auto found = by_name_.find(name);
        return found == by_name_.end() || axis >= found->second.size() ? 0 : found->second[axis];
    }
    bool any(std::string_view start) const {
        const auto found = by_name_.lower_bound(std::string(start));
        return found != by_name_.end() && found->first.starts_with(start);
    }
    // How many of prefix0suffix, prefix1suffix, … there are.
    int count(const std::string& prefix, const std::string& suffix) const {
        int n = 0;
        while (has(cat(prefix, n, suffix))) ++n;
        return n;
    }
    std::size_t tensors() const { return by_name_.size(); }
    const std::map<std::string, Shape>& all() const { return by_name_; }

  private:
    std::map<std::string, Shape> by_name_;
};

bool is_buffer(std::string_view name, std::string_view dtype) {
    return name.ends_with(".attn.masked_bias") ||
           (name.ends_with(".attn.bias") && (dtype == "bool" || dtype == "uint8")) ||
           name.find("codebook.") != std::string_view::npos;
}

ModelKind kind_of(const Shapes& shapes, const Json& description) {
    const auto has_value = [&](std::string_view name) {
        return std::any_of(description.at("values").begin(), description.at("values").end(),
                           [&](const Json& value) { return value.value("name", "") == name; });
    };
    if (has_value("iter") && has_value("epoch")) return ModelKind::training_state;
    if (shapes.any("optimizers[")) return ModelKind::training_state;
    if (shapes.any("base_model.model.gpt.")) return ModelKind::adapters;
    if (shapes.has("mel_pos_embedding.emb.weight") && shapes.any("gpt.h.0.")) return ModelKind::unified_voice;
    if (shapes.has("codebook.embed") && shapes.any("encoder.0.")) return ModelKind::dvae;
    if (shapes.has("decoder.token_embedding.weight") || shapes.has("decoder/embeddings/weight"))
        return ModelKind::whisper;
    if (shapes.has("to_speech_latent.weight"))
        return shapes.has("to_text_latent.weight") ? ModelKind::clvp : ModelKind::cvvp;
    if (shapes.has("cond_emb.0.weight")) return ModelKind::cvvp;
    if (shapes.has("unconditioned_embedding")) return ModelKind::diffusion;
    if (shapes.any("res_stack.") || shapes.any("resblocks.")) return ModelKind::vocoder;
    if (shapes.tensors() >= 2 && shapes.tensors() <= 4 && shapes.any("[0]") && shapes.size("[0]", 0) == 1)
        return ModelKind::voice_latents;
    return ModelKind::unknown;
}

Json config_of(ModelKind kind, const Shapes& s) {
    Json config = Json::object();
    if (kind == ModelKind::unified_voice) {
        config["layers"] = s.count("gpt.h.", ".ln_1.weight");
        config["model_dim"] = s.size("gpt.ln_f.weight", 0);
        config["number_text_tokens"] = s.size("text_embedding.weight", 0);
        config["number_mel_codes"] = s.size("mel_embedding.weight", 0);
        config["max_text_tokens"] = s.size("text_pos_embedding.emb.weight", 0) - 2;
        config["max_mel_tokens"] = s.size("mel_pos_embedding.emb.weight", 0) - 4;
    } else if (kind == ModelKind::dvae) {
        config["codebook_dim"] = s.size("codebook.embed", 0);
        config["num_tokens"] = s.size("codebook.embed", 1);
        config["hidden_dim"] = s.size("encoder.0.0.weight", 0);
        config["channels"] = s.size("encoder.0.0.weight", 1);
        config["num_layers"] = s.count("encoder.", ".0.weight");
    } else if (kind == ModelKind::whisper && s.has("decoder.token_embedding.weight")) {
        config["n_vocab"] = s.size("decoder.token_embedding.weight", 0);
        config["n_state"] = s.size("decoder.token_embedding.weight", 1);
        config["n_layer"] = s.count("decoder.blocks.", ".attn_ln.weight");
        config["n_mels"] = s.size("encoder.conv1.weight", 1);
    } else if (kind == ModelKind::whisper) {
        config["n_vocab"] = s.size("decoder/embeddings/weight", 0);
        config["n_state"] = s.size("decoder/embeddings/weight", 1);
        config["n_mels"] = s.size("encoder/conv1/weight", 1);
    } else if (kind == ModelKind::clvp || kind == ModelKind::cvvp) {
        config["latent_dim"] = s.size("to_speech_latent.weight", 0);
        if (s.has("speech_emb.weight")) config["speech_tokens"] = s.size("speech_emb.weight", 0);
    } else if (kind == ModelKind::diffusion) {
        config["channels"] = s.size("unconditioned_embedding", 1);
        config["layers"] = s.count("layers.", ".resblk.in_layers.0.weight");
    }
    return config;
}

}  // namespace

const char* name_of(ModelKind kind) {
    switch (kind) {
        case ModelKind::unified_voice:
            return "autoregressive";
        case ModelKind::dvae:
            return "dvae";
        case ModelKind::whisper:
            return "whisper";
        case ModelKind::clvp:
            return "clvp";
        case ModelKind::cvvp:
            return "cvvp";
        case ModelKind::diffusion:
            return "diffusion";
        case ModelKind::vocoder:
            return "vocoder";
        case ModelKind::voice_latents:
            return "voice latents";
        case ModelKind::training_state:
            return "training state";
        case ModelKind::adapters:
            return "adapters";
        case ModelKind::tokenizer:
            return "tokenizer";
        case ModelKind::unknown:
            break;
    }
    return "unknown";
}

Inspection inspect_model(const fs::path& file, tensors::Check check) {
    const Json description = tensors::describe_file(file, check);
    const Shapes shapes(description.at("tensors"));
    Inspection out;
    out.form = description.at("kind").get<std::string>();
    out.bytes = description.at("bytes").get<std::uint64_t>();
    out.kind = kind_of(shapes, description);
    out.config = config_of(out.kind, shapes);
    if (out.kind == ModelKind::adapters && description.contains("metadata"))
        for (const char* key : {"rank", "alpha", "targets", "base"})
            if (description["metadata"].contains(key)) out.config[key] = description["metadata"][key];
    out.tensors = Json::array();
    for (const auto& tensor : description.at("tensors")) {
        const std::string name = tensor.at("name").get<std::string>();
        const std::string dtype = tensor.at("dtype").get<std::string>();
        out.tensors.push_back({{"name", name}, {"shape", tensor.at("shape")}, {"dtype", dtype}});
        if (is_buffer(name, dtype) || tensor.contains("same_as")) continue;
        std::uint64_t elements = 1;
        for (const auto& size : tensor.at("shape")) elements *= size.get<std::uint64_t>();
        out.parameters += elements;
    }
    try {
        const Json about = tensors::read_sidecar(file);
        out.origin = about.value("origin", "");
        if (out.kind == ModelKind::unified_voice && about.contains("heads"))
            out.config["heads"] = about["heads"];
    } catch (const std::exception&) {
        out.origin = "";  // a broken note beside a model does not break the model
    }
    return out;
}

Json to_json(const Inspection& inspection, bool with_tensors) {
    Json out{{"kind", name_of(inspection.kind)}, {"form", inspection.form},
             {"bytes", inspection.bytes},        {"parameters", inspection.parameters},
             {"origin", inspection.origin},      {"config", inspection.config}};
    if (with_tensors) out["tensors"] = inspection.tensors;
    return out;
}

}  // namespace testudo::studio
