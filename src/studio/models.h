#pragma once
// The models of a workspace: what is there, what a file holds, making random ones, converting between forms.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/events.h"
#include "core/json.h"
#include "nets/parameters.h"
#include "studio/workspace.h"
#include "tensors/pickle.h"

namespace testudo::studio {

enum class ModelKind {
    unified_voice,
    dvae,
    whisper,
    clvp,
    cvvp,
    diffusion,
    vocoder,
    voice_latents,
    training_state,
    adapters,
    tokenizer,
    unknown
};
const char* name_of(ModelKind kind);  // "autoregressive", "dvae", "whisper", …

// What a weights file is, told by the names and shapes of its tensors only. Error(input) as the readers of
// tensors/.
struct Inspection {
    ModelKind kind = ModelKind::unknown;
    std::string form;              // "pth (zip)", "pth (legacy)", "safetensors", "CTranslate2", …
    std::uint64_t bytes = 0;       // of the file
    std::uint64_t parameters = 0;  // numbers in trainable tensors (buffers left out), shared ones once
    std::string origin;            // from the file beside it (model.json), else ""
    Json config = Json::object();  // layers, model_dim, heads, vocabularies, …: as far as the shapes tell
    Json tensors;                  // [{name, shape, dtype}]
};
// `check` contents: the checksums of all weights, too.
Inspection inspect_model(const fs::path& file, tensors::Check check = tensors::Check::structure);
Json to_json(const Inspection& inspection, bool with_tensors = false);

struct ModelEntry {
    std::string name;   // file name without ending, or the folder's name
    std::string place;  // "base", "finetune", "checkpoint", "whisper", "tokenizer"
    std::string voice;  // of a checkpoint
    fs::path path;
    Inspection what;
    std::string problem;  // why it could not be read; the list goes on with the others
};
std::vector<ModelEntry> list_models(const Workspace& workspace);

// Random base models: <name>.pth, <name>.json (origin, sizes) and, for the DVAE, <name>_dvae.pth + .json in
// models/tortoise.
struct InitOptions {
    std::string size = "nano";  // nano | micro | small | full
    std::string name;           // empty: random-<size>
    std::uint64_t seed = 1;
    int text_tokens = 256;  // entries of the tokenizer's vocabulary, start token included
    bool dvae = true;       // a matching DVAE, too (its codes mean nothing before fit_dvae)
    bool overwrite = false;
};
struct InitResult {
    fs::path model, dvae;
    std::uint64_t parameters = 0;
};
// Error(usage) for an unknown size or a bad name; Error(input) when the file exists and overwrite is off.
InitResult init_model(const Workspace& workspace, const InitOptions& options, Events& events);

// The state dict of a network as a .pth file.
void write_weights(const fs::path& file, const nets::Parameters& parameters);

struct ConvertOptions {
    std::string precision = "keep";  // keep | fp32 | fp16 | bf16 (floating tensors only)
    bool strip_buffers = true;       // causal masks and other tensors that are no parameters
    bool overwrite = false;
};
// The form follows the ending of `to`: .pth/.pt, .safetensors or, for Whisper, .bin (ggml; large weights as
// fp16 unless fp32 is asked for). Error(usage) for another ending.
void convert_model(const fs::path& from, const fs::path& to, const ConvertOptions& options);

// (1 - weight) A + weight B of each number, in the precision and with the other tensors of A. Error(usage)
// for a weight outside 0 to 1 or an ending that is neither .pth nor .safetensors; Error(input) for models
// whose tensors differ in name or shape, and when `to` exists.
void merge_models(const fs::path& a, const fs::path& b, double weight, const fs::path& to, bool overwrite,
                  Events& events);

// A checkpoint of a run as models/finetunes/NAME.pth, where nothing of the run deletes it: a second name of
// the file where the disk allows it, else a copy. Error(usage) for a name that cannot be, Error(input) when
// it is taken.
fs::path use_checkpoint(const Workspace& workspace, const fs::path& checkpoint, const std::string& name,
                        bool replace);

}  // namespace testudo::studio
