#pragma once
// Transcripts in the forms of other programs. What these call labels or cues become segments.
//
// Reading throws Error(input) with the file, line and column of a mistake and changes nothing. A byte order
// mark and all line ends are read; texts are UTF-8.
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asr/transcript.h"

namespace testudo::dataset {

struct Label {
    double start = 0, end = 0;  // s
    std::string text;           // without white space at its ends
    std::string speaker = {};   // empty: not told
    std::size_t line = 0;       // in its file, from 1
};

enum class Exchange { audacity, srt, vtt };
constexpr double resolution(Exchange form) { return form == Exchange::audacity ? 1e-6 : 1e-3; }  // s
const char* extension(Exchange form);  // ".txt", ".srt", ".vtt"

// Audacity's label track: `start<tab>end<tab>text`, seconds. Lines of frequencies (they begin with a
// backslash) are passed over. Line breaks and tabs in a text are written as spaces.
std::vector<Label> read_audacity(std::string_view text, const std::string& where);
std::string write_audacity(const std::vector<Label>& labels);

// SubRip: number, `00:00:01,500 --> 00:00:02,000`, lines of text, a blank line; comma or point. <i>, <b>,
// <u>, <s>, <font …> and {\an8} are left out. An empty line within a text is written as a blank.
std::vector<Label> read_srt(std::string_view text, const std::string& where);
std::string write_srt(const std::vector<Label>& labels);

// WebVTT: header, NOTE, STYLE and REGION blocks, cue names, settings, tags and escapes; <v NAME> names the
// speaker of a cue (when there is one).
std::vector<Label> read_vtt(std::string_view text, const std::string& where);
std::string write_vtt(const std::vector<Label>& labels);

std::string write_labels(Exchange form, const std::vector<Label>& labels);
// By its first line, then its extension; none: no labels with times.
std::optional<Exchange> form_of(std::string_view text, const std::filesystem::path& name);
std::vector<Label> read_labels(Exchange form, std::string_view text, const std::string& where);

// One label for each segment.
std::vector<Label> labels_of(const asr::Transcript& transcript);

// `old` with its segments replaced by what `labels` say. A segment whose times (to the form's resolution) or
// text are found again keeps what else is known of it, so labels as they were written change nothing. Labels
// that overlap or stand in another order are named in `notes`. Error(input) for a label behind the end of the
// recording (`length` s; none: not known).
asr::Transcript relabelled(const asr::Transcript& old, std::vector<Label> labels, Exchange form,
                           std::optional<double> length, const std::string& where,
                           std::vector<std::string>& notes);

// A text without times: one segment over the whole recording. Line breaks become spaces.
asr::Transcript untimed_transcript(std::string_view text, double seconds, const std::string& where);

// Text beside a recording (voices/V/x.txt or x.wav.txt for x.wav; also .srt, .vtt, .lab): its transcript, so
// that nothing needs to be heard. A text without times is one segment over the whole recording, and
// `warnings` says so when that is too long for a line. None when there is no such file.
std::optional<std::filesystem::path> sidecar_of(const std::filesystem::path& recording);
std::optional<asr::Transcript> sidecar_transcript(const std::filesystem::path& recording, double seconds);

}  // namespace testudo::dataset
