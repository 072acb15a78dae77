#pragma once
// Better settings for a run, each with its reason. Arithmetic on facts only: nothing is read or measured.
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "training/checkpoint.h"
#include "training/settings.h"

namespace testudo::training {

struct RunFacts {
    TrainingSettings settings;                         // as the configuration has them
    std::int64_t lines = 0, validation_lines = 0;      // usable ones
    std::int64_t start = 0, total = 0, per_epoch = 0;  // iterations
    std::int64_t save_every = 0, validate_every = 0;
    std::string language;           // of the dataset; empty: not known
    bool english_tokenizer = true;  // its texts are cleaned as English
    std::optional<DiskNeed> disk;
    std::optional<std::int64_t> fitting;  // clips of a micro-batch that memory holds
};

struct Suggestion {
    std::string key;  // of TrainingSettings
    Json from, to;
    std::string reason;
};

// At most one a key.
std::vector<Suggestion> suggest_settings(const RunFacts& facts);

// Where nothing but moving lines between the lists helps: a sentence, or empty.
std::string advise_validation_list(const RunFacts& facts);

}  // namespace testudo::training
