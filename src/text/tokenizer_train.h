#pragma once
// A byte-pair vocabulary made from texts, in the form of TorToiSe's: [STOP] [UNK] [SPACE], the characters by
// code point, then the merges, the most frequent pair first (of equally frequent ones that of the smallest
// ids), as BpeTrainer of the Python package tokenizers makes it. The same texts give the same file.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "text/own_cleaning.h"

namespace testudo::text {

// A text and where it stands, such as "train.txt:7".
struct PlacedText {
    std::string where, text;
    double seconds = 0;  // of its clip; 0: not known
};

struct TokenizerTraining {
    int size = 255;              // tokens in all: TorToiSe's models know 255 and a start token
    std::string language;        // code, written into the file; decides how texts are cleaned, then and later
    bool phonemes = false;       // texts are phonemes: no cleaning, no language
    bool whole_alphabet = true;  // also the usual letters of the language and .,;:!?'-() that no text holds
};

struct TrainedTokenizer {
    Json document;  // the tokenizer.json
    int characters = 0, merges = 0;
    std::vector<std::string> notes;  // what the user should know: too few words for all merges, …
};

// Error(usage) for a size that cannot be; Error(input) when the texts hold no character, when cleaning cannot
// read one (naming where), or when they hold more different characters than `size` has room for (naming the
// rarest and where they stand).
TrainedTokenizer train_tokenizer(std::span<const PlacedText> texts, const TokenizerTraining& training);

// The letters of a language and basic punctuation, as `cleaning` leaves them; only punctuation where the
// language is not known or has more than 100 letters.
std::u32string usual_characters(const std::string& language, Cleaning cleaning);

// The merges alone, over words and how often each occurs; `alphabet` by code point, ids begin after
// `first_id` special tokens. Stops at `size` tokens or when no pair is left.
struct PairMerge {
    std::u32string left, right;
};
std::vector<PairMerge> merge_pairs(const std::vector<std::pair<std::u32string, std::int64_t>>& words,
                                   const std::u32string& alphabet, int first_id, int size);

}  // namespace testudo::text
