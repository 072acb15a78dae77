#include "text/find_tokenizer.h"

#include "core/error.h"
#include "core/strings.h"

namespace testudo::text {

namespace fs = std::filesystem;

fs::path find_tokenizer(const fs::path& workspace, const std::string& given, const std::string& where) {
    if (given.empty()) return {};
    const fs::path path(given), file = path.is_absolute() ? path : (workspace / path).lexically_normal();
    std::error_code ignored;
    if (fs::exists(file, ignored)) return file;
    const fs::path kept = workspace / "models" / "tokenizers";
    const bool only_a_name = !path.has_parent_path();
    if (only_a_name && fs::exists(kept / path, ignored)) return kept / path;
    // Both names of the vocabulary that TorToiSe comes with.
    if (given.ends_with("tortoise/data/tokenizer.json") || file.filename() == "bpe_lowercase_asr_256.json")
        return {};
    throw input_error(
        cat(where, ": there is no tokenizer ", file, only_a_name ? cat(", nor one in ", kept) : ""),
        "Put the file there, make one with `testudo tokenizer train`, or leave the tokenizer empty for "
        "English.");
}

std::shared_ptr<const Tokenizer> load_tokenizer(const fs::path& file) {
    if (!file.empty()) return std::make_shared<const Tokenizer>(Tokenizer::load(file));
    return {&Tokenizer::builtin(), [](const Tokenizer*) {}};
}

bool names_phonemes(const std::string& tokenizer) { return fs::path(tokenizer).filename() == "ipa.json"; }

}  // namespace testudo::text
