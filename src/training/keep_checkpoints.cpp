#include "training/keep_checkpoints.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "training/checkpoint.h"
#include "training/samples.h"

namespace testudo::training {

namespace {

constexpr std::string_view superseded = ".superseded";

// "8.state", "8_gpt_ema.pth", "8_1.wav" -> 8; nothing for other files, and for those set aside.
std::optional<std::int64_t> iteration_in(const std::string& name) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
    const bool of_checkpoint = error == std::errc() && value >= 0 && (*end == '.' || *end == '_');
    return of_checkpoint && name.find(superseded) == std::string::npos ? std::optional(value) : std::nullopt;
}

fs::path free_name(const fs::path& file) {
    fs::path name = file;
    name += superseded;
    for (int number = 2; fs::exists(name); ++number) {
        name = file;
        name += cat(superseded, ".", number);
    }
    return name;
}

}  // namespace

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

std::vector<std::int64_t> delete_old_checkpoints(const RunPaths& paths, const KeepRule& rule,
                                                 Events& events) {
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
    if (!deleted.empty())
        events.info(cat("deleted ", counted(static_cast<std::int64_t>(deleted.size()), "older checkpoint"),
                        "; kept the newest ", rule.states,
                        rule.best > 0 && !rule.validated_on.empty()
                            ? cat(" and the best ", rule.best, " by validation loss")
                            : ""));
    return deleted;
}

void set_later_checkpoints_aside(const RunPaths& paths, std::int64_t iteration, Events& events) {
    std::set<std::int64_t> later;
    // States first: without its state no model is taken for a checkpoint.
    for (const fs::path& folder : {paths.states, paths.models, paths.samples}) {
        std::vector<fs::path> files;
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(folder, ignored)) files.push_back(entry.path());
        for (const fs::path& file : files) {
            const auto of = iteration_in(file.filename().string());
            if (!of || *of <= iteration) continue;
            rename_durably(file, free_name(file));
            later.insert(*of);
        }
    }
    if (later.empty()) return;
    std::vector<std::string> names;
    for (const std::int64_t one : later) names.push_back(cat(one));
    events.warning(cat("going on from iteration ", iteration, ": the later checkpoints ", join(names, ", "),
                       " are set aside, with names that end in .superseded"));
}

}  // namespace testudo::training
