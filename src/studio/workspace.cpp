#include "studio/workspace.h"

#include <algorithm>
#include <cstdlib>

#include "audio/decode.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/voice_name.h"

namespace testudo::studio {
namespace {

std::vector<std::string> folders_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code ignored;
        const std::string name = entry->path().filename().string();
        if (entry->is_directory(ignored) && dataset::can_be_voice(name) && name.front() != '.')
            names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

// Whisper models are folders, as a rule: the weights in it, or nothing.
fs::path file_of_whisper(const fs::path& folder) {
    std::error_code error;
    const fs::path converted = folder / "model.bin";
    if (fs::is_regular_file(converted, error)) return converted;
    std::vector<fs::path> found;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (entry->path().extension() == ".pt") found.push_back(entry->path());
    return found.size() == 1 ? found.front() : fs::path();
}

}  // namespace

Workspace::Workspace(fs::path root) : root_(std::move(root)) {}

Workspace Workspace::open(const std::string& given) {
    const char* set = std::getenv("TESTUDO_WORKSPACE");
    const fs::path root = !given.empty() ? fs::path(given) : set && *set ? fs::path(set) : fs::current_path();
    std::error_code ignored;
    if (fs::exists(root, ignored) && !fs::is_directory(root, ignored))
        throw usage_error(cat("the workspace ", root, " is no folder"), "Name a folder with --workspace.");
    // Absolute, so that paths made from it mean the same to those who take relative ones from the workspace.
    return Workspace(fs::absolute(root).lexically_normal());
}

fs::path Workspace::voice(const std::string& name) const {
    dataset::check_voice_name(name);
    return voices() / name;
}

fs::path Workspace::training(const std::string& name) const {
    dataset::check_voice_name(name);
    return root_ / "training" / name;
}

fs::path Workspace::finetune(const std::string& name) const { return training(name) / "finetune"; }
fs::path Workspace::checkpoints(const std::string& name) const { return finetune(name) / "models"; }
fs::path Workspace::training_state(const std::string& name) const {
    return finetune(name) / "training_state";
}

fs::path Workspace::results(const std::string& name) const {
    dataset::check_voice_name(name);
    return root_ / "results" / name;
}

std::vector<std::string> Workspace::voice_names() const { return folders_in(voices()); }
std::vector<std::string> Workspace::training_names() const { return folders_in(root_ / "training"); }

std::vector<fs::path> Workspace::recordings(const std::string& name) const {
    const fs::path folder = voice(name);
    std::error_code error;
    if (!fs::is_directory(folder, error))
        throw input_error(cat("there is no folder ", folder, " of recordings"),
                          cat("Put the recordings of \"", name, "\" there."));
    std::vector<fs::path> files;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code ignored;
        if (entry->is_regular_file(ignored) && audio::is_audio_file(entry->path()))
            files.push_back(entry->path());
    }
    if (error)
        throw environment_error(cat("cannot read the folder ", folder, ": ", error.message()),
                                "Check its permissions.");
    if (files.empty())
        throw input_error(cat(folder, " holds no recordings"),
                          "Put audio files (wav, mp3, flac, opus, m4a, …) there.");
    std::sort(files.begin(), files.end());
    return files;
}

fs::path Workspace::find_model(const std::string& given) const {
    std::error_code ignored;
    if (fs::is_regular_file(given, ignored)) return given;
    if (const fs::path file = file_of_whisper(given); !file.empty()) return file;
    const std::vector<fs::path> places{root_, tortoise_models(), finetunes(), whisper_models()};
    for (const auto& place : places) {
        for (const char* ending : {"", ".pth", ".pt", ".safetensors", ".bin"})
            if (const fs::path file = place / (given + ending); fs::is_regular_file(file, ignored))
                return file;
        if (const fs::path file = file_of_whisper(place / given); !file.empty()) return file;
    }
    std::vector<std::string> looked;
    for (const auto& place : places) looked.push_back(place.string());
    throw input_error(cat("there is no model \"", given, "\" (looked in ", join(looked, ", "), ")"),
                      "See which there are with `testudo models list`.");
}

}  // namespace testudo::studio
