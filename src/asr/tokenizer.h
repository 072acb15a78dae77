#pragma once
// Whisper's byte-level BPE (GPT-2's form): text <-> token ids, and the special tokens after the vocabulary.
// Two vocabularies exist: English-only (50256 texts) and multilingual (50257).
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace testudo::asr {

using Tokens = std::vector<std::int64_t>;

// Codes and English names of the languages, in the order of their tokens; 100 with Cantonese.
std::span<const std::pair<std::string_view, std::string_view>> whisper_languages();
// The code of a code or English name in any case, spaces around it left out; empty: no language of Whisper's.
std::optional<std::string> find_language(std::string_view given);

class WhisperTokenizer {
  public:
    // `folder` holds tokenizer.json, vocabulary.json or vocabulary.txt; without them the vocabulary that
    // comes with the program is taken. `vocabulary` is the model's number of tokens, which decides what the
    // special ids are. Error(input) naming the file when it is malformed or of the other kind.
    static WhisperTokenizer load(const std::filesystem::path& folder, int vocabulary);
    // The bytes of each text token by id; further ones are left out. `where` stands in the errors.
    static WhisperTokenizer from_bytes(std::span<const std::string> tokens, int vocabulary,
                                       const std::filesystem::path& where);
    std::span<const std::string> bytes() const { return bytes_of_; }

    Tokens encode(std::string_view text) const;
    // Timestamps are left out; bytes that are not UTF-8 become U+FFFD.
    std::string decode(std::span<const std::int64_t> tokens) const;

    struct SplitWords {
        std::vector<std::string> words;
        std::vector<Tokens> tokens;
    };
    // At spaces and punctuation; for languages without spaces (zh ja th lo my yue) at whole code points.
    SplitWords split_words(std::span<const std::int64_t> tokens, std::string_view language) const;

    bool multilingual() const { return multilingual_; }
    const std::vector<std::string>& languages() const { return languages_; }  // codes
    // Code of a code or English name in any case ("English" -> "en"). Error(usage) listing the codes.
    std::string language_code(std::string_view name) const;
    std::int64_t language_token(std::string_view code) const;

    // Ids of the special tokens.
    std::int64_t eot = 0, sot = 0, first_language = 0, translate = 0, transcribe = 0, sot_lm = 0,
                 sot_prev = 0, no_speech = 0, no_timestamps = 0, timestamp_begin = 0;

    Tokens sot_sequence(std::string_view language, bool translating) const;
    Tokens non_speech_tokens() const;  // symbols that transcripts should not hold, sorted
    Tokens blank_tokens() const;       // " "
    // non_speech_tokens and the special tokens that never follow, sorted
    Tokens suppressed_tokens() const;

  private:
    void encode_piece(std::string_view piece, Tokens& out) const;
    void set_special(int vocabulary);
    void add(std::int64_t id, std::string bytes, const std::filesystem::path& where);
    void check_complete(const std::filesystem::path& where) const;

    bool multilingual_ = false;
    std::size_t found_ = 0;  // text tokens read so far
    std::vector<std::string> languages_;
    std::vector<std::string> bytes_of_;                    // id -> bytes
    std::unordered_map<std::string, std::int64_t> id_of_;  // bytes -> id
};

}  // namespace testudo::asr
