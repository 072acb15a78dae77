#include "text/tokenizer_file.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "text/tokenizer.h"

namespace testudo::text {

namespace {

constexpr int most_tokens = 1 << 20;

Error wrong(const std::string& where, const std::string& key, const std::string& what) {
    return input_error(cat(where, ": ", key, " ", what),
                       "Use a byte-pair tokenizer.json as TorToiSe's, such as bpe_lowercase_asr_256.json.");
}

const Json& need(const Json& object, const char* key, const std::string& where,
                 const std::string& parent = "") {
    const auto found = object.find(key);
    if (found == object.end()) throw wrong(where, parent + key, "is missing");
    return *found;
}

bool absent(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null();
}

int check_id(const Json& value, const std::string& where, const std::string& key) {
    if (!value.is_number_integer() || value < 0 || value >= most_tokens)
        throw wrong(where, key,
                    cat("is ", to_utf8(value.dump(-1, ' ', true).substr(0, 40)), ", not a token id"));
    return value.get<int>();
}

void add_token(Vocabulary& vocabulary, const std::string& token, int id, const std::string& where,
               const std::string& key) {
    if (token.empty()) throw wrong(where, key, "is an empty token");
    const auto at = static_cast<std::size_t>(id);
    if (vocabulary.tokens.size() <= at) vocabulary.tokens.resize(at + 1);
    if (const auto known = vocabulary.ids.find(token); known != vocabulary.ids.end()) {
        if (known->second != id) throw wrong(where, key, cat("has the ids ", known->second, " and ", id));
        return;
    }
    if (!vocabulary.tokens[at].empty())
        throw wrong(where, key, cat("has the id ", id, " of \"", vocabulary.tokens[at], "\""));
    vocabulary.tokens[at] = token;
    vocabulary.ids.emplace(token, id);
}

void read_vocab(Vocabulary& vocabulary, const Json& vocab, const std::string& where) {
    if (!vocab.is_object() || vocab.empty()) throw wrong(where, "model.vocab", "is not a table of tokens");
    for (const auto& [token, id] : vocab.items()) {
        const std::string key = cat("model.vocab[\"", token, "\"]");
        add_token(vocabulary, token, check_id(id, where, key), where, key);
        if (const auto points = code_points(token); points.size() == 1)
            vocabulary.characters.emplace(points[0], id.get<int>());
    }
}

void read_specials(Vocabulary& vocabulary, const Json& document, const std::string& where) {
    if (absent(document, "added_tokens")) return;
    const Json& list = document["added_tokens"];
    if (!list.is_array()) throw wrong(where, "added_tokens", "is not a list");
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string key = cat("added_tokens[", i, "]");
        if (!list[i].is_object()) throw wrong(where, key, "is not a table");
        const Json& content = need(list[i], "content", where, key + ".");
        if (!content.is_string()) throw wrong(where, key + ".content", "is not a text");
        const int id = check_id(need(list[i], "id", where, key + "."), where, key + ".id");
        add_token(vocabulary, content.get<std::string>(), id, where, key);
        vocabulary.specials.push_back({code_points(content.get<std::string>()), id});
    }
    std::stable_sort(vocabulary.specials.begin(), vocabulary.specials.end(),
                     [](const auto& a, const auto& b) { return a.text.size() > b.text.size(); });
}

void read_merges(Vocabulary& vocabulary, const Json& merges, const std::string& where) {
    if (!merges.is_array()) throw wrong(where, "model.merges", "is not a list");
    const auto find = [&](const std::string& token, const std::string& key) {
        const auto found = vocabulary.ids.find(token);
        if (found == vocabulary.ids.end())
            throw wrong(where, key, cat("uses \"", token, "\", which has no id"));
        return found->second;
    };
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
        const std::string key = cat("model.merges[", rank, "]");
        const Json& merge = merges[rank];
        std::vector<std::string> parts;  // "a b" or, in newer files, ["a", "b"]
        if (merge.is_string())
            parts = split(merge.get<std::string>(), ' ');
        else if (merge.is_array())
            for (const auto& part : merge)
                if (part.is_string()) parts.push_back(part.get<std::string>());
        if (parts.size() != 2) throw wrong(where, key, "is not a pair of tokens");
        vocabulary.merges.emplace(Vocabulary::pair(find(parts[0], key), find(parts[1], key)),
                                  Vocabulary::Merge{static_cast<int>(rank), find(parts[0] + parts[1], key)});
    }
}

}  // namespace

Vocabulary parse_vocabulary(const Json& document, const std::string& where) {
    if (!document.is_object()) throw wrong(where, "the document", "is not a table");
    const Json& model = need(document, "model", where);
    if (!model.is_object()) throw wrong(where, "model", "is not a table");
    if (!absent(model, "type") && model["type"] != "BPE") throw wrong(where, "model.type", "is not \"BPE\"");
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
        if (!absent(model, key) && model[key] != "")
            throw wrong(where, cat("model.", key), "is not supported");
    if (!absent(document, "normalizer")) throw wrong(where, "normalizer", "is not supported");

    Vocabulary vocabulary;
    if (!absent(document, "pre_tokenizer")) {
        const Json& pre = document["pre_tokenizer"];
        if (!pre.is_object() || absent(pre, "type") || pre["type"] != "Whitespace")
            throw wrong(where, "pre_tokenizer", "is not of type \"Whitespace\"");
        vocabulary.has_pre_tokenizer = vocabulary.splits_words = true;
    }
    if (!absent(model, "language")) {
        if (!model["language"].is_string()) throw wrong(where, "model.language", "is not a text");
        vocabulary.language = model["language"].get<std::string>();
    }
    read_vocab(vocabulary, need(model, "vocab", where, "model."), where);
    read_specials(vocabulary, document, where);
    read_merges(vocabulary, need(model, "merges", where, "model."), where);
    const std::pair<const char*, int> fixed[] = {
        {"[STOP]", Tokenizer::stop}, {"[UNK]", Tokenizer::unk}, {"[SPACE]", Tokenizer::space}};
    for (const auto& [token, id] : fixed)
        if (const auto found = vocabulary.ids.find(token);
            found == vocabulary.ids.end() || found->second != id)
            throw wrong(where, cat("model.vocab[\"", token, "\"]"),
                        cat("is not ", id, ", as TorToiSe's models expect"));
    if (std::none_of(vocabulary.specials.begin(), vocabulary.specials.end(),
                     [](const auto& special) { return special.id == Tokenizer::space; }))
        throw wrong(where, "added_tokens", "lacks [SPACE]");
    return vocabulary;
}

}  // namespace testudo::text
