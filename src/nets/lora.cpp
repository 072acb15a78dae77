#include "nets/lora.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "nets/unified_voice.h"

namespace testudo::nets {

namespace {

constexpr const char* targets_there_are[] = {"qkv", "out", "up", "down", "heads"};

// Empty for a parameter that can have no adapter.
std::string target_of(const std::string& name) {
    if (name == "text_head.weight" || name == "mel_head.weight") return "heads";
    if (!name.starts_with("gpt.h.")) return {};
    if (name.ends_with(".attn.c_attn.weight")) return "qkv";
    if (name.ends_with(".attn.c_proj.weight")) return "out";
    if (name.ends_with(".mlp.c_fc.weight")) return "up";
    if (name.ends_with(".mlp.c_proj.weight")) return "down";
    return {};
}

}  // namespace

Adapters make_adapters(const UnifiedVoice& model, int rank, double alpha,
                       std::span<const std::string> targets, const std::vector<bool>& frozen) {
    const auto wanted = [&](const std::string& target) {
        return std::find(targets.begin(), targets.end(), target) != targets.end();
    };
    for (const std::string& target : targets)
        if (std::find(std::begin(targets_there_are), std::end(targets_there_are), target) ==
            std::end(targets_there_are))
            throw usage_error(cat("\"", target, "\" is nothing that can have an adapter"),
                              "Choose of qkv, out, up, down and heads.");
    Adapters adapters{.rank = rank, .alpha = alpha, .all = {}};
    const Parameters& parameters = model.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const auto& [name, weight] = parameters[i];
        const std::string target = target_of(name);
        if (target.empty() || !wanted(target) || (!frozen.empty() && frozen[i])) continue;
        const bool in_first = target != "heads";
        const std::int64_t in = weight.size(in_first ? 0 : 1), out = weight.size(in_first ? 1 : 0);
        adapters.all.push_back(
            {i, in_first, at::empty({rank, in}, weight.options()), at::empty({out, rank}, weight.options())});
    }
    if (adapters.all.empty())
        throw usage_error("no matrix is left that could have an adapter",
                          "Name lora_targets, or freeze less.");
    return adapters;
}

void initialise_adapters(const Adapters& adapters, std::uint64_t seed) {
    at::NoGradGuard no_grad;
    auto generator = at::detail::createCPUGenerator(seed);
    for (const Adapter& adapter : adapters.all) {
        const double bound = 1 / std::sqrt(static_cast<double>(adapter.a.size(1)));
        adapter.a.copy_(at::empty(adapter.a.sizes(), at::kFloat).uniform_(-bound, bound, generator));
        adapter.b.zero_();
    }
}

Parameters adapter_parameters(const UnifiedVoice& model, const Adapters& adapters) {
    Parameters out;
    for (const Adapter& adapter : adapters.all) {
        std::string name = model.parameters()[adapter.weight].first;
        name.erase(name.rfind("weight"));
        out.emplace_back(name + "lora_A.weight", adapter.a);
        out.emplace_back(name + "lora_B.weight", adapter.b);
    }
    return out;
}

at::Tensor merged_weight(const at::Tensor& weight, const Adapter& adapter, double scale) {
    at::NoGradGuard no_grad;
    if (adapter.in_first) return at::addmm(weight, adapter.a.t(), adapter.b.t(), 1, scale);
    return at::addmm(weight, adapter.b, adapter.a, 1, scale);
}

}  // namespace testudo::nets
