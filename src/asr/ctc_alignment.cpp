#include "asr/ctc_alignment.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>

#include "asr/sentences.h"
#include "core/error.h"
#include "core/strings.h"

namespace testudo::asr {

namespace {

using Time = std::optional<double>;
constexpr int rate = 16000;

// As Python's round(x, 3).
double thousandths(double value) {
    char text[64];
    std::snprintf(text, sizeof text, "%.3f", value);
    return std::strtod(text, nullptr);
}

bool is_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)); }

struct Spelt {
    std::u32string text;
    std::vector<std::int64_t> tokens;  // of the characters that are aligned
    std::vector<std::size_t> places;   // of these in the text
    bool wildcard = false;             // the last column stands for any character
};

Spelt spell(const std::string& text, const CtcLabels& labels, bool spaced, std::int64_t wildcard) {
    Spelt out;
    out.text = code_points(text);
    std::size_t first = 0, last = out.text.size();
    while (first < last && is_space(out.text[first])) ++first;
    while (last > first && is_space(out.text[last - 1])) --last;
    for (std::size_t i = first; i < last; ++i) {
        auto c = static_cast<char32_t>(u_tolower(static_cast<UChar32>(out.text[i])));
        if (spaced && c == U' ') c = U'|';
        const auto found = labels.columns.find(c);
        if (found == labels.columns.end() && (c == U' ' || c == U'|')) continue;
        out.wildcard = out.wildcard || found == labels.columns.end();
        out.tokens.push_back(found == labels.columns.end() ? wildcard : found->second);
        out.places.push_back(i);
    }
    return out;
}

struct Character {
    Time start, end, score;
    std::size_t word = 0;
};

void widen(Time& start, Time& end, const Character& character, bool also_end = true) {
    if (character.start && (!start || *character.start < *start)) start = character.start;
    if (also_end && character.end && (!end || *character.end > *end)) end = character.end;
}

// Missing times are those of the nearest neighbour, the earlier one of two.
template <class Item, class Get>
void fill_from_neighbours(std::vector<Item>& items, const Get& time_of) {
    std::vector<Time> known;
    for (Item& item : items) known.push_back(time_of(item));
    for (std::size_t i = 0; i < items.size(); ++i)
        for (std::size_t far = 1; !known[i] && far < items.size() && !time_of(items[i]); ++far) {
            if (i >= far && known[i - far])
                time_of(items[i]) = known[i - far];
            else if (i + far < items.size() && known[i + far])
                time_of(items[i]) = known[i + far];
        }
}

struct Sentence {
    Time start, end;
    std::string text;
    std::vector<AlignedWord> words;
    std::vector<AlignedCharacter> characters;
};

// Characters [first, past_last) of the text; words are what of them lies inside.
Sentence make_sentence(std::u32string_view text, const std::vector<Character>& characters, std::size_t first,
                       std::size_t past_last) {
    Sentence sentence;
    for (std::size_t i = first; i < past_last; ++i) {
        const Character& c = characters[i];
        widen(sentence.start, sentence.end, c, text[i] != U' ');
        sentence.characters.push_back({to_utf8(text.substr(i, 1)), c.start, c.end, c.score});
    }
    for (std::size_t i = first; i < past_last;) {
        std::u32string letters;
        AlignedWord word;
        double sum = 0;
        int scored = 0;
        const std::size_t which = characters[i].word;
        for (; i < past_last && characters[i].word == which; ++i) {
            letters += text[i];
            if (text[i] == U' ') continue;
            widen(word.start, word.end, characters[i]);
            if (characters[i].score) sum += *characters[i].score, ++scored;
        }
        const auto visible = [](char32_t c) { return !is_space(c); };
        const auto begin = std::find_if(letters.begin(), letters.end(), visible);
        const auto end = std::find_if(letters.rbegin(), letters.rend(), visible).base();
        if (begin == letters.end()) continue;
        word.text = to_utf8(std::u32string(begin, end));
        if (scored) word.score = thousandths(sum / scored);
        sentence.words.push_back(std::move(word));
    }
    fill_from_neighbours(sentence.words, [](AlignedWord& word) -> Time& { return word.start; });
    fill_from_neighbours(sentence.words, [](AlignedWord& word) -> Time& { return word.end; });
    return sentence;
}

