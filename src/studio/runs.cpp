#include "studio/runs.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "training/read_metrics.h"
#include "training/run_paths.h"
#include "training/tensorboard.h"

namespace testudo::studio {
namespace {

constexpr const char* run_folder = "finetune";

// "ada" of training/ada/finetune, "ada finetune_archived_…" of an archived one.
std::string name_of_folder(const fs::path& given) {
    fs::path folder = fs::absolute(given).lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path();
    const std::string name = folder.filename().string();
    if (!name.starts_with(run_folder)) return to_utf8(name);
    const std::string voice = folder.parent_path().filename().string();
    return to_utf8(name == run_folder ? voice : cat(voice, " ", name));
}

Run read_run(const fs::path& workspace, const std::string& source) {
    std::error_code ignored;
    const bool plain = source.find('/') == std::string::npos && source != "." && source != "..";
    if (plain && !source.empty()) {
        const fs::path finetune = workspace / "training" / source / run_folder;
        if (fs::is_directory(finetune, ignored))
            return {to_utf8(source), training::read_run_metrics(finetune)};
    }
    fs::path path(source);
    if (!fs::exists(path, ignored) && fs::exists(workspace / path, ignored)) path = workspace / path;
    if (fs::is_directory(path, ignored)) {
        if (fs::is_directory(path / run_folder, ignored)) path /= run_folder;
        return {name_of_folder(path), training::read_run_metrics(path)};
    }
    if (!fs::exists(path, ignored))
        throw input_error(cat("there is neither a training of a voice \"", printable(source),
                              "\" nor a file ", printable(source)),
                          "Name a voice that was trained, an events.jsonl or a log of DLAS.");
    return {path.filename() == "events.jsonl" ? name_of_folder(path.parent_path())
                                              : to_utf8(path.stem().string()),
            training::read_metrics(path)};
}

// A name as that of a file.
std::string file_name(const std::string& name) {
    std::string out;
    for (const char c : name) out += static_cast<unsigned char>(c) < 0x20 || c == '/' ? '_' : c;
    return out.empty() || out.front() == '.' ? "_" + out : out;
}

}  // namespace

std::vector<Run> read_runs(const fs::path& workspace, const std::vector<std::string>& sources) {
    std::vector<Run> runs;
    std::set<std::string> names;
    for (const std::string& source : sources) {
        Run run = read_run(workspace, source);
        const std::string name = run.name;
        for (int i = 2; !names.insert(run.name).second; ++i) run.name = cat(name, " ", i);
        runs.push_back(std::move(run));
    }
    return runs;
}

std::vector<fs::path> write_csv(const std::vector<Run>& runs, const fs::path& folder) {
    std::vector<fs::path> files;
    for (const Run& run : runs) {
        files.push_back(folder / (file_name(run.name) + ".csv"));
        write_file(files.back(), training::to_csv(run.metrics));
    }
    return files;
}

std::vector<fs::path> write_tensorboard(const std::vector<Run>& runs, const fs::path& folder) {
    std::vector<fs::path> files;
    for (const Run& run : runs) {
        files.push_back(folder / file_name(run.name) / "events.out.tfevents.testudo");
        write_file(files.back(), training::to_tensorboard(run.metrics));
    }
    return files;
}

}  // namespace testudo::studio
