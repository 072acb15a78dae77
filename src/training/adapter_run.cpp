#include "training/adapter_run.h"

#include "core/error.h"
#include "core/hash.h"
#include "core/strings.h"

namespace testudo::training {

namespace {

std::string in_words(std::int64_t rank, double alpha, const std::vector<std::string>& targets,
                     const std::vector<std::string>& freeze) {
    return cat("rank ", rank, ", alpha ", alpha, ", targets ", join(targets, ", "),
               freeze.empty() ? "" : cat(", frozen ", join(freeze, ", ")));
}

// Inside the workspace relative to it, so that it may be moved as a whole.
std::string portable(const fs::path& workspace, const fs::path& file) {
    const fs::path relative =
        fs::absolute(file).lexically_normal().lexically_relative(fs::absolute(workspace).lexically_normal());
    return to_utf8(relative.empty() || *relative.begin() == ".." ? fs::absolute(file).native()
                                                                 : relative.native());
}

}  // namespace

void check_adapters(const Config& config, const SavedState& saved) {
    const bool has = saved.own && saved.own->adapters;
    const AdapterSettings& lora = config.lora;
    if (!has && lora.rank == 0) return;
    if (!has)
        throw input_error(
            cat(saved.file, " is of a training of the whole model, but ", config.yaml, " trains adapters"),
            "To go on with adapters, name the state's model as source_model and leave resume_state empty.");
    const SavedAdapters& was = *saved.own->adapters;
    const std::string then = in_words(was.rank, was.alpha, was.targets, was.freeze);
    if (lora.rank == 0)
        throw input_error(cat(saved.file, " is of a training of adapters (", then, "), but ", config.yaml,
                              " trains the whole model"),
                          "Set lora_rank as it was, or name the state's model as source_model and leave "
                          "resume_state empty.");
    const std::string now = in_words(lora.rank, lora.alpha, lora.targets, config.freeze);
    if (then != now)
        throw input_error(
            cat(saved.file, " has adapters with ", then, ", but ", config.yaml, " asks for ", now),
            "Set them as they were, or start anew with the state's model as source_model.");
}

BaseModel find_base(const fs::path& workspace, const Config& config, const SavedState* saved) {
    if (!saved)  // whether it is there is for load_model to say
        return {config.base_model,
                fs::exists(config.base_model) ? sha256_of_file(config.base_model) : std::string()};
    const SavedAdapters& was = saved->own->adapters.value();
    for (const fs::path& file : {in_workspace(workspace, was.base), config.base_model})
        if (fs::exists(file) && sha256_of_file(file) == was.base_hash) return {file, was.base_hash};
    throw input_error(
        cat("the adapters of ", saved->file, " stand beside the model ", was.base,
            ", which is not there any more or has changed (SHA-256 ", was.base_hash, ")"),
        cat("Put it back, or name where it is as path.pretrain_model_gpt in ", config.yaml, "."));
}

SavedAdapters adapters_of_run(const fs::path& workspace, const Config& config, const BaseModel& base,
                              const nets::UnifiedVoice& model, const AdamW& optimizer) {
    SavedAdapters adapters;
    adapters.rank = config.lora.rank;
    adapters.alpha = config.lora.alpha;
    adapters.targets = config.lora.targets;
    adapters.freeze = config.freeze;
    adapters.base = portable(workspace, base.file);
    adapters.base_hash = base.hash;
    adapters.tensors = nets::adapter_parameters(model, model.adapters());
    adapters.average = trained_average(optimizer);
    return adapters;
}

bool restore_adapters(const nets::UnifiedVoice& model, AdamW& optimizer, const SavedState& saved) {
    const SavedAdapters& was = saved.own->adapters.value();
    const std::string file = to_utf8(saved.file.native());
    nets::load_parameters(nets::adapter_parameters(model, model.adapters()), nets::find_in(was.tensors),
                          file);
    if (optimizer.ema().empty()) return true;
    if (was.average.empty()) {
        optimizer.reset_ema();
        return false;
    }
    nets::load_parameters(trained_average(optimizer), nets::find_in(was.average), file);
    return true;
}

}  // namespace testudo::training
