#pragma once
// Phonemes of a text in the International Phonetic Alphabet, by the program espeak-ng (GPL: run, never
// linked). The rules are those of the Python package phonemizer 3.4.0 with the options of the original
// studio: stress kept, punctuation put back where it was, language switches kept as (xx)word(yy).
#include <string>
#include <vector>

namespace testudo::text {

struct PhonemeOptions {
    bool punctuation = true;  // false: marks become spaces
    std::string espeak;       // the program; empty: $ESPEAK, else espeak-ng in PATH
    double seconds = 60;      // longest time it may take, and 0.2 s for each line besides
};

// espeak's name of a language: "en" -> "en-us", "fr" -> "fr-fr", "zh" -> "cmn", …; English names of languages
// ("German") too. Others come back in lower case: whether espeak has them, phonemize() finds out.
std::string espeak_voice(const std::string& language);

// The languages that this espeak-ng speaks, sorted. Throws as phonemize().
std::vector<std::string> espeak_voices(const PhonemeOptions& options = {});

// One string a line, all by one run of the program. `voice` is a language (see espeak_voice). A line that is
// only punctuation stays what it is, an empty one empty. Throws Error(input) for a language that espeak
// lacks, naming similar ones; Error(environment) when the program is missing (naming the package) or fails;
// Error(interrupted) on Ctrl-C.
std::vector<std::string> phonemize(const std::vector<std::string>& lines, const std::string& voice,
                                   const PhonemeOptions& options = {});

}  // namespace testudo::text
