#include "asr/tokenizer.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <set>

#include "asr/utf8.h"
#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "core/program_files.h"
#include "core/strings.h"

namespace testudo::asr {

namespace fs = std::filesystem;

namespace {

// GPT-2's byte alphabet: printable Latin-1 characters stand for themselves, the rest for U+0100 and on.
int byte_of(char32_t c) {
    static const auto table = [] {
        std::array<int, 0x200> bytes;
        bytes.fill(-1);
        int next = 0x100;
        for (int b = 0; b < 256; ++b) {
            const bool itself = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
            bytes[static_cast<std::size_t>(itself ? b : next++)] = b;
        }
        return bytes;
    }();
    return c < table.size() ? table[c] : -1;
}

// False when the token is not written in the byte alphabet (as special tokens with spaces).
bool to_bytes(std::string_view token, std::string& bytes) {
    bytes.clear();
    for (const char32_t c : code_points(token)) {
        const int byte = byte_of(c);
        if (byte < 0) return false;
        bytes.push_back(static_cast<char>(byte));
    }
    return true;
}

fs::path vocabulary_file(const fs::path& folder, bool multilingual) {
    for (const char* name : {"tokenizer.json", "vocabulary.json", "vocabulary.txt"})
        if (fs::exists(folder / name)) return folder / name;
    try {
        return program_file(multilingual ? "whisper/multilingual.json" : "whisper/english.txt");
    } catch (const Error&) {
        throw input_error(
            cat(folder, ": the vocabulary is missing (tokenizer.json, vocabulary.json or vocabulary.txt)"),
            "Put the tokenizer.json of Whisper (the English one for .en models, else the multilingual one) "
            "beside the model.");
    }
}

// token text -> id; `file` receives where they were found.
std::vector<std::pair<std::string, std::int64_t>> read_vocabulary(const fs::path& folder, bool multilingual,
                                                                  fs::path& file) {
    std::vector<std::pair<std::string, std::int64_t>> tokens;
    file = vocabulary_file(folder, multilingual);
    if (file.filename() == "tokenizer.json") {
        // Not core's Json: keeping the order of 50000 keys would take seconds.
        const auto json = nlohmann::json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
        const nlohmann::json::json_pointer place("/model/vocab");
        if (json.is_discarded() || !json.contains(place) || !json.at(place).is_object())
            throw input_error(cat(file, ": not JSON, or no model.vocab in it"),
                              "Take tokenizer.json from the model's own folder.");
        for (const auto& [text, id] : json.at(place).items()) {
            if (!id.is_number_integer())
                throw input_error(cat(file, ": the id of the token ", text, " is no whole number"),
                                  "Take tokenizer.json from the model's own folder.");
            tokens.emplace_back(text, id.get<std::int64_t>());
        }
    } else if (file.extension() == ".json") {
        const Json json = read_json(file);
        if (!json.is_array())
            throw input_error(cat(file, ": not a list of tokens"),
                              "Take vocabulary.json from the model's own folder.");
        for (const auto& text : json) {
            if (!text.is_string())
                throw input_error(cat(file, ": entry ", tokens.size(), " is no text"),
                                  "Take vocabulary.json from the model's own folder.");
            tokens.emplace_back(text.get<std::string>(), static_cast<std::int64_t>(tokens.size()));
        }
    } else {
        for (std::string& line : split_lines(read_file(file)))
            tokens.emplace_back(std::move(line), static_cast<std::int64_t>(tokens.size()));
    }
    return tokens;
}

// GPT-2's pieces: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::vector<std::string> pieces(std::string_view text) {
    const std::u32string points = code_points(text);
    enum Kind { letter, number, space, other, end };
    const auto kind = [&points](std::size_t i) {
        if (i >= points.size()) return end;
        const auto c = static_cast<UChar32>(points[i]);
        if (u_isUWhiteSpace(c)) return space;
        const std::uint32_t mask = U_GET_GC_MASK(c);
        return mask & U_GC_L_MASK ? letter : mask & U_GC_N_MASK ? number : other;
    };
    std::vector<std::string> result;
    for (std::size_t at = 0; at < points.size();) {
        std::size_t stop = at;
        if (points[at] == U'\'') {
            for (const std::u32string_view ending : {U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"})
                if (std::u32string_view(points).substr(at).starts_with(ending)) {
                    stop = at + ending.size();
                    break;
                }
        }
        if (stop == at) {
            const std::size_t first =
                points[at] == U' ' && kind(at + 1) < end && kind(at + 1) != space ? at + 1 : at;
            const Kind run = kind(first);
            stop = first;
            while (kind(stop) == run) ++stop;
            // White space before a word leaves its last character to the word.
            if (run == space && stop < points.size() && stop - at > 1) --stop;
        }
        result.push_back(to_utf8(std::u32string_view(points).substr(at, stop - at)));
        at = stop;
    }
    return result;
}

bool without_spaces(std::string_view language) {
    for (const std::string_view code : {"zh", "ja", "th", "lo", "my", "yue"})
        if (language == code) return true;
    return false;
}

}  // namespace

WhisperTokenizer WhisperTokenizer::load(const fs::path& folder, int vocabulary) {
    WhisperTokenizer tokenizer;
    tokenizer.set_special(vocabulary);
    fs::path file;
    std::string bytes;
    for (const auto& [text, id] : read_vocabulary(folder, tokenizer.multilingual_, file)) {
        if (id < 0 || id >= tokenizer.eot) continue;
        if (!to_bytes(text, bytes))
            throw input_error(cat(file, ": token ", id, " is not in GPT-2's byte alphabet"),
                              "Take the vocabulary from the model's own folder.");
        tokenizer.add(id, bytes, file);
    }
    tokenizer.check_complete(file);
    return tokenizer;
}

WhisperTokenizer WhisperTokenizer::from_bytes(std::span<const std::string> tokens, int vocabulary,
                                              const fs::path& where) {
    WhisperTokenizer tokenizer;
    tokenizer.set_special(vocabulary);
    const auto texts = std::min(tokens.size(), tokenizer.bytes_of_.size());
    for (std::size_t id = 0; id < texts; ++id)
        tokenizer.add(static_cast<std::int64_t>(id), tokens[id], where);
    tokenizer.check_complete(where);
    return tokenizer;
}

void WhisperTokenizer::add(std::int64_t id, std::string bytes, const fs::path& where) {
    ++found_;
    if (bytes.empty() && id + 1 == eot) return;  // the multilingual vocabulary ends with a token of no text
    if (bytes.empty())
        throw input_error(cat(where, ": token ", id, " has no text"),
                          "Take the vocabulary from the model's own folder.");
    std::string& own = bytes_of_[static_cast<std::size_t>(id)];
    if (!id_of_.emplace(bytes, id).second || !own.empty())
        throw input_error(cat(where, ": token ", id, " comes twice"),
                          "Take the vocabulary from the model's own folder.");
    own = std::move(bytes);
}

void WhisperTokenizer::check_complete(const fs::path& where) const {
    std::size_t single = 0;
    for (int b = 0; b < 256; ++b) single += id_of_.count(std::string(1, static_cast<char>(b)));
    // The most frequent word tells the two vocabularies of nearly equal size apart.
    const auto the = id_of_.find(" the");
    const bool english = the != id_of_.end() && the->second == 262;
    if (found_ != bytes_of_.size() || single != 256 || english == multilingual_)
        throw input_error(
            cat(where, ": not the ", multilingual_ ? "multilingual" : "English-only",
                " vocabulary that this model needs (", found_, " of ", bytes_of_.size(), " tokens)"),
            "Put the tokenizer.json of the same model beside it.");
}

void WhisperTokenizer::set_special(int vocabulary) {
    multilingual_ = vocabulary >= 51865;
    const int languages = vocabulary - 51765 - (multilingual_ ? 1 : 0);
    if (languages < 1 || languages > static_cast<int>(whisper_languages().size()))
        throw input_error(cat("a Whisper model with ", vocabulary, " tokens is not known"),
                          "Published models have 51864, 51865 or 51866.");
    for (int i = 0; i < languages; ++i)
        languages_.emplace_back(whisper_languages()[static_cast<std::size_t>(i)].first);
    eot = multilingual_ ? 50257 : 50256;
    sot = eot + 1;
    first_language = sot + 1;
    translate = first_language + languages;
    transcribe = translate + 1;
    sot_lm = transcribe + 1;
    sot_prev = sot_lm + 1;
    no_speech = sot_prev + 1;
    no_timestamps = no_speech + 1;
    timestamp_begin = no_timestamps + 1;
    bytes_of_.resize(static_cast<std::size_t>(eot));
}

void WhisperTokenizer::encode_piece(std::string_view piece, Tokens& out) const {
    // The id of a token is its rank: always join the neighbours that make the lowest id.
    std::vector<std::string> parts;
    for (const char c : piece) parts.emplace_back(1, c);
    while (parts.size() > 1) {
        std::int64_t best = std::numeric_limits<std::int64_t>::max();
        std::size_t where = 0;
        for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
            const auto joined = id_of_.find(parts[i] + parts[i + 1]);
            if (joined != id_of_.end() && joined->second < best) {
                best = joined->second;
                where = i;
            }
        }
        if (best == std::numeric_limits<std::int64_t>::max()) break;
        parts[where] += parts[where + 1];
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(where) + 1);
    }
    for (const std::string& part : parts) out.push_back(id_of_.at(part));
}

