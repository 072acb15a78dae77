#include "asr/sentences.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <string>

namespace testudo::asr {

namespace {

using View = std::u32string_view;

bool in(char32_t c, View set) { return set.find(c) != View::npos; }
bool is_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)); }
bool is_letter(char32_t c) { return u_isalpha(static_cast<UChar32>(c)) || c == U'_'; }
bool is_upper(char32_t c) { return u_isupper(static_cast<UChar32>(c)); }
bool is_lower(char32_t c) { return u_islower(static_cast<UChar32>(c)); }
bool ends_sentence(char32_t c) { return in(c, U".?!"); }

constexpr View not_in_words = U")\";}]*:@'({[‘’“”«»?!";
constexpr View not_first_in_words = U"(\"`{[:;&#*@)}]-,";
constexpr View closing = U"\"')]}‘’“”«»";
constexpr View marks = U";:,.!?";

// "--", "..", ". . ." and longer at `at`: their length, else 0.
std::size_t repeated_mark(View text, std::size_t at) {
    const auto run = [&](char32_t c) {
        std::size_t end = at;
        while (end < text.size() && text[end] == c) ++end;
        return end - at;
    };
    if (at >= text.size()) return 0;
    for (const char32_t c : {U'-', U'.'})
        if (text[at] == c && run(c) >= 2) return run(c);
    std::size_t end = at, dots = 0;
    while (end + 1 < text.size() && text[end] == U'.' && is_space(text[end + 1])) end += 2, ++dots;
    return dots >= 2 && end < text.size() && text[end] == U'.' ? end + 1 - at : 0;
}

// Words keep a period at their end; other marks are tokens of their own.
std::vector<View> tokens_of(View text) {
    std::vector<View> tokens;
    const auto ends_word = [&](std::size_t at) {
        return at == text.size() || is_space(text[at]) || in(text[at], not_in_words) ||
               repeated_mark(text, at) > 0;
    };
    for (std::size_t at = 0; at < text.size();) {
        if (is_space(text[at])) {
            ++at;
            continue;
        }
        std::size_t length = repeated_mark(text, at);
        if (length == 0) {
            length = 1;
            if (!in(text[at], not_first_in_words))
                while (!ends_word(at + length) && !(text[at + length] == U',' && ends_word(at + length + 1)))
                    ++length;
        }
        tokens.push_back(text.substr(at, length));
        at += length;
    }
    return tokens;
}

// -12,000. and the like
bool is_number(View token) {
    std::size_t at = 0;
    if (at < token.size() && token[at] == U'-') ++at;
    if (at < token.size() && in(token[at], U".,")) ++at;
    if (at >= token.size() || !u_isdigit(static_cast<UChar32>(token[at]))) return false;
    return std::all_of(token.begin() + static_cast<std::ptrdiff_t>(at), token.end(),
                       [](char32_t c) { return u_isdigit(static_cast<UChar32>(c)) || in(c, U",.-"); });
}

bool is_break(View token, View next) {
    if (token.size() == 1 && ends_sentence(token[0])) return true;
    if (token.back() != U'.' || token.ends_with(U"..")) return false;
    const bool initial = token.size() == 2 && is_letter(token[0]);
    if (!initial && !is_number(token)) return true;
    // What goes on in lower case or with a mark is no new sentence; a capital after an initial is a name.
    const bool goes_on = is_lower(next[0]) || (next.size() == 1 && in(next[0], marks));
    return !goes_on && !(initial && is_upper(next[0]));
}

bool holds_break(View context) {
    const std::vector<View> tokens = tokens_of(context);
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i)
        if (is_break(tokens[i], tokens[i + 1])) return true;
    return false;
}

// A place where a sentence may end.
struct Candidate {
    std::size_t word = 0, mark = 0;  // where the word before the mark begins; the mark itself
    std::size_t after = 0;           // where what follows ends
    std::size_t next = 0;            // where the next word begins; 0: a mark follows instead
};

std::vector<Candidate> candidates_of(View text) {
    std::vector<Candidate> found;
    std::size_t last_word = 0, last_mark = 0;
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        if (!ends_sentence(text[i])) continue;
        Candidate one{0, i, 0, 0};
        if (in(text[i + 1], not_in_words)) {
            one.after = i + 2;
        } else {
            std::size_t next = i + 1;
            while (next < text.size() && is_space(text[next])) ++next;
            if (next == i + 1 || next == text.size()) continue;
            one.next = one.after = next;
            while (one.after < text.size() && !is_space(text[one.after])) ++one.after;
        }
        one.word = last_word;
        for (std::size_t back = i; back > last_mark + 1; --back)
            if (is_space(text[back - 1])) {
                one.word = back;
                break;
            }
        // The last of several marks behind one word counts.
        if (!found.empty() && last_mark > one.word) found.pop_back();
        found.push_back(one);
        last_word = one.word;
        last_mark = i;
    }
    return found;
}

}  // namespace

std::vector<std::pair<std::size_t, std::size_t>> sentence_spans(View text) {
    std::vector<std::pair<std::size_t, std::size_t>> spans;
    std::size_t begin = 0;
    for (const Candidate& candidate : candidates_of(text)) {
        if (!holds_break(text.substr(candidate.word, candidate.after - candidate.word))) continue;
        spans.emplace_back(begin, candidate.mark + 1);
        begin = candidate.next ? candidate.next : candidate.mark + 1;
    }
    std::size_t length = text.size();
    while (length > 0 && is_space(text[length - 1])) --length;
    spans.emplace_back(std::min(begin, length), length);

    // Closing marks move to the sentence before.
    std::vector<std::pair<std::size_t, std::size_t>> out;
    std::size_t moved = 0;
    for (std::size_t i = 0; i < spans.size(); ++i) {
        const std::size_t first = spans[i].first + moved;
        moved = 0;
        std::size_t last = spans[i].second;
        if (i + 1 < spans.size()) {
            const View next = text.substr(spans[i + 1].first, spans[i + 1].second - spans[i + 1].first);
            std::size_t marks_end = 0;
            while (marks_end < next.size() && in(next[marks_end], closing)) ++marks_end;
            std::size_t space_end = marks_end;
            while (space_end < next.size() && is_space(next[space_end])) ++space_end;
            if (marks_end > 0 && (space_end > marks_end || marks_end == next.size() ||
                                  next.substr(marks_end).starts_with(U"--"))) {
                last = spans[i + 1].first + marks_end;
                moved = space_end;
            }
        }
        if (first < last) out.emplace_back(first, last);
    }
    return out;
}

}  // namespace testudo::asr
