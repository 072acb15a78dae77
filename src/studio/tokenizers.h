#pragma once
// Vocabularies of a workspace: found by name, made from a voice's texts.
#include "core/events.h"
#include "studio/workspace.h"
#include "text/tokenizer.h"

namespace testudo::studio {

// The file a user means by `given`: a path that exists, one relative to the workspace, or a name (with or
// without .json) in models/tokenizers. Empty for "builtin" and the name of TorToiSe's own, where no such file
// lies. Error(input) naming the places looked in.
fs::path find_tokenizer(const Workspace& workspace, const std::string& given);

struct TrainTokenizerOptions {
    std::string voice;
    int size = 255;
    std::string language;  // empty: that of whisper.json
    std::string to;  // a path relative to the workspace, or a name; empty: models/tokenizers/<voice>.json
    bool overwrite = false;
};
// Makes a vocabulary from train.txt and validation.txt of a voice (without them from whisper.json) and writes
// it. One called ipa.json is for phonemes: Error(input) when the lines are words. Result: {path, tokens,
// characters, merges, language, lines}. Errors as text::train_tokenizer; Error(usage) for a name that is
// taken or cannot be, or a language that is not known.
Json train_tokenizer(const Workspace& workspace, const TrainTokenizerOptions& options, Events& events);

}  // namespace testudo::studio
