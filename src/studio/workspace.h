#pragma once
// The folders in which everything lies; the same as those of the original studio.
#include <filesystem>
#include <string>
#include <vector>

namespace testudo::studio {

namespace fs = std::filesystem;

class Workspace {
  public:
    explicit Workspace(fs::path root);  // need not exist yet; folders appear when something is written
    // `given` if not empty, else $TESTUDO_WORKSPACE, else the current folder.
    static Workspace open(const std::string& given);

    const fs::path& root() const { return root_; }
    fs::path voices() const { return root_ / "voices"; }
    fs::path models() const { return root_ / "models"; }
    fs::path tortoise_models() const { return models() / "tortoise"; }
    fs::path finetunes() const { return models() / "finetunes"; }
    fs::path tokenizers() const { return models() / "tokenizers"; }
    fs::path whisper_models() const { return models() / "whisper"; }
    fs::path config() const { return root_ / "config"; }

    // These throw Error(usage) for a name that is empty, ".", "..", too long, not UTF-8, or holds '/', '\\',
    // NUL or another control character: a voice stays inside its folder.
    fs::path voice(const std::string& name) const;           // voices/<name>
    fs::path training(const std::string& name) const;        // training/<name>
    fs::path finetune(const std::string& name) const;        // training/<name>/finetune
    fs::path checkpoints(const std::string& name) const;     // training/<name>/finetune/models
    fs::path training_state(const std::string& name) const;  // training/<name>/finetune/training_state
    fs::path results(const std::string& name) const;         // results/<name>

    // Folders of voices/ and of training/ with a usable name, sorted.
    std::vector<std::string> voice_names() const;
    std::vector<std::string> training_names() const;
    // Audio files of a voice, sorted by name; Error(input) when the folder is missing or has none.
    std::vector<fs::path> recordings(const std::string& name) const;

    // The file a user means by `given`: a path that exists, else a name (with or without its ending) in
    // models/tortoise, models/finetunes, models/whisper; of a folder with a Whisper model its weights.
    // Error(input) naming the places looked in.
    fs::path find_model(const std::string& given) const;

  private:
    fs::path root_;
};

}  // namespace testudo::studio
