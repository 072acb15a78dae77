#include "dataset/cut_points.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace testudo::dataset {

namespace {

constexpr double hop = 0.005;            // s between the places that are tried
constexpr double words_agree = 0.3;      // s between a segment's time and its first or last word's
constexpr double widest_move = 1;        // s from a segment's time to the edge of the word it lies in
constexpr double same_time = 1e-9;       // s
constexpr double inaudible = 1e-8;       // power: -80 dB, below which no place is quieter than another
constexpr std::ptrdiff_t half_mean = 2;  // places: frames of 10 ms every 5 ms, five of them make 30 ms

struct Range {
    double from = 0, to = 0;
};

// Level in dB at every multiple of `hop`.
class Loudness {
  public:
    explicit Loudness(const audio::Clip& clip) {
        const auto samples = static_cast<std::ptrdiff_t>(clip.samples.size());
        const auto place = [&](std::ptrdiff_t i) {
            return std::min(
                samples, static_cast<std::ptrdiff_t>(std::llround(static_cast<double>(i) * hop * clip.rate)));
        };
        const auto places = static_cast<std::ptrdiff_t>(clip.seconds() / hop) + 1;
        std::vector<double> energy(static_cast<std::size_t>(places + 1));  // of the hop that begins there
        for (std::ptrdiff_t i = 0; i <= places; ++i) {
            float sum = 0;
            for (std::ptrdiff_t n = place(i); n < place(i + 1); ++n) {
                const float sample = clip.samples[static_cast<std::size_t>(n)];
                sum += sample * sample;
            }
            energy[static_cast<std::size_t>(i)] = static_cast<double>(sum) / (hop * clip.rate);
        }
        // The power of 10 ms around a place is the mean of the hops before and after it.
        levels_.resize(static_cast<std::size_t>(places));
        for (std::ptrdiff_t i = 0; i < places; ++i) {
            double sum = 0, weight = 0;
            for (std::ptrdiff_t j = i - half_mean - 1; j <= i + half_mean; ++j) {
                if (j < 0 || j > places) continue;
                const bool edge = j == i - half_mean - 1 || j == i + half_mean;
                sum += energy[static_cast<std::size_t>(j)] * (edge ? 1 : 2);
                weight += edge ? 1 : 2;
            }
            levels_[static_cast<std::size_t>(i)] = 10 * std::log10(std::max(sum / weight, inaudible));
        }
    }

    std::ptrdiff_t places() const { return static_cast<std::ptrdiff_t>(levels_.size()); }
    double operator[](std::ptrdiff_t place) const { return levels_[static_cast<std::size_t>(place)]; }

  private:
    std::vector<double> levels_;
};

// One end of a segment: where it may be cut, and where it would best be if all were quiet.
struct End {
    Range range;
    double wanted = 0;
    double own = 0;  // where its speech begins or ends: taken where nothing of the range lies outside words
};

std::string without_spaces(const std::string& text) {
    std::string out;
    for (const char c : text)
        if (c != ' ') out += c;
    return out;
}

// The words that the text still has, when some were taken away at its ends; all when others were joined to
// it.
std::vector<asr::Word> words_in_text(const asr::Segment& segment, const std::string& text) {
    std::vector<asr::Word> words = segment.words.value_or(std::vector<asr::Word>{});
    std::string said;
    for (const auto& word : words) said += without_spaces(word.text);
    if (text.starts_with(said)) return words;
    while (!words.empty() && !text.ends_with(without_spaces(words.back().text))) words.pop_back();
    while (!words.empty() && !text.starts_with(without_spaces(words.front().text)))
        words.erase(words.begin());
    return words;
}

// Where a segment's speech begins and ends: by its words, where they can be trusted.
struct Speech {
    double from = 0, to = 0;  // s
    bool from_word = false, to_word = false;
};

Speech speech_of(const asr::Segment& segment) {
    Speech speech{segment.start, segment.end};
    const std::string text = without_spaces(segment.text);
    const std::vector<asr::Word> words = words_in_text(segment, text);
    if (words.empty()) return speech;
    const auto &first = words.front(), &last = words.back();
    speech.from_word = std::abs(first.start - segment.start) <= words_agree;
    speech.to_word =
        text.ends_with(without_spaces(last.text)) && std::abs(last.end - segment.end) <= words_agree;
    if (speech.from_word) speech.from = first.start;
    if (speech.to_word) speech.to = last.end;
    return speech;
}

class Cutter {
  public:
    Cutter(const audio::Clip& recording, const std::vector<asr::Segment>& segments, const CutOptions& options)
        : options_(options), length_(recording.seconds()), loudness_(recording), segments_(segments) {
        for (const auto& segment : segments) {
            speech_.push_back(speech_of(segment));
            if (!segment.words) continue;
            for (const auto& word : *segment.words) words_.push_back({word.start, word.end});
        }
        std::sort(words_.begin(), words_.end(),
                  [](const Range& a, const Range& b) { return a.from < b.from; });
        // Words that overlap are one stretch without a place to cut.
        std::vector<Range> joined;
        for (const Range& word : words_) {
            if (!joined.empty() && word.from < joined.back().to)
                joined.back().to = std::max(joined.back().to, word.to);
            else
                joined.push_back(word);
        }
        words_ = std::move(joined);
    }

