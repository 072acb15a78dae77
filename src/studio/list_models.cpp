#include <algorithm>

#include "core/error.h"
#include "core/file_size.h"
#include "core/strings.h"
#include "studio/models.h"
#include "text/tokenizer.h"

namespace testudo::studio {
namespace {

std::vector<fs::path> entries_of(const fs::path& folder) {
    std::vector<fs::path> out;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (!entry->path().filename().string().starts_with('.')) out.push_back(entry->path());
    std::sort(out.begin(), out.end());
    return out;
}

bool is_file(const fs::path& file) {
    std::error_code ignored;
    return fs::is_regular_file(file, ignored);
}

bool is_weights(const fs::path& file) {
    const std::string ending = lower_ascii(file.extension().string());
    const bool ggml = ending == ".bin" && file.filename().string().starts_with("ggml-");
    return (ending == ".pth" || ending == ".pt" || ending == ".safetensors" || ending == ".state" || ggml) &&
           is_file(file);
}

void add_weights(std::vector<ModelEntry>& out, const fs::path& file, ModelEntry entry) {
    entry.path = file;
    if (entry.name.empty()) entry.name = to_utf8(file.stem().string());
    try {
        entry.what = inspect_model(file);
    } catch (const Error& error) {
        entry.problem = error.what();
        entry.what.bytes = size_of(file);
    }
    out.push_back(std::move(entry));
}

void add_tokenizer(std::vector<ModelEntry>& out, const fs::path& file) {
    ModelEntry entry;
    entry.name = to_utf8(file.stem().string());
    entry.place = "tokenizer";
    entry.path = file;
    entry.what.kind = ModelKind::tokenizer;
    entry.what.form = "json";
    entry.what.bytes = size_of(file);
    try {
        const text::Tokenizer tokenizer = text::Tokenizer::load(file);
        entry.what.config = {{"tokens", tokenizer.size()}, {"language", tokenizer.language()}};
    } catch (const Error& error) {
        entry.problem = error.what();
    }
    out.push_back(std::move(entry));
}

void add_whisper(std::vector<ModelEntry>& out, const fs::path& path) {
    ModelEntry entry;
    entry.place = "whisper";
    entry.name = to_utf8(path.filename().string());
    if (is_file(path / "model.bin")) {
        add_weights(out, path / "model.bin", entry);
        return;
    }
    if (is_weights(path)) {
        entry.name = to_utf8(path.stem().string());
        add_weights(out, path, entry);
    } else {
        for (const auto& file : entries_of(path))
            if (is_weights(file)) add_weights(out, file, entry);
    }
}

}  // namespace

std::vector<ModelEntry> list_models(const Workspace& workspace) {
    std::vector<ModelEntry> out;
    const auto add_folder = [&](const fs::path& folder, const char* place, const std::string& voice) {
        for (const auto& file : entries_of(folder)) {
            ModelEntry entry;
            entry.place = place;
            entry.voice = voice;
            if (is_weights(file)) add_weights(out, file, std::move(entry));
        }
    };
    add_folder(workspace.tortoise_models(), "base", "");
    add_folder(workspace.finetunes(), "finetune", "");
    for (const auto& voice : workspace.training_names()) {
        add_folder(workspace.checkpoints(voice), "checkpoint", voice);
        add_folder(workspace.training_state(voice), "checkpoint", voice);
    }
    for (const auto& path : entries_of(workspace.whisper_models())) add_whisper(out, path);
    for (const auto& file : entries_of(workspace.tokenizers()))
        if (file.extension() == ".json" && is_file(file)) add_tokenizer(out, file);
    return out;
}

}  // namespace testudo::studio
