#include "core/error.h"
#include "core/strings.h"
#include "dataset/voice_name.h"
#include "nets/dvae.h"
#include "nets/unified_voice.h"
#include "studio/models.h"
#include "tensors/pickle.h"
#include "tensors/sidecar.h"

namespace testudo::studio {
namespace {

struct Size {
    const char* name;
    int layers, dim;
    int dvae_hidden, codebook_dim, tokens;
};
// full has the shape of TorToiSe's own; the DVAEs of the others have fewer codes, so that a few minutes of
// speech are enough to fit them.
constexpr Size sizes[] = {{"nano", 4, 192, 96, 64, 256},
                          {"micro", 6, 384, 128, 64, 512},
                          {"small", 12, 768, 256, 256, 4096},
                          {"full", 30, 1024, 512, 512, 8192}};
constexpr int head_width = 64;

const Size& size_of(const std::string& name) {
    std::vector<std::string> names;
    for (const auto& size : sizes) {
        if (size.name == name) return size;
        names.push_back(size.name);
    }
    throw usage_error(cat("there is no model size \"", to_utf8(name), "\""),
                      cat("Choose one of: ", join(names, ", "), "."));
}

void must_be_new(const fs::path& file, bool overwrite) {
    std::error_code ignored;
    if (!overwrite && fs::exists(file, ignored))
        throw input_error(cat(file, " is there already"),
                          "Choose another name, or replace it with --overwrite.");
}

constexpr const char* origin = "random initialisation, not trained";

}  // namespace

void write_weights(const fs::path& file, const nets::Parameters& parameters) {
    tensors::NamedTensors weights;
    for (const auto& [name, tensor] : parameters) weights.set(name, tensor.detach());
    tensors::write_pickle(file, tensors::to_value(weights));
}

InitResult init_model(const Workspace& workspace, const InitOptions& options, Events& events) {
    const Size& size = size_of(options.size);
    const std::string name = options.name.empty() ? cat("random-", options.size) : options.name;
    dataset::check_voice_name(name);
    if (options.text_tokens < 4 || options.text_tokens > 100000)
        throw usage_error(cat("a vocabulary of ", options.text_tokens, " text tokens makes no model"),
                          "Give the number of entries of the tokenizer, plus one.");
    InitResult result;
    result.model = workspace.tortoise_models() / (name + ".pth");
    must_be_new(result.model, options.overwrite);
    if (options.dvae) {
        result.dvae = workspace.tortoise_models() / (name + "_dvae.pth");
        must_be_new(result.dvae, options.overwrite);
    }

    nets::UnifiedVoiceConfig config;
    config.layers = size.layers;
    config.model_dim = size.dim;
    config.heads = size.dim / head_width;
    config.number_text_tokens = options.text_tokens;
    config.start_text_token = options.text_tokens - 1;
    events.progress("init", 0, options.dvae ? 2 : 1, "files");
    nets::UnifiedVoice model(config);
    model.initialise(options.seed);
    result.parameters = static_cast<std::uint64_t>(nets::count_elements(model.parameters()));
    write_weights(result.model, model.state_dict(/*with_masks=*/true));
    tensors::write_sidecar(result.model, {{"origin", origin},
                                          {"size", size.name},
                                          {"seed", options.seed},
                                          {"parameters", result.parameters},
                                          {"layers", config.layers},
                                          {"model_dim", config.model_dim},
                                          {"heads", config.heads},
                                          {"number_text_tokens", config.number_text_tokens},
                                          {"start_text_token", config.start_text_token},
                                          {"number_mel_codes", config.number_mel_codes}});
    events.artifact("model", result.model);
    if (options.dvae) {
        events.progress("init", 1, 2, "files");
        nets::DvaeConfig shape;
        shape.hidden_dim = size.dvae_hidden;
        shape.codebook_dim = size.codebook_dim;
        shape.num_tokens = size.tokens;
        nets::Dvae dvae(shape);
        dvae.initialise(options.seed);
        write_weights(result.dvae, dvae.parameters());
        tensors::write_sidecar(result.dvae, {{"origin", origin},
                                             {"size", size.name},
                                             {"seed", options.seed},
                                             {"num_tokens", shape.num_tokens},
                                             {"codebook_dim", shape.codebook_dim},
                                             {"hidden_dim", shape.hidden_dim}});
        events.artifact("dvae", result.dvae);
    }
    events.progress("init", options.dvae ? 2 : 1, options.dvae ? 2 : 1, "files");
    return result;
}

}  // namespace testudo::studio
