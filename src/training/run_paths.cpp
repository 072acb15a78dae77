#include "training/run_paths.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "tensors/sidecar.h"

namespace testudo::training {

namespace {

constexpr const char* archive_prefix = "finetune_archived_";

void set_finetune(RunPaths& paths, const fs::path& finetune) {
    paths.finetune = finetune;
    paths.models = finetune / "models";
    paths.states = finetune / "training_state";
    paths.samples = finetune / "samples";
    paths.events = finetune / "events.jsonl";
    paths.origin = tensors::sidecar_of_checkpoints(paths.models);
}

bool holds_files(const fs::path& folder) {
    std::error_code ignored;
    return fs::is_directory(folder, ignored) &&
           fs::directory_iterator(folder, ignored) != fs::directory_iterator();
}

std::optional<std::int64_t> iteration_of(const std::string& name, std::string_view ending) {
    if (!name.ends_with(ending)) return {};
    const char* end = name.data() + name.size() - ending.size();
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(name.data(), end, value);
    if (error != std::errc() || stop != end || value < 0 || name.starts_with('-')) return {};
    return value;
}

}  // namespace

fs::path RunPaths::model(std::int64_t iteration) const { return models / cat(iteration, "_gpt.pth"); }
fs::path RunPaths::ema_model(std::int64_t iteration) const { return models / cat(iteration, "_gpt_ema.pth"); }
fs::path RunPaths::adapters(std::int64_t iteration) const {
    return models / cat(iteration, "_lora.safetensors");
}
fs::path RunPaths::half_model(std::int64_t iteration) const {
    return models / cat(iteration, "_gpt_half.pth");
}
fs::path RunPaths::state(std::int64_t iteration) const { return states / cat(iteration, ".state"); }

fs::path RunPaths::sample(std::int64_t iteration, std::size_t number) const {
    return samples / cat(iteration, "_", number, ".wav");
}

RunPaths run_paths(const fs::path& workspace, const std::string& voice) {
    const bool plain = !voice.empty() && voice != "." && voice != ".." && voice.size() <= 200 &&
                       is_utf8(voice) && std::none_of(voice.begin(), voice.end(), [](unsigned char c) {
                           return c < 0x20 || c == 0x7f || c == '/' || c == '\\';
                       });
    if (!plain)
        throw usage_error(cat("\"", to_utf8(voice), "\" cannot be the name of a voice"),
                          "Use the name of a folder in voices/ or training/, without slashes.");
    RunPaths paths;
    paths.folder = workspace / "training" / voice;
    paths.yaml = paths.folder / "train.yaml";
    paths.json = paths.folder / "train.json";
    paths.features = paths.folder / ".features";
    set_finetune(paths, paths.folder / "finetune");
    return paths;
}

std::vector<RunPaths> all_runs(const RunPaths& run) {
    std::vector<fs::path> archives;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(run.folder, ignored))
        if (entry.is_directory(ignored) && entry.path().filename().string().starts_with(archive_prefix))
            archives.push_back(entry.path());
    std::sort(archives.rbegin(), archives.rend());
    std::vector<RunPaths> all = {run};
    for (const fs::path& folder : archives) set_finetune(all.emplace_back(run), folder);
    return all;
}

std::vector<std::int64_t> state_iterations(const RunPaths& paths) {
    std::vector<std::int64_t> found;
    std::error_code ignored;
    if (!fs::is_directory(paths.states, ignored)) return found;
    for (const auto& entry : fs::directory_iterator(paths.states))
        if (const auto iteration = iteration_of(entry.path().filename().string(), ".state"))
            found.push_back(*iteration);
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<std::int64_t> saved_iterations(const RunPaths& paths) {
    std::vector<std::int64_t> found = state_iterations(paths);
    std::erase_if(found, [&](std::int64_t iteration) { return !fs::exists(paths.model(iteration)); });
    return found;
}

std::optional<fs::path> archive_run(const RunPaths& paths) {
    if (!holds_files(paths.models) && !holds_files(paths.states)) return {};
    std::time_t now = std::time(nullptr);
    for (;; ++now) {  // two runs in one second: the next free name
        char stamp[32];
        std::tm local{};
        localtime_r(&now, &local);
        std::strftime(stamp, sizeof stamp, "%y%m%d-%H%M%S", &local);
        const fs::path archive = paths.folder / cat(archive_prefix, stamp);
        if (fs::exists(archive)) continue;
        rename_durably(paths.finetune, archive);
        return archive;
    }
}

}  // namespace testudo::training
