#pragma once
// Fits a small DVAE to the user's own clips, so that a demonstration without TorToiSe's published weights has
// codes that decode to speech. Vector quantisation with a straight-through gradient and a codebook kept by
// moving averages (van den Oord et al. 2017, appendix A.1); codes that nobody uses are restarted on encoder
// outputs.
#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/events.h"
#include "core/json.h"

namespace testudo::nets {
class Dvae;
}

namespace testudo::studio {

struct FitDvaeOptions {
    double seconds = 75;        // wall-clock budget; 0: no limit
    std::int64_t steps = 4000;  // the learning rate falls over the budget that ends first
    int batch = 16;
    int frames = 128;  // of a training crop, a multiple of 4
    double learning_rate = 1e-3;
    double commitment = 0.25;
    double decay = 0.98;  // of the moving averages
    std::uint64_t seed = 1;
};
struct FitDvaeResult {
    std::int64_t steps = 0;
    double seconds = 0;
    double error_before = 0,
           error_after = 0;  // mean absolute error of the reconstructed normalised log mel over all clips
    double used_codes = 0, perplexity = 0;  // of the codebook, over all clips
};
// mels: [80, frames] each, >= 4 frames. Trains `dvae` in place; events: progress "fit dvae" and metrics.
// Error(input) when there are no mels.
FitDvaeResult fit_dvae(nets::Dvae& dvae, std::span<const at::Tensor> mels, const FitDvaeOptions& options,
                       Events& events);
Json to_json(const FitDvaeResult& result);

}  // namespace testudo::studio
