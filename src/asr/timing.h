#pragma once
// When each word was said: cross-attention of the alignment heads, dynamic time warping, and the rules that
// mend its known faults (openai/whisper timing.py).
#include <ATen/ATen.h>

#include <string>
#include <utility>
#include <vector>

#include "asr/tokenizer.h"
#include "asr/transcript.h"
#include "nets/whisper.h"

namespace testudo::asr {

using AlignmentHeads = std::vector<std::pair<int, int>>;  // (decoder layer, head)

struct WordTiming {
    std::string word;
    Tokens tokens;
    double start = 0, end = 0;  // seconds from the window's beginning
    double probability = 0;
};

// Path of least cost through [text, time] (float64), from its first to its last element; the sums are
// float32.
struct WarpingPath {
    std::vector<std::int64_t> text, time;
};
WarpingPath warp(const at::Tensor& cost);

// Median over `width` (odd) neighbours of the last axis, reflected at the ends; shorter inputs stay as they
// are.
at::Tensor median_filter(const at::Tensor& x, int width);

// Opening marks join the word after them, closing ones the word before; emptied entries keep their place.
void merge_punctuation(std::vector<WordTiming>& words);

// `audio`: one window, of which `frames` mel frames (10 ms) hold sound.
std::vector<WordTiming> align_words(const nets::Whisper& model, const WhisperTokenizer& tokenizer,
                                    const AlignmentHeads& heads, const nets::Whisper::Audio& audio,
                                    std::int64_t frames, const Tokens& text_tokens, std::string_view language,
                                    bool translate);

// Gives the segments of one window their words and moves their starts and ends to them.
void add_words(std::vector<Segment>& segments, std::vector<WordTiming> words, std::int64_t eot,
               double window_start, double last_speech);

}  // namespace testudo::asr
