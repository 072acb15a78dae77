// silero_vad.get_speech_timestamps_from_probs (utils_vad.py of version 6.2.3).
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "asr/voice_activity.h"
#include "core/error.h"
#include "core/strings.h"

namespace testudo::asr {

namespace {

using Samples = std::int64_t;

struct Piece {
    Samples start = 0, end = 0;
};

struct Pause {
    Samples start = 0, length = 0;
};

constexpr double shortest_pause_to_cut_at = 0.098;  // s, where speech is longer than the limit

// Follows the probabilities from window to window.
class Segmenter {
  public:
    explicit Segmenter(const SpeechOptions& options)
        : on_(options.threshold),
          off_(std::max(options.threshold - 0.15, 0.01)),
          min_speech_(speech_rate * options.min_speech),
          min_silence_(speech_rate * options.min_silence),
          longest_(options.max_speech > 0
                       ? speech_rate * (options.max_speech - 2 * options.pad) - speech_window
                       : std::numeric_limits<double>::infinity()) {}

    void window(Samples at, double probability) {
        if (probability >= on_ && silent_since_) {
            const Samples length = at - *silent_since_;
            if (static_cast<double>(length) > speech_rate * shortest_pause_to_cut_at)
                pauses_.push_back({*silent_since_, length});
            silent_since_.reset();
        }
        if (probability >= on_ && !start_) {
            start_ = at;
            return;
        }
        if (start_ && static_cast<double>(at - *start_) > longest_ && !cut(at)) return;
        if (start_ && probability < off_) {
            if (!silent_since_) silent_since_ = at;
            if (static_cast<double>(at - *silent_since_) >= min_silence_) {
                finish(*silent_since_);
                start_.reset();
            }
        }
    }

    std::vector<Piece> end(Samples samples) {
        if (start_) finish(samples);
        return std::move(pieces_);
    }

  private:
    // Ends a piece that is too long, in its longest pause where it has one: the next then begins behind that.
    // Without one it ends here, and the window counts for nothing else (false).
    bool cut(Samples at) {
        const auto longest = std::max_element(
            pauses_.begin(), pauses_.end(), [](const auto& a, const auto& b) { return a.length < b.length; });
        const bool found = longest != pauses_.end();
        pieces_.push_back({*start_, found ? longest->start : at});
        if (found)
            start_ = longest->start + longest->length;
        else
            start_.reset();
        silent_since_.reset();
        pauses_.clear();
        return found;
    }

    void finish(Samples end) {
        if (static_cast<double>(end - *start_) > min_speech_) pieces_.push_back({*start_, end});
        silent_since_.reset();
        pauses_.clear();
    }

    double on_, off_, min_speech_, min_silence_, longest_;
    std::optional<Samples> start_, silent_since_;
    std::vector<Pause> pauses_;  // of the present piece, longer than shortest_pause_to_cut_at
    std::vector<Piece> pieces_;
};

// Each piece grows by `pad` at both ends; where two would meet, each takes half of what lies between.
void grow(std::vector<Piece>& pieces, double pad, Samples samples) {
    const auto whole = [](double value) { return static_cast<Samples>(value); };
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        Piece& piece = pieces[i];
        if (i == 0) piece.start = whole(std::max(0.0, static_cast<double>(piece.start) - pad));
        if (i + 1 == pieces.size()) {
            piece.end = whole(std::min(static_cast<double>(samples), static_cast<double>(piece.end) + pad));
            break;
        }
        Piece& next = pieces[i + 1];
        const Samples between = next.start - piece.end;
        if (static_cast<double>(between) < 2 * pad) {
            piece.end += between / 2;
            next.start -= between / 2;
        } else {
            piece.end = whole(static_cast<double>(piece.end) + pad);
            next.start = whole(static_cast<double>(next.start) - pad);
        }
    }
}

}  // namespace

std::vector<Span> speech_spans(std::span<const float> probabilities, std::size_t samples,
                               const SpeechOptions& options) {
    if (!(options.threshold > 0 && options.threshold < 1))
        throw usage_error(cat("a speech threshold of ", options.threshold, " is not possible"),
                          "Give a probability between 0 and 1, e.g. 0.5.");
    if (!(options.pad >= 0 && options.min_speech >= 0 && options.min_silence >= 0 && options.max_speech >= 0))
        throw usage_error("lengths of speech, silence and padding must not be negative", "Give seconds.");
    const auto all = static_cast<Samples>(samples);
    Segmenter segmenter(options);
    for (std::size_t i = 0; i < probabilities.size(); ++i)
        segmenter.window(static_cast<Samples>(i) * speech_window, probabilities[i]);
    std::vector<Piece> pieces = segmenter.end(all);
    grow(pieces, speech_rate * options.pad, all);
    std::vector<Span> spans;
    for (const Piece& piece : pieces)
        spans.push_back(
            {static_cast<double>(piece.start) / speech_rate, static_cast<double>(piece.end) / speech_rate});
    return spans;
}

}  // namespace testudo::asr
