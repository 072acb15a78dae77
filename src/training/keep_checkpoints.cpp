#include "training/keep_checkpoints.h"

#include <algorithm>

#include "core/error.h"
#include "training/checkpoint.h"
#include "training/samples.h"

namespace testudo::training {

std::vector<std::int64_t> best_checkpoints(const RunPaths& paths, const std::vector<std::int64_t>& iterations,
                                           std::int64_t count, const std::string& validated_on) {
    if (count <= 0) return {};
    std::vector<std::pair<double, std::int64_t>> same, others;  // loss, iteration
    std::string others_on;
    for (auto iteration = iterations.rbegin(); iteration != iterations.rend(); ++iteration) {
        try {
            const SavedState saved = read_state(paths.state(*iteration), tensors::Check::structure);
            if (!saved.own || !saved.own->validation_loss) continue;
            const OwnState& own = *saved.own;
            if (others.empty()) others_on = own.validated_on;
            if (own.validated_on == others_on) others.emplace_back(*own.validation_loss, *iteration);
            if (own.validated_on == validated_on) same.emplace_back(*own.validation_loss, *iteration);
        } catch (const Error&) {
            // A damaged state is not worth keeping for its loss.
        }
    }
    auto& losses = same.empty() ? others : same;
    std::sort(losses.begin(), losses.end());
    std::vector<std::int64_t> best;
    for (const auto& [loss, iteration] : losses)
        if (best.size() < static_cast<std::size_t>(count)) best.push_back(iteration);
    return best;
}

std::vector<std::int64_t> delete_old_checkpoints(const RunPaths& paths, const KeepRule& rule) {
    std::vector<std::int64_t> deleted;
    if (rule.states <= 0) return deleted;
    const auto saved = saved_iterations(paths);
    if (saved.size() <= static_cast<std::size_t>(rule.states)) return deleted;
    const auto best = best_checkpoints(paths, saved, rule.best, rule.validated_on);
    for (auto at = saved.begin(); at != saved.end() - rule.states; ++at) {
        const std::int64_t iteration = *at;
        if (std::find(best.begin(), best.end(), iteration) != best.end()) continue;
        std::error_code ignored;  // a file that cannot be deleted is no reason to end a training
        fs::remove(paths.state(iteration), ignored);
        fs::remove(paths.adapters(iteration), ignored);
        fs::remove(paths.half_model(iteration), ignored);
        fs::remove(paths.ema_model(iteration), ignored);
        fs::remove(paths.model(iteration), ignored);
        delete_samples(paths, iteration);
        deleted.push_back(iteration);
    }
    return deleted;
}

}  // namespace testudo::training
