#include "synthesis/processors.h"

#include <limits>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::synthesis {
namespace {
constexpr double removed = -std::numeric_limits<double>::infinity();
}

at::Tensor penalise_repetition(const at::Tensor& logits, const at::Tensor& history, double penalty) {
    const at::Tensor seen = logits.gather(1, history);
    const at::Tensor penalised = at::where(seen < 0, seen * penalty, seen / penalty);
    return logits.scatter(1, history, penalised);  // a code that occurs twice gets the same value twice
}

at::Tensor keep_typical(const at::Tensor& logits, double mass) {
    const at::Tensor log_p = at::log_softmax(logits, -1);
    const at::Tensor entropy = -at::nansum(log_p * log_p.exp(), {-1}, true);
    const auto [distance, order] = at::sort((-log_p - entropy).abs(), /*stable=*/true, -1, false);
    const at::Tensor cumulative = at::cumsum(at::softmax(logits.gather(-1, order), -1), -1);
    const at::Tensor last = (cumulative < mass).sum(-1, true).clamp_max(logits.size(-1) - 1);
    const at::Tensor far = distance > distance.gather(-1, last);
    return logits.masked_fill(far.scatter(-1, order, far), removed);
}

at::Tensor keep_top_k(const at::Tensor& logits, int k) {
    const auto kept = std::min<std::int64_t>(k, logits.size(-1));
    const at::Tensor smallest = std::get<0>(at::topk(logits, kept, -1)).narrow(-1, kept - 1, 1);
    return logits.masked_fill(logits < smallest, removed);
}

at::Tensor keep_top_p(const at::Tensor& logits, double p) {
    const auto [sorted, order] = at::sort(logits, /*stable=*/true, -1, false);
    at::Tensor drop = at::cumsum(at::softmax(sorted, -1), -1) <= 1 - p;
    drop.narrow(-1, drop.size(-1) - 1, 1).fill_(false);
    return logits.masked_fill(drop.scatter(-1, order, drop), removed);
}

void check_processors(const ProcessorOptions& options) {
    const auto need = [](bool good, const char* what, double value, const char* range) {
        if (!good)
            throw usage_error(cat(what, " is ", value, ", which cannot be sampled with"),
                              cat("Choose a ", what, " ", range, "."));
    };
    need(options.repetition_penalty > 0, "repetition penalty", options.repetition_penalty,
         "above 0 (1 switches it off)");
    need(options.temperature > 0, "temperature", options.temperature, "above 0");
    need(options.top_p >= 0 && options.top_p <= 1, "top-p", options.top_p, "from 0 to 1");
    need(options.typical_mass >= 0 && options.typical_mass < 1, "typical mass", options.typical_mass,
         "from 0 (off) to below 1");
    need(options.top_k >= 0, "top-k", options.top_k, "of 0 (off) or more");
}

at::Tensor process_logits(const at::Tensor& logits, const at::Tensor& history,
                          const ProcessorOptions& options) {
    check_processors(options);
    at::Tensor out = logits;
    if (options.repetition_penalty != 1) out = penalise_repetition(out, history, options.repetition_penalty);
    if (options.typical_mass > 0) out = keep_typical(out, options.typical_mass);
    if (options.temperature != 1) out = out / options.temperature;
    if (options.top_k > 0) out = keep_top_k(out, options.top_k);
    if (options.top_p < 1) out = keep_top_p(out, options.top_p);
    return out;
}

}  // namespace testudo::synthesis
