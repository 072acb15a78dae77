#pragma once
// The networks a training needs, read from the workspace's files and checked against the configuration.
#include <filesystem>
#include <memory>
#include <string>

#include "nets/dvae.h"
#include "nets/unified_voice.h"
#include "text/tokenizer.h"

namespace testudo::training {

namespace fs = std::filesystem;

// Sizes of a model file, read off its shapes. Heads, which no shape tells: from the .json beside the file
// ("heads"), else TorToiSe's 64 numbers a head.
nets::UnifiedVoiceConfig model_sizes(const fs::path& file);

// Error(input) when the file is of another shape than `expected`, naming both and the configuration `where`.
void check_sizes(const fs::path& file, const nets::UnifiedVoiceConfig& expected, const std::string& where);
// As check_sizes; the weights on `device`.
nets::UnifiedVoice load_model(const fs::path& file, const nets::UnifiedVoiceConfig& expected,
                              at::Device device, const std::string& where);
nets::Dvae load_dvae(const fs::path& file, at::Device device);

// Error(input) when the tokenizer has more tokens, or the DVAE more codes, than the model knows.
void check_vocabularies(const nets::UnifiedVoiceConfig& model, const fs::path& model_file,
                        const text::Tokenizer& tokenizer, const fs::path& tokenizer_file,
                        const nets::DvaeConfig& dvae, const fs::path& dvae_file);

// "auto", "cpu", "cuda", "cuda:1"; Error(usage) for another, Error(environment) for one that is not there.
at::Device find_device(const std::string& name);

}  // namespace testudo::training
