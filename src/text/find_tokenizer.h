#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "text/tokenizer.h"

namespace testudo::text {

// The vocabulary file that a setting or YAML names, relative to the workspace; a bare name may also be that
// of one in models/tokenizers. Empty for TorToiSe's own, which is built in (no name, or one of its names
// without such a file). Error(input) naming `where` when another one is missing.
std::filesystem::path find_tokenizer(const std::filesystem::path& workspace, const std::string& given,
                                     const std::string& where);

// Empty path: the built-in one.
std::shared_ptr<const Tokenizer> load_tokenizer(const std::filesystem::path& file);

// Lines for a vocabulary of this name hold phonemes, in the original and here.
bool names_phonemes(const std::string& tokenizer);

}  // namespace testudo::text
