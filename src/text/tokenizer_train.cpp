#include "text/tokenizer_train.h"

#include <unicode/uchar.h>
#include <unicode/ulocdata.h>
#include <unicode/uniset.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "text/cleaners.h"
#include "text/words.h"

namespace testudo::text {

namespace {

constexpr int smallest_size = 8, largest_size = 10000;
constexpr int most_usual_letters = 100;  // more is no alphabet
constexpr const char* special_tokens[] = {"[STOP]", "[UNK]", "[SPACE]"};
constexpr int specials = 3;
constexpr std::u32string_view punctuation = U"!'(),-./:;?";

struct Character {
    std::int64_t count = 0;
    std::string first;  // where it stands
};

struct Corpus {
    std::map<char32_t, Character> characters;
    std::map<std::u32string, std::int64_t> words;
};

Cleaning cleaning_of(const TokenizerTraining& training) {
    return training.phonemes ? Cleaning::none : cleaning_of_language(training.language);
}

std::string cleaned_text(const PlacedText& text, Cleaning cleaning) {
    try {
        return clean(text.text, cleaning);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        throw input_error(cat(text.where, ": ", error.what()), error.hint());
    }
}

std::vector<std::u32string_view> words_of(std::u32string_view text, Cleaning cleaning) {
    if (cleaning != Cleaning::none) return split_words(text);
    std::vector<std::u32string_view> words;  // phonemes: only [SPACE] parts them when they are encoded
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(U' ', at), text.size());
        if (end > at) words.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

Corpus read_corpus(std::span<const PlacedText> texts, Cleaning cleaning) {
    Corpus corpus;
    for (const PlacedText& text : texts) {
        const std::u32string cleaned = code_points(cleaned_text(text, cleaning));
        for (const auto word : words_of(cleaned, cleaning)) {
            ++corpus.words[std::u32string(word)];
            for (const char32_t c : word) {
                Character& character = corpus.characters[c];
                if (character.count++ == 0) character.first = text.where;
            }
        }
    }
    return corpus;
}

Error too_many_characters(const Corpus& corpus, int size) {
    std::vector<std::pair<char32_t, Character>> rarest(corpus.characters.begin(), corpus.characters.end());
    std::stable_sort(rarest.begin(), rarest.end(),
                     [](const auto& a, const auto& b) { return a.second.count < b.second.count; });
    rarest.resize(std::min<std::size_t>(rarest.size(), 12));
    std::vector<std::string> named;
    for (const auto& [c, character] : rarest)
        named.push_back(cat(to_utf8(std::u32string_view(&c, 1)), " (", character.count, "×, ",
                            printable(to_utf8(character.first)), ")"));
    return input_error(
        cat("the texts hold ", corpus.characters.size(), " different characters, but ", size,
            " tokens leave room for ", size - specials, "; the rarest are ", join(named, ", ")),
        "Rewrite those in whisper.json, or give a larger --size and a model made for it "
        "(`testudo models init --text-tokens`).");
}

std::string usual_letters(const std::string& language) {
    struct Close {
        void operator()(ULocaleData* data) const { ulocdata_close(data); }
    };
    UErrorCode status = U_ZERO_ERROR;
    const std::unique_ptr<ULocaleData, Close> data(ulocdata_open(language.c_str(), &status));
    if (U_FAILURE(status) || status == U_USING_DEFAULT_WARNING) return {};
    icu::UnicodeSet letters;
    ulocdata_getExemplarSet(data.get(), letters.toUSet(), 0, ULOCDATA_ES_STANDARD, &status);
    if (U_FAILURE(status) || letters.size() > most_usual_letters) return {};
    std::string out;
    for (int i = 0; i < letters.getRangeCount(); ++i)
        for (UChar32 c = letters.getRangeStart(i); c <= letters.getRangeEnd(i); ++c) {
            const auto point = static_cast<char32_t>(c);
            out += to_utf8(std::u32string_view(&point, 1)) + ' ';  // marks must not join letters
        }
    return out;
}

Json special_token(int id) {
    return {{"id", id},
            {"special", true},
            {"content", special_tokens[id]},
            {"single_word", false},
            {"lstrip", false},
            {"rstrip", false},
            {"normalized", false}};
}

Json make_document(const std::u32string& alphabet, const std::vector<PairMerge>& merges,
                   const TokenizerTraining& training) {
    Json vocab = Json::object(), written = Json::array(), added = Json::array();
    for (int id = 0; id < specials; ++id) {
        vocab[special_tokens[id]] = id;
        added.push_back(special_token(id));
    }
    int next = specials;
    for (const char32_t c : alphabet) vocab[to_utf8(std::u32string_view(&c, 1))] = next++;
    for (const PairMerge& merge : merges) {
        const std::string token = to_utf8(merge.left + merge.right);
        if (!vocab.contains(token)) vocab[token] = next++;
        written.push_back(cat(to_utf8(merge.left), " ", to_utf8(merge.right)));
    }
    Json model = {{"type", "BPE"},
                  {"dropout", nullptr},
                  {"unk_token", "[UNK]"},
                  {"continuing_subword_prefix", nullptr},
                  {"end_of_word_suffix", nullptr},
                  {"fuse_unk", false},
                  {"vocab", vocab},
                  {"merges", written}};
    if (!training.phonemes && !training.language.empty()) model["language"] = training.language;
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"added_tokens", added},
            {"normalizer", nullptr},
            {"pre_tokenizer", training.phonemes ? Json() : Json{{"type", "Whitespace"}}},
            {"post_processor", nullptr},
            {"decoder", nullptr},
            {"model", model}};
}

}  // namespace

