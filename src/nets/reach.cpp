#include "nets/reach.h"

#include <algorithm>

namespace testudo::nets {

Reach reach_of(const UnifiedVoice& model, const GradientSink& sink) {
    const Parameters& parameters = model.parameters();
    const std::size_t first = model.index_of("gpt.h.0.ln_1.weight"), end = model.index_of("gpt.ln_f.weight");
    const auto layers = static_cast<std::size_t>(model.config().layers);
    const std::size_t in_layer = (end - first) / layers;
    Reach reach{.first_layer = layers};
    const auto need = [&](std::size_t i) {
        if (parameters[i].first.starts_with("conditioning_encoder."))
            reach.conditioning = true;
        else if (is_embedding(parameters[i].first))
            reach.embeddings = true;
        else if (i >= first && i < end)
            reach.first_layer = std::min(reach.first_layer, (i - first) / in_layer);
    };
    for (std::size_t i = 0; i < parameters.size(); ++i)
        if (sink.wants(i)) need(i);
    for (const Adapter& adapter : model.adapters().all) need(adapter.weight);
    if (reach.below_layers()) reach.first_layer = 0;
    return reach;
}

}  // namespace testudo::nets
