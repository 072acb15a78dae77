#include "asr/packed_sound.h"

#include <algorithm>
#include <cmath>

namespace testudo::asr {

namespace {

double overlap(const KeptPiece& piece, double start, double end) {
    return std::min(piece.packed + piece.length, end) - std::max(piece.packed, start);
}

// s; how far the times of Whisper may be off where words do not say better. What is shorter behind a seam, or
// before it, is taken for such an error: a segment stretched over a pause of any length is worse than one
// that lacks a syllable.
constexpr double off_by = 0.6;

double thousandths(double seconds) { return std::round(seconds * 1000) / 1000; }

class Unpacker {
  public:
    Unpacker(const std::vector<KeptPiece>& pieces, double pad) : pieces_(pieces), pad_(pad) {}

    std::vector<Segment> divide(Segment segment) const {
        if (segment.seek)
            segment.seek = std::llround(in_recording(static_cast<double>(*segment.seek) / 100) * 100);
        std::vector<Segment> out;
        if (segment.words && !segment.words->empty()) {
            std::vector<Word> words = std::move(*segment.words);
            const std::size_t first = home(words.front().start, words.front().end),
                              last = home(words.back().start, words.back().end);
            if (first != last) return by_words(segment, std::move(words));
            // Its own times reach as far as its words' piece does.
            place(segment, first, first);
            for (Word& word : words) place(word, first, first);
            segment.words = std::move(words);
        } else {
            limit(segment);
        }
        out.push_back(std::move(segment));
        return out;
    }

  private:
    // The piece that most of [start, end] lies in.
    std::size_t home(double start, double end) const {
        std::size_t best = 0;
        for (std::size_t i = 1; i < pieces_.size(); ++i)
            if (overlap(pieces_[i], start, end) > overlap(pieces_[best], start, end)) best = i;
        return best;
    }

    double in_piece(std::size_t piece, double time) const {
        const KeptPiece& kept = pieces_[piece];
        return kept.begin + std::clamp(time - kept.packed, 0.0, kept.length);
    }

    double in_recording(double time) const { return in_piece(home(time, time), time); }

    template <class Timed>
    void place(Timed& timed, std::size_t first, std::size_t last) const {
        timed.start = thousandths(in_piece(first, timed.start));
        timed.end = thousandths(in_piece(last, timed.end));
    }

    void limit(Segment& segment) const {
        const std::size_t best = home(segment.start, segment.end);
        std::size_t first = best, last = best;
        const auto holds_speech = [&](std::size_t i) {
            return overlap(pieces_[i], segment.start, segment.end) > pad_ + off_by;
        };
        for (std::size_t i = 0; i < pieces_.size(); ++i)
            if (holds_speech(i)) {
                first = std::min(first, i);
                last = std::max(last, i);
            }
        place(segment, first, last);
    }

    std::vector<Segment> by_words(const Segment& segment, std::vector<Word> words) const {
        std::vector<Segment> out;
        std::size_t before = pieces_.size();
        for (Word& word : words) {
            const std::size_t piece = home(word.start, word.end);
            if (piece != before) {
                out.push_back(segment);
                out.back().text.clear();
                out.back().tokens.reset();
                out.back().words.emplace();
                before = piece;
            }
            place(word, piece, piece);
            Segment& part = out.back();
            if (part.words->empty()) part.start = word.start;
            part.end = word.end;
            part.text += word.text;
            part.words->push_back(std::move(word));
        }
        return out;
    }

    const std::vector<KeptPiece>& pieces_;
    double pad_;
};

}  // namespace

PackedSound pack_speech(const audio::Clip& clip, const std::vector<Span>& speech, const Packing& packing) {
    PackedSound out;
    out.clip.rate = clip.rate;
    const auto samples = static_cast<std::int64_t>(clip.samples.size());
    const auto sample_at = [&](double seconds) {
        return std::clamp<std::int64_t>(std::llround(seconds * clip.rate), 0, samples);
    };
    struct Kept {
        std::int64_t first, past_last;
    };
    std::vector<Kept> kept;
    for (const Span& span : speech) {
        const Kept one{sample_at(span.start - packing.pad), sample_at(span.end + packing.pad)};
        if (!kept.empty() && one.first - kept.back().past_last < sample_at(packing.shortest_cut))
            kept.back().past_last = one.past_last;
        else
            kept.push_back(one);
    }
    std::int64_t total = 0;
    for (const Kept& one : kept) total += one.past_last - one.first;
    out.clip.samples.reserve(static_cast<std::size_t>(total));
    const auto seconds = [&](std::size_t count) { return static_cast<double>(count) / clip.rate; };
    for (const Kept& one : kept) {
        const auto begin = static_cast<std::size_t>(one.first),
                   count = static_cast<std::size_t>(one.past_last) - begin;
        out.pieces.push_back({seconds(begin), seconds(out.clip.samples.size()), seconds(count)});
        out.clip.samples.insert(out.clip.samples.end(), clip.samples.begin() + one.first,
                                clip.samples.begin() + one.past_last);
    }
    return out;
}

void unpack_times(Transcript& transcript, const PackedSound& sound, const Packing& packing) {
    if (sound.pieces.empty()) return;
    const Unpacker unpacker(sound.pieces, packing.pad);
    std::vector<Segment> segments;
    for (Segment& segment : transcript.segments)
        for (Segment& part : unpacker.divide(std::move(segment))) {
            part.id = static_cast<std::int64_t>(segments.size());
            segments.push_back(std::move(part));
        }
    transcript.segments = std::move(segments);
}

}  // namespace testudo::asr
