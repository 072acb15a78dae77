#pragma once
// Fetching published models: resumed, checked, and only then put in their place.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/events.h"
#include "studio/workspace.h"

namespace testudo::studio {

struct ModelFile {
    std::string target;             // relative to the workspace: "models/tortoise/autoregressive.pth"
    std::vector<std::string> urls;  // tried in order
    std::string sha256;       // "" where none is published: only the size is checked, and the sum is shown
    std::uint64_t bytes = 0;  // 0: not known
};

// One entry of data/models.json.
struct ModelSource {
    std::string name;  // "autoregressive", "whisper-base"
    std::string about, licence;
    std::vector<ModelFile> files;        // the first is the model itself
    std::vector<std::string> also = {};  // other names it goes by: "whisper-turbo"
    std::string target = {};             // of the first file
    std::uint64_t bytes = 0;             // of the first file; 0: not known
};
const std::vector<ModelSource>& model_sources();  // built into the program
// Those, and the entries of config/models.json in the workspace, which replace others of their name.
// Error(input) as parse_model_sources.
std::vector<ModelSource> model_sources(const Workspace& workspace);
const ModelSource* find_source(const std::vector<ModelSource>& sources,
                               const std::string& name);  // or nullptr
// Error(usage) listing the names.
const ModelSource& model_source(const std::vector<ModelSource>& sources, const std::string& name);
// The table of another file of the same form. Error(input) when it is malformed or a target leaves the
// workspace.
std::vector<ModelSource> parse_model_sources(std::string_view json, const std::string& where);

struct PullOptions {
    std::string from =
        {};  // a folder or URL that holds the files by their names, instead of the published places
    bool offline = false;  // use nothing but folders (`from`) and what is already there
    bool force = false;    // fetch again though the file is there
};
// What applies where no flag says otherwise: $TESTUDO_MODELS_FROM and $TESTUDO_OFFLINE, else "models_from"
// and "offline" of config/exec.json in the workspace.
PullOptions default_pull_options(const Workspace& workspace);

// Into <target>.part (continued), checked, renamed; returns the model's file. What is there and right is left
// alone; a Whisper model that `from` holds as CTranslate2 only is copied so. Error(environment) for failed
// transfers (a part is kept for the next try), Error(input) for a wrong checksum or size (it is removed).
fs::path pull_model(const Workspace& workspace, const ModelSource& source, const PullOptions& options,
                    Events& events);

// Fetches the published model of a name, by the default options; false when there is none. See
// dataset::FetchModel.
std::function<bool(const std::string& name)> model_fetcher(const Workspace& workspace, Events& events);

}  // namespace testudo::studio
