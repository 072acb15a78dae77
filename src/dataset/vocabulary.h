#pragma once
// A voice's texts as its vocabulary will see them.
#include <filesystem>
#include <string>
#include <vector>

#include "core/events.h"
#include "text/coverage.h"

namespace testudo::dataset {

// The lines of train.txt and validation.txt in `training` (the folder training/V), placed as "train.txt:7",
// with the length of their clips when `with_seconds`; where there are no lists, the texts of whisper.json,
// placed by recording and segment. Error(input) when there is neither, or when a list is damaged.
std::vector<text::PlacedText> texts_of(const std::filesystem::path& training, bool with_seconds);

// What the dataset was transcribed in: the most frequent language of whisper.json; empty when none is known.
std::string language_of(const std::filesystem::path& training);

// Before work that a vocabulary is given for: Error(input) when it is missing or cannot be used. One called
// ipa.json may be missing, as it is made from the lines that this work writes.
void check_vocabulary(const std::filesystem::path& root, const std::string& tokenizer_json);

// False when `texts` (of texts_of()) are words instead: none holds a letter of the International Phonetic
// Alphabet beyond the usual ones, and some stand in whisper.json as what was said.
bool are_phonemes(const std::filesystem::path& training, const std::vector<text::PlacedText>& texts);

// Warns of every character of the lists that the vocabulary of a setting (a path relative to the workspace
// `root`; empty: the built-in one) cannot write, and of lines it makes unusable. Says so when there is no
// such vocabulary yet. Throws as text::Tokenizer::load.
void warn_of_vocabulary(const std::filesystem::path& root, const std::filesystem::path& training,
                        const std::string& tokenizer_json, Events& events);
void warn_of_vocabulary(const text::Tokenizer& tokenizer, const std::filesystem::path& training,
                        Events& events);

}  // namespace testudo::dataset