    std::vector<CutPoints> run() const {
        std::vector<std::size_t> order(segments_.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return segments_[a].start < segments_[b].start;
        });
        std::vector<CutPoints> points(segments_.size());
        for (std::size_t i = 0; i < order.size(); ++i) {
            const std::size_t here = order[i];
            if (i == 0) points[here].start = quietest(start_of(here, 0));
            if (i + 1 == order.size())
                points[here].end = quietest(end_of(here, length_));
            else
                cut_between(here, order[i + 1], points);
        }
        for (std::size_t i = 0; i < points.size(); ++i)
            if (points[i].start >= points[i].end) points[i] = around_words(segments_[i]);
        return points;
    }

  private:
    End start_of(std::size_t i, double not_before) const {
        const Speech& speech = speech_[i];
        if (!speech.from_word)
            return {{std::max(speech.from - options_.reach, not_before), speech.from + options_.reach},
                    speech.from,
                    speech.from};
        return {{std::max(speech.from - options_.front - options_.search, not_before), speech.from},
                speech.from - options_.front,
                speech.from};
    }

    End end_of(std::size_t i, double not_after) const {
        const Speech& speech = speech_[i];
        if (!speech.to_word)
            return {{speech.to - options_.reach, std::min(speech.to + options_.reach, not_after)},
                    speech.to,
                    speech.to};
        return {{speech.to, std::min(speech.to + options_.back + options_.search, not_after)},
                speech.to + options_.back,
                speech.to};
    }

    // The segment's own times, moved outwards to the edge of the word they lie in.
    CutPoints around_words(const asr::Segment& segment) const {
        const Range* first = word_at(segment.start);
        const Range* last = word_at(segment.end);
        return {first && segment.start - first->from <= widest_move ? first->from : segment.start,
                last && last->to - segment.end <= widest_move ? last->to : segment.end};
    }

    void cut_between(std::size_t before, std::size_t after, std::vector<CutPoints>& points) const {
        const double speech_ends = speech_[before].to, speech_begins = speech_[after].from;
        const bool overlapping = speech_begins < speech_ends;
        const End end = end_of(before, overlapping || !speech_[after].from_word ? length_ : speech_begins);
        const End start = start_of(after, overlapping || !speech_[before].to_word ? 0 : speech_ends);
        points[before].end = quietest(end);
        points[after].start = quietest(start);
        if (points[before].end <= points[after].start) return;
        const Range both{std::max(end.range.from, start.range.from), std::min(end.range.to, start.range.to)};
        // Words of both at the same time: each keeps its own.
        if (both.from > both.to || (overlapping && speech_[before].to_word && speech_[after].from_word))
            return;
        const double middle = (std::max(speech_ends, both.from) + std::min(speech_begins, both.to)) / 2;
        points[before].end = points[after].start = quietest({both, middle, middle});
    }

    // Nearest to `wanted` of the places that are about as quiet as the quietest one.
    double quietest(const End& end) const {
        const double from = std::max(end.range.from, 0.0), to = std::min(end.range.to, length_);
        auto first = static_cast<std::ptrdiff_t>(std::ceil(from / hop - 1e-6));
        const auto last =
            std::min(static_cast<std::ptrdiff_t>(std::floor(to / hop + 1e-6)), loudness_.places() - 1);
        std::vector<std::ptrdiff_t> places;
        double least = 0;
        for (; first <= last; ++first) {
            const double time = static_cast<double>(first) * hop;
            if (time < from || time > to || word_at(time)) continue;
            least = places.empty() ? loudness_[first] : std::min(least, loudness_[first]);
            places.push_back(first);
        }
        double best = outside_words(end.own), distance = -1;
        for (const std::ptrdiff_t place : places) {
            if (loudness_[place] > least + options_.equally_quiet) continue;
            const double time = static_cast<double>(place) * hop;
            if (const double away = std::abs(time - end.wanted); distance < 0 || away < distance)
                best = time, distance = away;
        }
        return best;
    }

    double outside_words(double time) const {
        const Range* word = word_at(time);
        if (!word || std::min(time - word->from, word->to - time) > widest_move) return time;
        return time - word->from < word->to - time ? word->from : word->to;
    }

    // The stretch of words that `time` lies inside of; null when it lies in none, or at an edge.
    const Range* word_at(double time) const {
        const auto after = std::upper_bound(words_.begin(), words_.end(), time,
                                            [](double t, const Range& word) { return t < word.from; });
        if (after == words_.begin()) return nullptr;
        const Range& word = *std::prev(after);
        return word.from + same_time < time && time < word.to - same_time ? &word : nullptr;
    }

    CutOptions options_;
    double length_;
    Loudness loudness_;
    const std::vector<asr::Segment>& segments_;
    std::vector<Speech> speech_;
    std::vector<Range> words_;
};

}  // namespace

std::vector<CutPoints> quiet_cut_points(const audio::Clip& recording,
                                        const std::vector<asr::Segment>& segments,
                                        const CutOptions& options) {
    if (recording.samples.empty() || recording.rate <= 0) {
        std::vector<CutPoints> points;
        for (const auto& segment : segments) points.push_back({segment.start, segment.end});
        return points;
    }
    return Cutter(recording, segments, options).run();
}

}  // namespace testudo::dataset
