#include <map>
#include <unordered_map>
#include <utility>

#include "core/interrupt.h"
#include "text/tokenizer_file.h"
#include "text/tokenizer_train.h"

namespace testudo::text {

namespace {

struct Word {
    std::vector<int> ids;
    std::int64_t count = 0;
};

// How often each pair occurs, and in which words it may (some no longer).
class Pairs {
  public:
    void add(int left, int right, std::int64_t count, std::size_t word) {
        Pair& pair = pairs_[Vocabulary::pair(left, right)];
        pair.count += count;
        if (count > 0 && (pair.words.empty() || pair.words.back() != word)) pair.words.push_back(word);
    }
    // The most frequent, of these the one of the smallest ids; a count of 0 when none is left.
    std::pair<std::uint64_t, std::int64_t> best() const {
        std::pair<std::uint64_t, std::int64_t> found{0, 0};
        for (const auto& [key, pair] : pairs_)
            if (pair.count > found.second ||
                (pair.count == found.second && pair.count > 0 && key < found.first))
                found = {key, pair.count};
        return found;
    }
    std::vector<std::size_t> take_words(std::uint64_t key) { return std::exchange(pairs_[key].words, {}); }

  private:
    struct Pair {
        std::int64_t count = 0;
        std::vector<std::size_t> words;
    };
    std::unordered_map<std::uint64_t, Pair> pairs_;
};

void count_word(Pairs& pairs, const Word& word, std::size_t index, std::int64_t sign) {
    for (std::size_t i = 0; i + 1 < word.ids.size(); ++i)
        pairs.add(word.ids[i], word.ids[i + 1], sign * word.count, index);
}

void merge_in(Word& word, int left, int right, int merged) {
    std::size_t to = 0;
    for (std::size_t at = 0; at < word.ids.size(); ++to) {
        const bool here = word.ids[at] == left && at + 1 < word.ids.size() && word.ids[at + 1] == right;
        word.ids[to] = here ? merged : word.ids[at];
        at += here ? 2 : 1;
    }
    word.ids.resize(to);
}

}  // namespace

std::vector<PairMerge> merge_pairs(const std::vector<std::pair<std::u32string, std::int64_t>>& words,
                                   const std::u32string& alphabet, int first_id, int size) {
    std::vector<std::u32string> tokens(static_cast<std::size_t>(first_id));
    std::map<std::u32string, int> ids;
    for (const char32_t c : alphabet) {
        ids.emplace(std::u32string(1, c), static_cast<int>(tokens.size()));
        tokens.emplace_back(1, c);
    }
    std::vector<Word> all;
    Pairs pairs;
    for (const auto& [text, count] : words) {
        Word word{{}, count};
        for (const char32_t c : text) word.ids.push_back(ids.at(std::u32string(1, c)));
        count_word(pairs, word, all.size(), +1);
        all.push_back(std::move(word));
    }
    std::vector<PairMerge> merges;
    while (static_cast<int>(tokens.size()) < size && !stop_requested()) {
        const auto [key, count] = pairs.best();
        if (count < 1) break;
        const int left = static_cast<int>(key >> 32), right = static_cast<int>(key & 0xffffffff);
        const PairMerge merge{tokens[static_cast<std::size_t>(left)],
                              tokens[static_cast<std::size_t>(right)]};
        const std::u32string merged = merge.left + merge.right;
        const auto [id, is_new] = ids.emplace(merged, static_cast<int>(tokens.size()));
        if (is_new) tokens.push_back(merged);
        merges.push_back(merge);
        for (const std::size_t index : pairs.take_words(key)) {
            Word& word = all[index];
            count_word(pairs, word, index, -1);
            merge_in(word, left, right, id->second);
            count_word(pairs, word, index, +1);
        }
    }
    return merges;
}

}  // namespace testudo::text
