#include <algorithm>

#include "dataset/edit_parts.h"
#include "dataset/segment_text.h"

namespace testudo::dataset {

namespace {

using asr::Segment;

// Between word index - 1 and word index.
SplitPlace cut_at_word(const Segment& segment, const std::u32string& text, std::size_t index) {
    const auto& words = *segment.words;
    return {place_of_word(text, words, index), rounded((words[index - 1].end + words[index].start) / 2),
            index};
}

SplitPlace cut_between_words(const Segment& segment, const std::u32string& text, const Edit& edit) {
    const auto& words = *segment.words;
    const std::size_t count = words.size();
    std::size_t best = 1;
    double distance = 1e18;
    const auto nearest = [&](const auto& distance_of) {
        for (std::size_t k = 1; k < count; ++k)
            if (const double one = distance_of(k); one < distance) {
                distance = one;
                best = k;
            }
    };
    if (edit.word) {
        if (*edit.word < 2 || *edit.word > static_cast<std::int64_t>(count))
            refuse(edit, cat("the segment has ", count, " words"),
                   cat("Name a word from 2 to ", count, ": the first of the second part."));
        best = static_cast<std::size_t>(*edit.word - 1);
    } else if (edit.character) {
        nearest([&](std::size_t k) {
            return std::abs(static_cast<double>(place_of_word(text, words, k)) -
                            static_cast<double>(*edit.character));
        });
    } else {
        nearest([&](std::size_t k) {
            return std::max({words[k - 1].end - *edit.time, *edit.time - words[k].start, 0.0});
        });
    }
    SplitPlace cut = cut_at_word(segment, text, best);
    if (edit.time) {
        const double low = words[best - 1].end, high = words[best].start;
        const bool exact = edit.word || edit.character || low > high;
        cut.time = exact ? *edit.time : std::clamp(*edit.time, low, high);
    }
    return cut;
}

// No word times: time and text are taken to run evenly.
SplitPlace cut_evenly(const Segment& segment, const std::u32string& text, const Edit& edit) {
    const std::vector<std::size_t> places = word_places(text);
    const auto size = static_cast<double>(text.size());
    SplitPlace cut;
    if (edit.word) {
        if (*edit.word < 2 || *edit.word > static_cast<std::int64_t>(places.size()) + 1)
            refuse(edit, cat("the text has ", places.size() + 1, " words"),
                   places.empty()
                       ? "Say at which character: --character."
                       : cat("Name a word from 2 to ", places.size() + 1, ": the first of the second part."));
        cut.characters = places[static_cast<std::size_t>(*edit.word - 2)];
    } else if (edit.character) {
        cut.characters = static_cast<std::size_t>(*edit.character);
    } else {
        const double wanted = size * (*edit.time - segment.start) / (segment.end - segment.start);
        cut.characters =
            static_cast<std::size_t>(std::clamp(std::round(wanted), 1.0, std::max(1.0, size - 1)));
        if (!places.empty())
            cut.characters = *std::min_element(places.begin(), places.end(), [&](auto a, auto b) {
                return std::abs(static_cast<double>(a) - wanted) < std::abs(static_cast<double>(b) - wanted);
            });
    }
    cut.time = edit.time ? *edit.time
                         : rounded(segment.start + (segment.end - segment.start) *
                                                       static_cast<double>(cut.characters) / size);
    return cut;
}

}  // namespace

SplitPlace place_of_split(const Segment& segment, const std::u32string& text, const Edit& edit) {
    if (edit.character && (*edit.character < 1 || *edit.character >= static_cast<std::int64_t>(text.size())))
        refuse(edit, cat("the text has ", text.size(), " characters"),
               "Name a character between them, counted from 0, a leading space included.");
    const bool timed = segment.words && segment.words->size() > 1;
    return timed ? cut_between_words(segment, text, edit) : cut_evenly(segment, text, edit);
}

}  // namespace testudo::dataset
