#include "training/trainable.h"

#include "training/freeze.h"

namespace testudo::training {

namespace {

// Adapters begin with numbers of their own, not with those of the data's order.
constexpr std::uint64_t adapter_seed = 0x10a4;

}  // namespace

Trainable make_trainable(nets::UnifiedVoice& model, const Config& config) {
    Trainable trainable{model.parameters(), frozen_parameters(model, config.freeze)};
    if (config.lora.rank == 0) return trainable;
    model.set_adapters(nets::make_adapters(model, config.lora.rank, config.lora.alpha, config.lora.targets,
                                           trainable.frozen));
    if (!model.device().is_meta()) nets::initialise_adapters(model.adapters(), config.seed ^ adapter_seed);
    for (auto& entry : nets::adapter_parameters(model, model.adapters()))
        trainable.parameters.push_back(std::move(entry));
    trainable.frozen.assign(trainable.parameters.size(), false);
    for (std::size_t i = 0; i < model.parameters().size(); ++i) trainable.frozen[i] = true;
    return trainable;
}

nets::Parameters trained_average(const AdamW& optimizer) {
    nets::Parameters average;
    for (std::size_t i = 0; i < optimizer.ema().size(); ++i)
        if (optimizer.trains(i)) average.push_back(optimizer.ema()[i]);
    return average;
}

TrainedSizes sizes_of(const nets::UnifiedVoice& model, const AdamW& optimizer) {
    return {nets::count_elements(model.parameters()),
            nets::count_elements(nets::adapter_parameters(model, model.adapters())),
            optimizer.trained_elements(), optimizer.state_bytes()};
}

TrainedSizes sizes_of(const Config& config) {
    nets::UnifiedVoice model(config.model, at::kMeta);
    const Trainable trainable = make_trainable(model, config);
    return sizes_of(model, AdamW(trainable.parameters, config.adamw, {}, trainable.frozen));
}

}  // namespace testudo::training
