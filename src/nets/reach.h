#pragma once
// How far down a backward pass has to go: below the lowest parameter whose gradient is wanted nothing is kept
// in the forward pass and nothing computed in the backward pass.
#include "nets/unified_voice_pass.h"

namespace testudo::nets {

struct Reach {
    bool conditioning = false, embeddings = false;
    std::size_t first_layer = 0;  // the layers below it are passed over

    bool below_layers() const { return conditioning || embeddings; }
};

Reach reach_of(const UnifiedVoice& model, const GradientSink& sink);

}  // namespace testudo::nets
