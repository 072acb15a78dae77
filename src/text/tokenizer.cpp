#include "text/tokenizer.h"

#include <algorithm>
#include <queue>
#include <unordered_map>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "core/strings.h"
#include "text/cleaners.h"
#include "text/tokenizer_file.h"
#include "text/unidecode.h"
#include "text/words.h"

namespace testudo::text {

struct Tokenizer::Tables {
    Vocabulary vocabulary;
    Cleaning cleaning = Cleaning::english;
};

namespace {

// One piece of the text while its neighbours are merged; pieces form a linked list.
struct Piece {
    int id, previous, next;
};

struct Candidate {
    int rank, left;         // the lowest rank, then the leftmost pair goes first
    int left_id, right_id;  // as when it was found: a changed pair is stale
    bool operator>(const Candidate& other) const {
        return rank != other.rank ? rank > other.rank : left > other.left;
    }
};

// Merges pieces[0..n) in place and appends the ids that remain.
void merge_pieces(const Vocabulary& vocabulary, std::vector<Piece>& pieces, std::vector<int>& ids) {
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
    const auto consider = [&](int left) {
        if (left < 0 || pieces[static_cast<std::size_t>(left)].next < 0) return;
        const Piece& first = pieces[static_cast<std::size_t>(left)];
        const Piece& second = pieces[static_cast<std::size_t>(first.next)];
        if (const auto found = vocabulary.merges.find(Vocabulary::pair(first.id, second.id));
            found != vocabulary.merges.end())
            queue.push({found->second.rank, left, first.id, second.id});
    };
    for (int i = 0; i + 1 < static_cast<int>(pieces.size()); ++i) consider(i);
    while (!queue.empty()) {
        const Candidate best = queue.top();
        queue.pop();
        Piece& left = pieces[static_cast<std::size_t>(best.left)];
        if (left.id != best.left_id || left.next < 0) continue;
        Piece& right = pieces[static_cast<std::size_t>(left.next)];
        if (right.id != best.right_id) continue;
        left.id = vocabulary.merges.at(Vocabulary::pair(left.id, right.id)).id;
        right.id = -1;  // gone
        left.next = right.next;
        if (left.next >= 0) pieces[static_cast<std::size_t>(left.next)].previous = best.left;
        consider(left.previous);
        consider(best.left);
    }
    for (int at = pieces.empty() ? -1 : 0; at >= 0; at = pieces[static_cast<std::size_t>(at)].next)
        ids.push_back(pieces[static_cast<std::size_t>(at)].id);
}

void note(std::vector<std::string>& list, std::u32string_view unknown) {
    std::string text = to_utf8(unknown);
    if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
}

void encode_word(const Vocabulary& vocabulary, std::u32string_view word, Encoded& out) {
    std::vector<Piece> pieces;
    pieces.reserve(word.size());
    for (const char32_t c : word) {
        const auto found = vocabulary.characters.find(c);
        if (found == vocabulary.characters.end()) note(out.unknown, {&c, 1});
        const int at = static_cast<int>(pieces.size());
        pieces.push_back(
            {found == vocabulary.characters.end() ? Tokenizer::unk : found->second, at - 1, at + 1});
    }
    if (pieces.empty()) return;
    pieces.back().next = -1;
    merge_pieces(vocabulary, pieces, out.ids);
}

// Text between special tokens, cut into words where the vocabulary was made so.
void encode_text(const Vocabulary& vocabulary, std::u32string_view text, Encoded& out) {
    if (!vocabulary.splits_words) return encode_word(vocabulary, text, out);
    for (const auto word : split_words(text)) encode_word(vocabulary, word, out);
}

// A vocabulary without a language is English unless it has letters that English cleaning never leaves.
Cleaning cleaning_of(const Vocabulary& vocabulary) {
    if (!vocabulary.has_pre_tokenizer) return Cleaning::none;
    if (!vocabulary.language.empty()) return cleaning_of_language(vocabulary.language);
    const bool ascii = std::none_of(vocabulary.characters.begin(), vocabulary.characters.end(),
                                    [](const auto& character) { return character.first >= 0x80; });
    return ascii ? Cleaning::english : Cleaning::basic;
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::load(const std::filesystem::path& json) {
    return parse(read_file(json, std::size_t{64} << 20), json.string());
}

Tokenizer Tokenizer::parse(std::string_view json, const std::string& where) {
    auto tables = std::make_unique<Tables>();
    tables->vocabulary = parse_vocabulary(parse_json(json, where), where);
    tables->cleaning = cleaning_of(tables->vocabulary);
    return Tokenizer(std::move(tables));
}

std::string Tokenizer::clean(std::string_view text, Pipeline pipeline) const {
    const Vocabulary& known = tables_->vocabulary;
    switch (pipeline) {
        case Pipeline::own: {
            std::string cleaned = text::clean(text, tables_->cleaning);
            if (tables_->cleaning == Cleaning::english) return cleaned;
            return fit_punctuation(cleaned, [&](char32_t c) { return known.characters.contains(c); });
        }
        case Pipeline::tortoise:
            return english_cleaners(text);
        case Pipeline::tortoise_basic:
            return basic_cleaners(text);
        case Pipeline::dlas:
            return plain_punctuation(english_cleaners(text));
        case Pipeline::webui:
            break;
    }
    if (!known.has_pre_tokenizer) return std::string(text);
    if (language() == "en") return english_cleaners(text);
    if (language() == "ja")
        throw input_error(
            "the web UI reads Japanese with a dictionary of readings, which is not part of Testudo",
            "Write the lines in kana and use another pipeline.");
    return basic_cleaners(text);
}

Encoded Tokenizer::encode(std::string_view text, Pipeline pipeline) const {
    Encoded out = encode_cleaned(clean(text, pipeline));
    if (pipeline == Pipeline::tortoise || pipeline == Pipeline::dlas ||
        (pipeline == Pipeline::own && tables_->cleaning == Cleaning::english) ||
        (pipeline == Pipeline::webui && tables_->vocabulary.has_pre_tokenizer && language() == "en"))
        unidecode(text, &out.dropped);
    return out;
}

Encoded Tokenizer::encode_cleaned(std::string_view cleaned) const {
    std::u32string text;
    for (const char32_t c : code_points(cleaned))
        if (c == U' ')
            text += U"[SPACE]";
        else
            text.push_back(c);
    Encoded out;
    std::u32string_view rest = text;
    std::size_t at = 0;
    while (at < rest.size()) {
        // The longest special token that starts here, if any.
        const Vocabulary::Special* special = nullptr;
        for (const auto& candidate : tables_->vocabulary.specials)  // the longest first
            if (candidate.text[0] == rest[at] && rest.substr(at).starts_with(candidate.text)) {
                special = &candidate;
                break;
            }
        if (!special) {
            ++at;
            continue;
        }
        encode_text(tables_->vocabulary, rest.substr(0, at), out);
        out.ids.push_back(special->id);
        if (special->id == Tokenizer::unk) note(out.unknown, special->text);
        rest.remove_prefix(at + special->text.size());
        at = 0;
    }
    encode_text(tables_->vocabulary, rest, out);
    return out;
}

std::string Tokenizer::decode(std::span<const int> ids) const {
    std::string out;
    for (const int id : ids)
        if (id == space)
            out.push_back(' ');
        else if (id != stop && id != unk)
            out += token(id);
    return out;
}

int Tokenizer::size() const { return static_cast<int>(tables_->vocabulary.tokens.size()); }

const std::string& Tokenizer::token(int id) const {
    static const std::string none;
    return id >= 0 && id < size() ? tables_->vocabulary.tokens[static_cast<std::size_t>(id)] : none;
}

int Tokenizer::id(std::string_view token) const {
    const auto found = tables_->vocabulary.ids.find(std::string(token));
    return found == tables_->vocabulary.ids.end() ? -1 : found->second;
}

Cleaning Tokenizer::cleaning() const { return tables_->cleaning; }
const Vocabulary& Tokenizer::vocabulary() const { return tables_->vocabulary; }
const std::string& Tokenizer::language() const { return tables_->vocabulary.language; }

}  // namespace testudo::text
