#pragma once
// What a tokenizer.json of TorToiSe holds, checked.
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/json.h"

namespace testudo::text {

struct Vocabulary {
    struct Merge {
        int rank, id;
    };
    struct Special {
        std::u32string text;
        int id;
    };
    static std::uint64_t pair(int left, int right) {
        return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
               static_cast<std::uint32_t>(right);
    }

    std::vector<std::string> tokens;  // by id; empty where an id is unused
    std::unordered_map<std::string, int> ids;
    std::unordered_map<char32_t, int> characters;  // tokens of one character
    std::unordered_map<std::uint64_t, Merge> merges;
    std::vector<Special> specials;  // the longest first; matched in the text before anything else
    bool has_pre_tokenizer = false, splits_words = false;
    std::string language;
};

// Throws Error(input) naming `where` and the key.
Vocabulary parse_vocabulary(const Json& document, const std::string& where);

}  // namespace testudo::text