Tokens WhisperTokenizer::encode(std::string_view text) const {
    Tokens tokens;
    for (const std::string& piece : pieces(text)) encode_piece(piece, tokens);
    return tokens;
}

namespace {

std::string special_name(const WhisperTokenizer& t, std::int64_t token) {
    if (token == t.eot) return "<|endoftext|>";
    if (token == t.sot) return "<|startoftranscript|>";
    if (token >= t.first_language && token < t.translate)
        return cat("<|", t.languages()[static_cast<std::size_t>(token - t.first_language)], "|>");
    if (token == t.translate) return "<|translate|>";
    if (token == t.transcribe) return "<|transcribe|>";
    if (token == t.sot_lm) return "<|startoflm|>";
    if (token == t.sot_prev) return "<|startofprev|>";
    if (token == t.no_speech) return "<|nospeech|>";
    if (token == t.no_timestamps) return "<|notimestamps|>";
    std::array<char, 32> name{};
    std::snprintf(name.data(), name.size(), "<|%.2f|>",
                  static_cast<double>(token - t.timestamp_begin) * 0.02);
    return name.data();
}

}  // namespace

std::string WhisperTokenizer::decode(std::span<const std::int64_t> tokens) const {
    std::string bytes;
    for (const std::int64_t token : tokens) {
        if (token < 0 || token >= timestamp_begin) continue;
        bytes += token < eot ? bytes_of_[static_cast<std::size_t>(token)] : special_name(*this, token);
    }
    return decode_utf8_as_python(bytes);
}

