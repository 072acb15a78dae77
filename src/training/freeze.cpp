#include "training/freeze.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::training {

namespace {

using Belongs = std::function<bool(const std::string& name)>;

Belongs begins(std::vector<std::string> beginnings) {
    return [beginnings](const std::string& name) {
        return std::any_of(beginnings.begin(), beginnings.end(),
                           [&](const std::string& with) { return name.starts_with(with); });
    };
}

Belongs of_blocks(const std::string& part) {
    return [part](const std::string& name) {
        return name.starts_with("gpt.h.") && name.find(part) != std::string::npos;
    };
}

std::optional<int> whole(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) return {};
    return value;
}

// "7" or "0-9".
Belongs blocks_of(const std::string& part, const std::string& range, int layers) {
    const auto dash = range.find('-');
    const auto first = whole(range.substr(0, dash)),
               last = dash == std::string::npos ? first : whole(range.substr(dash + 1));
    if (!first || !last || *first > *last || *last >= layers)
        throw usage_error(cat("freeze: \"", part, "\" names no blocks of a model with ", layers),
                          cat("Write layers:0-", layers - 1, ", or some of these."));
    std::vector<std::string> beginnings;
    for (int i = *first; i <= *last; ++i) beginnings.push_back(cat("gpt.h.", i, "."));
    return begins(std::move(beginnings));
}

Belongs part_of_model(const std::string& part, int layers) {
    constexpr std::string_view some_layers = "layers:";
    if (part.starts_with(some_layers)) return blocks_of(part, part.substr(some_layers.size()), layers);
    if (part == "conditioning") return begins({"conditioning_encoder."});
    if (part == "text_embedding") return begins({"text_embedding.", "text_pos_embedding."});
    if (part == "mel_embedding") return begins({"mel_embedding.", "mel_pos_embedding."});
    if (part == "layers") return begins({"gpt.h."});
    if (part == "attention") return of_blocks(".attn.");
    if (part == "mlp") return of_blocks(".mlp.");
    if (part == "norms") return nets::is_norm;
    if (part == "text_head") return begins({"text_head."});
    if (part == "mel_head") return begins({"mel_head."});
    if (part == "heads") return begins({"text_head.", "mel_head."});
    throw usage_error(cat("freeze: \"", part, "\" is no part of the model"),
                      "Choose of conditioning, text_embedding, mel_embedding, layers, layers:0-9, attention, "
                      "mlp, norms, heads, text_head and mel_head.");
}

}  // namespace

std::vector<bool> frozen_parameters(const nets::UnifiedVoice& model, const std::vector<std::string>& parts) {
    const nets::Parameters& parameters = model.parameters();
    std::vector<bool> frozen(parameters.size(), false);
    for (const std::string& part : parts) {
        const Belongs belongs = part_of_model(part, model.config().layers);
        for (std::size_t i = 0; i < parameters.size(); ++i)
            if (belongs(parameters[i].first)) frozen[i] = true;
    }
    if (std::all_of(frozen.begin(), frozen.end(), [](bool one) { return one; }))
        throw usage_error("freeze names all parts of the model: nothing is left to train",
                          "Take something out of the list.");
    return frozen;
}

}  // namespace testudo::training
