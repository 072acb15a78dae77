#pragma once
// Corrections of whisper.json as values: what the command line and other front ends ask for, what the history
// keeps. Applying one is a pure function of an entry.
//
// Ids: a segment keeps its id whatever happens to it; the new part of a split gets one more than the largest
// in use; merging keeps the first one's. So a slice (STEM_NNNNN) is told from a stale one by its times alone
// (dataset/slices.h).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "asr/transcript.h"
#include "core/json.h"

namespace testudo::dataset {

enum class EditKind { text, split, merge, move_boundary, remove, accept, unaccept, language, speaker };

struct Edit {
    EditKind kind = EditKind::text;
    std::string recording;                // its key in whisper.json
    std::optional<std::int64_t> segment;  // id; none: the recording as a whole, where the kind allows it
    std::string value = {};               // text, language, speaker: the new one; the latter two may be empty

    // split: one of them, or `time` and one of the others. With word times the cut lies between two words.
    std::optional<std::int64_t> word = {};       // first word of the second part, counted from 1
    std::optional<std::int64_t> character = {};  // first code point of the second part, counted from 0
    std::optional<double> time = {};             // s

    std::optional<std::int64_t> last = {};  // merge: id of the last one; none: the next segment

    // move_boundary: start and end of the segment, or the border to the next one, alone. s
    std::optional<double> start = {}, end = {}, border = {};

    // Digest of the entry that the edit was made for (TranscriptText::digest): when it is another one now,
    // the edit is refused. Empty: not compared.
    std::string seen = {};
};

Json to_json(const Edit& edit);
Edit edit_from_json(const Json& json);   // Error(usage) for what is no edit
std::string describe(const Edit& edit);  // "split a.wav:3 before word 4"

// Keys of Segment::extra (docs/formats.md).
constexpr const char* accepted_key = "accepted";     // true: checked by hand
constexpr const char* edited_key = "edited";         // true: text or times were changed by an edit
bool is_marked(const Json& extra, const char* key);  // `extra` of a segment or transcript
constexpr const char* speaker_key = "speaker";

// Error(usage) for an edit that cannot be applied: an unknown id, a place outside the segment, times outside
// the recording (`length` s; none: not known) or within a neighbour, and the like; `transcript` is then as it
// was. Overlaps that are there already may stay, but not grow.
void apply(asr::Transcript& transcript, const Edit& edit, std::optional<double> length);

// As edits of one segment do it: another text with the words and marks that go with it, other times.
void set_text(asr::Segment& segment, const std::string& text);
void set_times(asr::Segment& segment, double start, double end);

// What is odd about a segment and its neighbours, for a list: overlaps, order, ids given twice, past the end.
std::vector<std::string> oddities(const asr::Transcript& transcript, std::size_t index,
                                  std::optional<double> length);

// RECORDING:ID. The last colon parts them; nothing when there is none, or no whole number behind it.
struct SegmentName {
    std::string recording;
    std::int64_t id = 0;
};
std::optional<SegmentName> segment_name(const std::string& address);

}  // namespace testudo::dataset