WhisperTokenizer::SplitWords WhisperTokenizer::split_words(std::span<const std::int64_t> tokens,
                                                           std::string_view language) const {
    const auto bytes = [this](std::int64_t token) {
        return token < eot ? bytes_of_[static_cast<std::size_t>(token)] : special_name(*this, token);
    };
    std::string all;
    for (const std::int64_t token : tokens) all += bytes(token);
    const std::u32string whole = code_points(decode_utf8_as_python(all));

    // First into the smallest runs of tokens that are whole characters.
    SplitWords parts;
    Tokens current;
    std::string current_bytes;
    std::size_t offset = 0;
    for (const std::int64_t token : tokens) {
        current.push_back(token);
        current_bytes += bytes(token);
        const std::string text = decode_utf8_as_python(current_bytes);
        const std::u32string points = code_points(text);
        const std::size_t broken = points.find(U'\xfffd');
        if (broken == std::u32string::npos ||
            (offset + broken < whole.size() && whole[offset + broken] == U'\xfffd')) {
            parts.words.push_back(text);
            parts.tokens.push_back(current);
            current.clear();
            current_bytes.clear();
            offset += points.size();
        }
    }
    if (without_spaces(language)) return parts;

    static constexpr std::string_view punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    SplitWords words;
    for (std::size_t i = 0; i < parts.words.size(); ++i) {
        const std::string& part = parts.words[i];
        const bool begins = parts.tokens[i][0] >= eot || part.starts_with(' ') ||
                            punctuation.find(strip(part)) != std::string_view::npos || words.words.empty();
        if (begins) {
            words.words.push_back(part);
            words.tokens.push_back(parts.tokens[i]);
        } else {
            words.words.back() += part;
            words.tokens.back().insert(words.tokens.back().end(), parts.tokens[i].begin(),
                                       parts.tokens[i].end());
        }
    }
    return words;
}

