#include "training/activation_memory.h"

#include <algorithm>
#include <functional>

#include "training/step_parts.h"

namespace testudo::training {

namespace {

constexpr double number = 4;             // bytes
constexpr double special_positions = 5;  // conditioning, start and stop of text and codes
constexpr double conditioning_frames = 172, conditioning_blocks = 6;
// Numbers a token and dimension: GptBlockSaved's x, qkv, attended, middle, hidden; the same of a conditioning
// block; what lives at the fullest moment of a block's backward pass.
constexpr double kept_in_block = 10, kept_in_conditioning = 6, at_work = 20;
constexpr double of_heads = 4 * 32.0 * 1048576;  // a few chunks of logits

}  // namespace

std::vector<int> longest_micro_batch(const Config& config, std::vector<int> lengths, int ranks) {
    const auto batch = std::min(config.batch_size, static_cast<std::int64_t>(lengths.size()));
    const PartSizes sizes = part_sizes(batch, config.accumulation, config.step.form.objective, ranks);
    std::sort(lengths.begin(), lengths.end(), std::greater<>());
    lengths.resize(static_cast<std::size_t>(sizes.clips));
    return lengths;
}

double activation_bytes(const Config& config, const std::vector<int>& lengths, bool recompute) {
    if (lengths.empty()) return 0;
    const double dim = config.model.model_dim, layers = config.model.layers,
                 clips = static_cast<double>(lengths.size());
    // The dlas form pads all to the longest.
    const bool pads = config.step.form.objective == nets::Objective::dlas;
    const double longest = *std::max_element(lengths.begin(), lengths.end());
    double tokens = clips * special_positions, scores = 0;
    for (const int length : lengths) {
        const double positions = pads ? longest : length;
        tokens += positions;
        scores += positions * positions;
    }
    const bool conditioning_trained =
        config.lora.rank == 0 &&
        std::find(config.freeze.begin(), config.freeze.end(), "conditioning") == config.freeze.end();
    const double kept = recompute ? layers + kept_in_block : layers * kept_in_block;
    const double frames = clips * conditioning_frames * config.model.max_conditioning_inputs;
    const double conditioning =
        frames * dim * kept_in_conditioning * (conditioning_trained ? conditioning_blocks : 1);
    // Attention with dropout of its weights holds them for all pairs of positions.
    const double weights = pads && config.step.dropout > 0 ? 5 * config.model.heads * scores : 0;
    return number * (tokens * dim * (kept + at_work) + conditioning + weights + 8 * dim * dim) + of_heads;
}

}  // namespace testudo::training