std::u32string usual_characters(const std::string& language, Cleaning cleaning) {
    std::set<char32_t> all(punctuation.begin(), punctuation.end());
    for (const char32_t c : code_points(clean(usual_letters(language), cleaning)))
        if (c != U' ') all.insert(c);
    return {all.begin(), all.end()};
}

TrainedTokenizer train_tokenizer(std::span<const PlacedText> texts, const TokenizerTraining& training) {
    if (training.size < smallest_size || training.size > largest_size)
        throw usage_error(
            cat("a vocabulary cannot have ", training.size, " tokens"),
            cat("Give a size of ", smallest_size, " to ", largest_size, "; TorToiSe's models know 255."));
    const Cleaning cleaning = cleaning_of(training);
    const Corpus corpus = read_corpus(texts, cleaning);
    if (corpus.characters.empty())
        throw input_error("the texts hold no character to make a vocabulary from",
                          "Transcribe the voice first, or look at its train.txt.");
    if (static_cast<int>(corpus.characters.size()) > training.size - specials)
        throw too_many_characters(corpus, training.size);

    TrainedTokenizer trained;
    std::set<char32_t> characters;
    for (const auto& [c, character] : corpus.characters) characters.insert(c);
    if (training.whole_alphabet && !training.phonemes) {
        const std::u32string usual = usual_characters(training.language, cleaning);
        std::set<char32_t> whole = characters;
        whole.insert(usual.begin(), usual.end());
        if (static_cast<int>(whole.size()) <= training.size - specials)
            characters = std::move(whole);
        else
            trained.notes.push_back(
                "there is no room for letters of the language that no text holds: such words cannot be "
                "spoken");
    }
    const std::u32string alphabet(characters.begin(), characters.end());
    const std::vector<std::pair<std::u32string, std::int64_t>> words(corpus.words.begin(),
                                                                     corpus.words.end());
    const std::vector<PairMerge> merges = merge_pairs(words, alphabet, specials, training.size);
    if (stop_requested())
        throw Error(ErrorKind::interrupted, "stopped while the vocabulary was made", "Start again.");
    trained.document = make_document(alphabet, merges, training);
    trained.characters = static_cast<int>(alphabet.size());
    trained.merges = static_cast<int>(merges.size());
    if (const auto made = static_cast<int>(trained.document["model"]["vocab"].size()); made < training.size)
        trained.notes.push_back(cat("the texts have too few words for more than ", made, " tokens"));
    return trained;
}

}  // namespace testudo::text
