#include "training/base_model.h"

#include "core/error.h"
#include "core/strings.h"
#include "tensors/mapped_storage.h"
#include "tensors/sidecar.h"
#include "tensors/weights.h"

namespace testudo::training {

namespace {

nets::Find find_in_file(const tensors::NamedTensors& weights) {
    return [&weights](const std::string& name) { return weights.find(name); };
}

// For weights that are copied one after the other: the file's pages would otherwise stand beside them, and a
// model would take twice its memory while it is loaded.
nets::Find find_and_forget(const tensors::NamedTensors& weights) {
    auto last = std::make_shared<const at::Tensor*>(nullptr);
    return [&weights, last](const std::string& name) {
        if (*last) tensors::forget_pages_of(**last);
        return *last = weights.find(name);
    };
}

void must_exist(const fs::path& file, const std::string& what) {
    if (!fs::exists(file))
        throw input_error(cat("there is no ", what, " ", file),
                          "Fetch TorToiSe's models with `testudo models pull`, make small random ones with "
                          "`testudo models init`, or name another file.");
}

void check_sizes(const tensors::NamedTensors& weights, const fs::path& file,
                 const nets::UnifiedVoiceConfig& expected, const std::string& where) {
    const std::string name = to_utf8(file.native());
    const auto found = nets::infer_config(find_in_file(weights), name, expected.heads);
    std::vector<std::string> differences;
    const auto compare = [&](const char* key, int in_file, int in_yaml) {
        if (in_file != in_yaml) differences.push_back(cat(key, " ", in_file, " instead of ", in_yaml));
    };
    compare("layers", found.layers, expected.layers);
    compare("model_dim", found.model_dim, expected.model_dim);
    compare("max_text_tokens", found.max_text_tokens, expected.max_text_tokens);
    // The table's rows are max_mel_tokens + 2 + max_conditioning_inputs; a shape tells only their sum.
    compare("rows of mel positions", found.mel_positions(), expected.mel_positions());
    compare("number_text_tokens", found.number_text_tokens, expected.number_text_tokens);
    compare("number_mel_codes", found.number_mel_codes, expected.number_mel_codes);
    if (!differences.empty())
        throw input_error(
            cat(name, " is of another shape than ", where, " says: ", join(differences, ", ")),
            "Choose the model the configuration was made for, or write it again with `testudo configure`.");
}

int heads_beside(const fs::path& file) {
    const Json about = tensors::read_sidecar(file);
    for (const Json& place : {about, about.value("config", Json())})
        if (place.is_object() && place.contains("heads") && place["heads"].is_number_integer())
            return place["heads"].get<int>();
    return 0;
}

}  // namespace

nets::UnifiedVoiceConfig model_sizes(const fs::path& file) {
    must_exist(file, "autoregressive model");
    const auto weights = tensors::read_weights(file);
    return nets::infer_config(find_in_file(weights), to_utf8(file.native()), heads_beside(file));
}

void check_sizes(const fs::path& file, const nets::UnifiedVoiceConfig& expected, const std::string& where) {
    must_exist(file, "autoregressive model");
    check_sizes(tensors::read_weights(file), file, expected, where);
}

nets::UnifiedVoice load_model(const fs::path& file, const nets::UnifiedVoiceConfig& expected,
                              at::Device device, const std::string& where) {
    must_exist(file, "autoregressive model");
    const auto weights = tensors::read_weights(file);
    check_sizes(weights, file, expected, where);
    nets::UnifiedVoice model(expected, device);
    model.load(find_and_forget(weights), to_utf8(file.native()));
    return model;
}

nets::Dvae load_dvae(const fs::path& file, at::Device device) {
    must_exist(file, "DVAE");
    const std::string name = to_utf8(file.native());
    const auto weights = tensors::read_weights(file);
    nets::Dvae dvae(nets::infer_dvae_config(find_in_file(weights), name), device);
    dvae.load(find_in_file(weights), name);
    return dvae;
}

void check_vocabularies(const nets::UnifiedVoiceConfig& model, const fs::path& model_file,
                        const text::Tokenizer& tokenizer, const fs::path& tokenizer_file,
                        const nets::DvaeConfig& dvae, const fs::path& dvae_file) {
    if (tokenizer.size() > model.number_text_tokens)
        throw input_error(cat(tokenizer_file.empty() ? std::string("the built-in tokenizer")
                                                     : to_utf8(tokenizer_file.native()),
                              " has ", tokenizer.size(), " tokens, but ", model_file, " knows only ",
                              model.number_text_tokens),
                          "Choose the tokenizer the model was made with, or another source model.");
    if (dvae.num_tokens > model.start_mel_token)
        throw input_error(cat(dvae_file, " makes ", dvae.num_tokens, " codes, but ", model_file,
                              " knows only ", model.start_mel_token),
                          "Choose the DVAE the model was made with.");
}

at::Device find_device(const std::string& name) {
    if (name.empty() || name == "auto") return at::hasCUDA() ? at::Device(at::kCUDA) : at::Device(at::kCPU);
    std::optional<at::Device> device;
    try {
        device = at::Device(name);
    } catch (const c10::Error&) {
    }
    if (!device || (!device->is_cpu() && !device->is_cuda()))
        throw usage_error(cat("\"", name, "\" is no device"), "Choose auto, cpu or cuda.");
    if (device->is_cuda() &&
        (!at::hasCUDA() || device->index() >= static_cast<int>(at::detail::getCUDAHooks().getNumGPUs())))
        throw environment_error(cat("there is no device ", name, " here"),
                                "Choose cpu, or see `testudo doctor`.");
    return *device;
}

}  // namespace testudo::training