std::vector<Character> time_characters(const Spelt& spelt, const std::vector<CtcRun>& runs, double start,
                                       double seconds_per_frame, bool spaced) {
    std::vector<Character> characters(spelt.text.size());
    for (std::size_t i = 0, word = 0; i < characters.size(); ++i) {
        characters[i].word = word;
        if (!spaced || i + 1 == characters.size() || spelt.text[i + 1] == U' ') ++word;
    }
    for (const CtcRun& run : runs) {
        Character& character = characters[spelt.places[run.token]];
        character.start = thousandths(static_cast<double>(run.first) * seconds_per_frame + start);
        character.end = thousandths(static_cast<double>(run.past_last) * seconds_per_frame + start);
        character.score = thousandths(run.score);
    }
    return characters;
}

void add_sentences(std::vector<AlignedSentence>& out, const SpokenSegment& segment, const Spelt& spelt,
                   const std::vector<Character>& characters, bool spaced) {
    std::vector<Sentence> sentences;
    for (const auto& [first, last] : sentence_spans(spelt.text)) {
        // The character after a sentence counts to it, too.
        sentences.push_back(
            make_sentence(spelt.text, characters, first, std::min(last + 1, characters.size())));
        sentences.back().text = to_utf8(std::u32string_view(spelt.text).substr(first, last - first));
    }
    fill_from_neighbours(sentences, [](Sentence& sentence) -> Time& { return sentence.start; });
    fill_from_neighbours(sentences, [](Sentence& sentence) -> Time& { return sentence.end; });
    // In order of their times; those of the same times are one.
    std::map<std::pair<double, double>, AlignedSentence> sorted;
    for (Sentence& sentence : sentences) {
        if (!sentence.start || !sentence.end) continue;
        const auto [place, added] = sorted.try_emplace({*sentence.start, *sentence.end});
        AlignedSentence& one = place->second;
        one.start = *sentence.start;
        one.end = *sentence.end;
        one.avg_logprob = segment.avg_logprob;
        one.text += (added || !spaced ? "" : " ") + sentence.text;
        std::move(sentence.words.begin(), sentence.words.end(), std::back_inserter(one.words));
        std::move(sentence.characters.begin(), sentence.characters.end(), std::back_inserter(one.characters));
    }
    for (auto& [times, sentence] : sorted) out.push_back(std::move(sentence));
}

}  // namespace

void check_labels(const CtcLabels& labels, std::int64_t columns) {
    bool fits = labels.blank >= 0 && labels.blank < columns;
    for (const auto& [character, column] : labels.columns) fits = fits && column >= 0 && column < columns;
    if (!fits)
        throw input_error(cat("the acoustic model has ", columns, " outputs, and its labels name others"),
                          "Give the model the vocabulary it was published with.");
}

std::vector<AlignedSentence> align_text(std::span<const SpokenSegment> segments, const CtcLabels& labels,
                                        const std::string& language, double duration, const Emit& emit) {
    c10::InferenceMode inference;
    const bool spaced = language != "ja" && language != "zh";
    std::vector<AlignedSentence> out;
    for (const SpokenSegment& segment : segments) {
        const auto keep = [&] {
            out.push_back({segment.start, segment.end, segment.text, {}, {}, segment.avg_logprob});
        };
        if (segment.start >= duration || spell(segment.text, labels, spaced, 0).tokens.empty()) {
            keep();
            continue;
        }
        at::Tensor emission = at::log_softmax(emit(static_cast<std::int64_t>(segment.start * rate),
                                                   static_cast<std::int64_t>(segment.end * rate))
                                                  .to(at::kFloat),
                                              -1)
                                  .contiguous();
        const std::int64_t columns = emission.size(1);
        check_labels(labels, columns);
        const Spelt spelt = spell(segment.text, labels, spaced, columns);
        if (spelt.wildcard) {
            at::Tensor spoken = emission.clone();
            spoken.select(1, labels.blank).fill_(-std::numeric_limits<float>::infinity());
            emission = at::cat({emission, std::get<0>(spoken.max(1, true))}, 1);
        }
        const at::Tensor trellis = ctc_trellis(emission, spelt.tokens, labels.blank);
        const std::vector<CtcRun> runs =
            merge_repeats(ctc_backtrack(trellis, emission, spelt.tokens, labels.blank));
        if (runs.empty()) {
            keep();
            continue;
        }
        const double seconds_per_frame =
            (segment.end - segment.start) / static_cast<double>(trellis.size(0) - 1);
        add_sentences(out, segment, spelt,
                      time_characters(spelt, runs, segment.start, seconds_per_frame, spaced), spaced);
    }
    return out;
}

}  // namespace testudo::asr
