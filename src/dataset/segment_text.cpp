#include "dataset/segment_text.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/strings.h"

namespace testudo::dataset {

namespace {

bool is_space(char32_t c) { return c == U' ' || (c >= 9 && c <= 13) || c == 0xA0 || c == 0x3000; }

// Chinese, Japanese, Thai, Lao, Burmese, Khmer: written without spaces between words.
bool is_unspaced(char32_t c) {
    return (c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17FF) ||
           (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF00 && c <= 0xFFEF) ||
           (c >= 0x20000 && c <= 0x3FFFF);
}

std::u32string trimmed(const std::u32string& text) {
    std::size_t first = 0, past_last = text.size();
    while (first < past_last && is_space(text[first])) ++first;
    while (past_last > first && is_space(text[past_last - 1])) --past_last;
    return text.substr(first, past_last - first);
}

// Words of a text, each with the white space before it; every sign of an unspaced script is one.
std::vector<std::u32string> pieces_of(const std::u32string& text) {
    std::vector<std::u32string> pieces;
    bool space = true;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool begins = is_space(text[i])
                                ? !space
                                : i > 0 && !space && (is_unspaced(text[i]) || is_unspaced(text[i - 1]));
        if (pieces.empty() || begins) pieces.emplace_back();
        pieces.back() += text[i];
        space = is_space(text[i]);
    }
    if (pieces.size() > 1 && trimmed(pieces.back()).empty()) {
        pieces[pieces.size() - 2] += pieces.back();
        pieces.pop_back();
    }
    if (!pieces.empty() && trimmed(pieces.back()).empty()) pieces.clear();
    return pieces;
}

using Join = std::function<std::string(const std::string&, const std::string&)>;

std::string join_texts(const std::vector<asr::Segment>& segments, std::size_t first, std::size_t past_last,
                       const Join& join) {
    std::string out;
    for (std::size_t i = first; i < past_last; ++i)
        out = i == first ? segments[i].text : join(out, segments[i].text);
    return out;
}

// The old text with the one place that holds `old_piece` exchanged; empty when there is not just one.
std::string exchanged(const std::string& text, const std::string& old_piece, const std::string& new_piece) {
    const auto at = old_piece.empty() ? std::string::npos : text.find(old_piece);
    if (at == std::string::npos || text.find(old_piece, at + 1) != std::string::npos) return {};
    std::string out = text.substr(0, at) + new_piece + text.substr(at + old_piece.size());
    if (new_piece.empty() && at > 0 && out[at - 1] == ' ') out.erase(at - 1, 1);
    return out;
}

}  // namespace

std::vector<std::size_t> word_places(const std::u32string& text) {
    std::vector<std::size_t> places;
    std::size_t at = 0;
    for (const auto& piece : pieces_of(text)) {
        if (at > 0) places.push_back(at);
        at += piece.size();
    }
    return places;
}

std::size_t place_of_word(const std::u32string& text, const std::vector<asr::Word>& words,
                          std::size_t index) {
    std::size_t end = 0;  // of the word before
    for (std::size_t i = 0; i <= index; ++i) {
        const std::u32string word = trimmed(code_points(words[i].text));
        const std::size_t start = text.find(word, end);
        if (start == std::u32string::npos) break;
        if (i == index) {
            for (std::size_t place = end; place < start; ++place)
                if (is_space(text[place])) return place;
            return start;
        }
        end = start + word.size();
    }
    const double share = static_cast<double>(index) / static_cast<double>(words.size());
    const double wanted = share * static_cast<double>(text.size());
    std::size_t best = std::min(text.size(), static_cast<std::size_t>(std::lround(wanted)));
    double distance = 1e18;
    for (const std::size_t place : word_places(text))
        if (std::abs(static_cast<double>(place) - wanted) < distance) {
            distance = std::abs(static_cast<double>(place) - wanted);
            best = place;
        }
    return best;
}

bool begins_unspaced(const std::string& text) {
    const std::u32string points = trimmed(code_points(text));
    return !points.empty() && is_unspaced(points[0]);
}

std::string joined(const std::string& first, const std::string& second) {
    const std::u32string a = code_points(first), b = code_points(second);
    if (a.empty() || b.empty() || is_space(a.back()) || is_space(b.front()) || is_unspaced(a.back()) ||
        is_unspaced(b.front()))
        return first + second;
    return first + " " + second;
}

std::string in_style_of(const std::string& old_text, const std::string& new_text) {
    const std::string text = to_utf8(trimmed(code_points(new_text)));
    return !text.empty() && old_text.starts_with(' ') ? " " + text : text;
}

std::vector<asr::Word> retimed_words(const std::vector<asr::Word>& words, const std::string& text) {
    const std::vector<std::u32string> pieces = pieces_of(code_points(text));
    if (words.empty() || pieces.empty()) return {};
    const auto same = [&](std::size_t word, std::size_t piece) {
        return trimmed(code_points(words[word].text)) == trimmed(pieces[piece]);
    };
    const std::size_t most = std::min(words.size(), pieces.size());
    std::size_t front = 0, back = 0;
    while (front < most && same(front, front)) ++front;
    while (back < most - front && same(words.size() - 1 - back, pieces.size() - 1 - back)) ++back;
    // What was put between two words shares the time of one of them.
    if (front + back == words.size() && front + back < pieces.size()) (front > 0 ? front : back) -= 1;

    std::vector<asr::Word> out(words.begin(), words.begin() + static_cast<long>(front));
    const std::size_t past_new = pieces.size() - back;
    if (front < past_new) {
        const double start = words[front].start, end = words[words.size() - 1 - back].end;
        std::size_t letters = 0, before = 0;
        for (std::size_t i = front; i < past_new; ++i) letters += pieces[i].size();
        const auto time = [&](std::size_t count) {
            return std::round(
                       (start + (end - start) * static_cast<double>(count) / static_cast<double>(letters)) *
                       1000) /
                   1000;
        };
        for (std::size_t i = front; i < past_new; ++i) {
            asr::Word word;
            word.start = i == front ? start : time(before);
            before += pieces[i].size();
            word.end = i + 1 == past_new ? end : time(before);
            word.text = to_utf8(pieces[i]);
            out.push_back(std::move(word));
        }
    }
    out.insert(out.end(), words.end() - static_cast<long>(back), words.end());
    return out;
}

std::string whole_text(const asr::Transcript& before, const std::vector<asr::Segment>& after) {
    const auto& old = before.segments;
    std::size_t front = 0, back = 0;
    const std::size_t most = std::min(old.size(), after.size());
    while (front < most && old[front].text == after[front].text) ++front;
    while (back < most - front && old[old.size() - 1 - back].text == after[after.size() - 1 - back].text)
        ++back;
    const std::string old_piece = join_texts(old, front, old.size() - back, joined),
                      new_piece = join_texts(after, front, after.size() - back, joined);
    if (old_piece == new_piece) return before.text;

    const Join close = [](const std::string& a, const std::string& b) { return a + b; };
    const Join spaced = [](const std::string& a, const std::string& b) { return a + " " + b; };
    for (const Join& join : {Join(joined), close, spaced})
        if (trim(join_texts(old, 0, old.size(), join)) == trim(before.text))
            return join_texts(after, 0, after.size(), join);
    const std::string out = exchanged(before.text, trim(old_piece), trim(new_piece));
    return out.empty() ? join_texts(after, 0, after.size(), joined) : out;
}

}  // namespace testudo::dataset