std::string WhisperTokenizer::language_code(std::string_view name) const {
    const std::string wanted = lower_ascii(trim(name));
    for (std::size_t i = 0; i < languages_.size(); ++i)
        if (wanted == languages_[i] || wanted == whisper_languages()[i].second) return languages_[i];
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> also = {{
        {"burmese", "my"},
        {"valencian", "ca"},
        {"flemish", "nl"},
        {"haitian", "ht"},
        {"letzeburgesch", "lb"},
        {"pushto", "ps"},
        {"panjabi", "pa"},
        {"moldavian", "ro"},
        {"moldovan", "ro"},
        {"sinhalese", "si"},
        {"castilian", "es"},
        {"mandarin", "zh"},
    }};
    for (const auto& [other, code] : also)
        if (wanted == other) return std::string(code);
    throw usage_error(
        cat("\"", name, "\" is no language that this Whisper model knows"),
        cat("Leave the language empty to detect it, or give one of: ", join(languages_, " "), "."));
}

std::int64_t WhisperTokenizer::language_token(std::string_view code) const {
    const auto found = std::find(languages_.begin(), languages_.end(), code);
    if (found == languages_.end()) return language_token(language_code(code));
    return first_language + (found - languages_.begin());
}

Tokens WhisperTokenizer::sot_sequence(std::string_view language, bool translating) const {
    if (!multilingual_) return {sot};
    return {sot, language_token(language), translating ? translate : transcribe};
}

Tokens WhisperTokenizer::non_speech_tokens() const {
    std::vector<std::string> symbols = {
        "\"",  "#",  "(",  ")",  "*",   "+",  "/",  ":",   ";",   "<",  "=",  ">",  "@",  "[",   "\\",  "]",
        "^",   "_",  "`",  "{",  "|",   "}",  "~",  "「",  "」",  "『", "』", "<<", ">>", "<<<", ">>>", "--",
        "---", "-(", "-[", "('", "(\"", "((", "))", "(((", ")))", "[[", "]]", "{{", "}}", "♪♪",  "♪♪♪"};
    const std::vector<std::string> music = {"♩", "♪", "♫", "♬", "♭", "♮", "♯"};
    // Hyphens and apostrophes are fine inside of words, not at the beginning of one.
    std::set<std::int64_t> ids = {encode(" -").front(), encode(" '").front()};
    const std::size_t plain = symbols.size();
    symbols.insert(symbols.end(), music.begin(), music.end());
    for (std::size_t i = 0; i < symbols.size(); ++i)
        for (const std::string& text : {symbols[i], " " + symbols[i]}) {
            const Tokens tokens = encode(text);
            if (tokens.size() == 1 || i >= plain) ids.insert(tokens.front());
        }
    return {ids.begin(), ids.end()};
}

Tokens WhisperTokenizer::blank_tokens() const { return encode(" "); }

Tokens WhisperTokenizer::suppressed_tokens() const {
    Tokens tokens = non_speech_tokens();
    tokens.insert(tokens.end(), {transcribe, translate, sot, sot_prev, sot_lm, no_speech});
    std::sort(tokens.begin(), tokens.end());
    return tokens;
}

}  // namespace testudo::asr
