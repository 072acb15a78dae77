#pragma once
// Byte-pair tokenizers of TorToiSe: the "tokenizer.json" form of the Python package tokenizers, as far as
// these vocabularies use it.
#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/own_cleaning.h"

namespace testudo::text {

struct Vocabulary;  // tokenizer_file.h

// How a line becomes what the byte-pair merges see. Training and generation of Testudo both use `own`; the
// others reproduce what the originals do.
enum class Pipeline {
    own,             // what the vocabulary was made for (own_cleaning.h): `tortoise` for English ones
    tortoise,        // english_cleaners
    tortoise_basic,  // basic_cleaners
    dlas,            // english_cleaners, then plain_punctuation
    webui,  // cleans only when the vocabulary has a pre_tokenizer, English only when its language is "en"
};

struct Encoded {
    std::vector<int> ids;              // without start and stop tokens
    std::vector<std::string> unknown;  // characters that became [UNK], UTF-8, in order of first appearance
    std::vector<std::string> dropped;  // characters of the text that cleaning left out for want of a reading
};

class Tokenizer {
  public:
    using Encoded = text::Encoded;
    static constexpr int stop = 0, unk = 1, space = 2;  // of every vocabulary of TorToiSe

    // Throws Error(input) naming file and key for anything that is not such a vocabulary: missing keys, ids
    // that are negative, too large or given twice, merges of unknown pieces, a file over 64 MiB.
    static Tokenizer load(const std::filesystem::path& json);
    static Tokenizer parse(std::string_view json, const std::string& where);
    static const Tokenizer&
    builtin();  // bpe_lowercase_asr_256, which the released TorToiSe models were trained with

    Tokenizer(Tokenizer&&) noexcept;
    Tokenizer& operator=(Tokenizer&&) noexcept;
    ~Tokenizer();

    // Thread-safe. Throws Error(input) for text that cleaning cannot read (see cleaners.h).
    Encoded encode(std::string_view text, Pipeline pipeline = Pipeline::own) const;
    std::string clean(std::string_view text, Pipeline pipeline = Pipeline::own) const;
    Encoded encode_cleaned(std::string_view cleaned) const;  // spaces -> [SPACE], then the merges

    std::string decode(std::span<const int> ids) const;  // [SPACE] -> ' ', [STOP] and [UNK] left out
    int size() const;                                    // largest id + 1
    const std::string& token(int id) const;              // empty for an unused id
    int id(std::string_view token) const;                // -1 when there is none
    const std::string& language() const;                 // model.language, often empty
    Cleaning cleaning() const;                           // what `own` does
    const Vocabulary& vocabulary() const;

  private:
    struct Tables;
    explicit Tokenizer(std::unique_ptr<Tables> tables);
    std::unique_ptr<Tables> tables_;
};

}  // namespace testudo::text
