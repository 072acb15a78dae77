#include "dataset/edit.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "asr/tokenizer.h"
#include "core/error.h"
#include "core/strings.h"
#include "dataset/edit_parts.h"
#include "dataset/segment_text.h"

namespace testudo::dataset {

namespace {

using asr::Segment;
using asr::Transcript;

constexpr double slack = 5e-4;  // s: half of what subtitles resolve

std::size_t index_of(const Transcript& transcript, const Edit& edit, std::int64_t id) {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < transcript.segments.size(); ++i) {
        if (transcript.segments[i].id != id) continue;
        if (found)
            refuse(edit, cat("two segments have the id ", id),
                   "Give each segment of this recording an id of its own in whisper.json.");
        found = i;
    }
    if (!found)
        refuse(edit, cat("there is no segment ", id),
               "See `testudo dataset show VOICE` for the ids there are.");
    return *found;
}

std::size_t segment_of(const Transcript& transcript, const Edit& edit) {
    if (!edit.segment)
        refuse(edit, cat("the recording has ", transcript.segments.size(), " segments"),
               "Name one of them: RECORDING:ID.");
    return index_of(transcript, edit, *edit.segment);
}

void touched(Segment& segment) {
    segment.extra.erase(accepted_key);
    segment.extra[edited_key] = true;
}

// Of another text: tokens and phonemes no longer say what is meant.
void reworded(Segment& segment) {
    segment.tokens.reset();
    segment.extra.erase("phonemes");
    touched(segment);
}

void keep_words_inside(Segment& segment) {
    if (!segment.words) return;
    for (asr::Word& word : *segment.words) {
        word.start = std::clamp(word.start, segment.start, segment.end);
        word.end = std::clamp(word.end, segment.start, segment.end);
    }
}

void change_text(Transcript& out, const Edit& edit) {
    if (!is_utf8(edit.value)) refuse(edit, "the text is not UTF-8", "Give the text as UTF-8.");
    if (!edit.segment) {
        if (out.segments.size() > 1) segment_of(out, edit);  // says to name one
        const std::string text = in_style_of(out.text, edit.value);
        if (text != out.text) out.extra.erase("phonemes");
        out.text = text;
        if (out.segments.empty()) return;
    }
    Segment& segment = out.segments[edit.segment ? segment_of(out, edit) : 0];
    std::string style = segment.text;
    if (style.empty() && std::any_of(out.segments.begin(), out.segments.end(),
                                     [](const Segment& one) { return one.text.starts_with(' '); }))
        style = " ";
    set_text(segment, in_style_of(style, edit.value));
}

void split(Transcript& out, const Edit& edit) {
    const std::size_t index = segment_of(out, edit);
    Segment first = out.segments[index];
    const std::u32string text = code_points(first.text);
    if (trim(first.text).empty())
        refuse(edit, "it has no text", "Give it one first: `testudo dataset edit`.");
    if (!edit.word && !edit.character && !edit.time)
        refuse(edit, "no place is given", "Say at which word, character or time.");
    if (edit.word && edit.character)
        refuse(edit, "both a word and a character are given", "Give one of them.");
    if (edit.time && !(*edit.time > first.start && *edit.time < first.end))
        refuse(edit, cat("the segment lasts from ", shown(first.start), " to ", shown(first.end)),
               "Give a time between them.");
    const SplitPlace cut = place_of_split(first, text, edit);
    if (!(cut.time > first.start && cut.time < first.end))
        refuse(edit, cat("the words leave ", shown(cut.time), " for it, outside the segment"),
               "Give the time, too: --time.");
    Segment second = first;
    first.text = to_utf8(text.substr(0, cut.characters));
    // White space between the parts goes to the second one.
    const std::string ending = first.text.substr(first.text.find_last_not_of(" \t\r\n") + 1);
    first.text.resize(first.text.size() - ending.size());
    second.text = ending + to_utf8(text.substr(cut.characters));
    if (trim(first.text).empty() || trim(second.text).empty())
        refuse(edit, "one part would have no text", "Choose a place between two words.");
    first.end = second.start = cut.time;
    if (cut.words > 0) {
        const auto middle = first.words->begin() + static_cast<long>(cut.words);
        second.words->assign(middle, first.words->end());
        first.words->erase(middle, first.words->end());
        keep_words_inside(first);
        keep_words_inside(second);
    } else {
        first.words.reset();
        second.words.reset();
    }
    std::int64_t largest = 0;
    for (const Segment& one : out.segments) largest = std::max(largest, one.id);
    second.id = largest + 1;
    reworded(first);
    reworded(second);
    out.segments[index] = std::move(first);
    out.segments.insert(out.segments.begin() + static_cast<long>(index) + 1, std::move(second));
}

template <class T, class Choose>
void keep_worse(std::optional<T>& mine, const std::optional<T>& other, Choose choose) {
    if (mine && other)
        mine = choose(*mine, *other);
    else
        mine.reset();
}

void absorb(Segment& into, const Segment& next) {
    const auto larger = [](double a, double b) { return std::max(a, b); };
    const auto smaller = [](double a, double b) { return std::min(a, b); };
    const bool accepted = is_marked(into.extra, accepted_key) && is_marked(next.extra, accepted_key);
    into.start = std::min(into.start, next.start);
    into.end = std::max(into.end, next.end);
    const std::string text = joined(into.text, next.text);
    if (into.words && next.words) {
        const bool spaced = text.size() > into.text.size() + next.text.size();
        const std::size_t before = into.words->size();
        into.words->insert(into.words->end(), next.words->begin(), next.words->end());
        if (spaced && before < into.words->size() && !(*into.words)[before].text.starts_with(' '))
            (*into.words)[before].text.insert(0, " ");
    } else {
        into.words.reset();
    }
    into.text = text;
    if (into.tokens && next.tokens)
        into.tokens->insert(into.tokens->end(), next.tokens->begin(), next.tokens->end());
    else
        into.tokens.reset();
    keep_worse(into.temperature, next.temperature, larger);
    keep_worse(into.avg_logprob, next.avg_logprob, smaller);
    keep_worse(into.compression_ratio, next.compression_ratio, larger);
    keep_worse(into.no_speech_prob, next.no_speech_prob, larger);
    into.extra.erase("phonemes");
    touched(into);
    if (accepted) into.extra[accepted_key] = true;
}

void merge(Transcript& out, const Edit& edit) {
    const std::size_t first = segment_of(out, edit);
    const std::size_t last = edit.last ? index_of(out, edit, *edit.last) : first + 1;
    if (last >= out.segments.size())
        refuse(edit, "it is the last segment", "Name the one before, or delete it.");
    if (last <= first)
        refuse(edit, cat("segment ", *edit.last, " does not come after it"),
               "Give the first segment and then the last.");
    for (std::size_t i = first + 1; i <= last; ++i) absorb(out.segments[first], out.segments[i]);
    out.segments.erase(out.segments.begin() + static_cast<long>(first) + 1,
                       out.segments.begin() + static_cast<long>(last) + 1);
}

void check_time(const Edit& edit, double seconds, std::optional<double> length) {
    if (!std::isfinite(seconds) || seconds < 0)
        refuse(edit, "a time must be 0 s or more", "Give seconds from the start of the recording.");
    if (length && seconds > *length + slack)
        refuse(edit, cat("the recording lasts ", shown(*length)), "Give a time within the recording.");
}

void move_boundary(Transcript& out, const Edit& edit, std::optional<double> length) {
    const std::size_t index = segment_of(out, edit);
    Segment& segment = out.segments[index];
    Segment* before = index > 0 ? &out.segments[index - 1] : nullptr;
    Segment* next = index + 1 < out.segments.size() ? &out.segments[index + 1] : nullptr;
    if (!edit.start && !edit.end && !edit.border)
        refuse(edit, "no time is given", "Give a start, an end, or the border to the next segment.");
    for (const auto& time : {edit.start, edit.end, edit.border})
        if (time) check_time(edit, *time, length);
    if (edit.border) {
        if (edit.start || edit.end)
            refuse(edit, "a border and a start or end are given", "Give the border alone.");
        if (!next) refuse(edit, "it is the last segment", "Give its end instead.");
        if (!(*edit.border > segment.start && *edit.border < next->end))
            refuse(edit, cat("the border must lie between ", shown(segment.start), " and ", shown(next->end)),
                   "Give a time between them.");
        set_times(*next, *edit.border, next->end);
        set_times(segment, segment.start, *edit.border);
    } else {
        const double start = edit.start.value_or(segment.start), end = edit.end.value_or(segment.end);
        if (!(start < end))
            refuse(edit, cat("the start, ", shown(start), ", must lie before the end, ", shown(end)),
                   "Give times in this order.");
        if (before && start < std::min(before->end, segment.start))
            refuse(edit, cat("segment ", before->id, " before it ends at ", shown(before->end)),
                   cat("Give a later start, or move the border of segment ", before->id, "."));
        if (next && end > std::max(next->start, segment.end))
            refuse(edit, cat("segment ", next->id, " behind it begins at ", shown(next->start)),
                   "Give an earlier end, or move the border.");
        set_times(segment, start, end);
    }
}

void remove(Transcript& out, const Edit& edit) {
    if (edit.segment) {
        out.segments.erase(out.segments.begin() + static_cast<long>(segment_of(out, edit)));
        return;
    }
    out.segments.clear();
    out.text.clear();
}

// `change` on the segment named, or on all of them.
template <class Change>
void on_segments(Transcript& out, const Edit& edit, Change change) {
    if (edit.segment) return change(out.segments[segment_of(out, edit)].extra);
    if (out.segments.empty()) return change(out.extra);
    for (Segment& segment : out.segments) change(segment.extra);
}

void set_language(Transcript& out, const Edit& edit) {
    if (edit.segment)
        refuse(edit, "a language belongs to the recording", "Name the recording without an id.");
    const auto code = asr::find_language(edit.value);
    if (!code && !trim(edit.value).empty())
        refuse(edit, cat("there is no language \"", edit.value, "\""), "Give a code such as en, de or ja.");
    out.language = code.value_or("");
}

void set_speaker(Transcript& out, const Edit& edit) {
    const std::string speaker = trim(edit.value);
    if (!is_utf8(speaker) || printable(speaker) != speaker)
        refuse(edit, "a speaker's name must be one line of text", "Give a name such as SPEAKER_00.");
    on_segments(out, edit, [&](Json& extra) {
        if (speaker.empty())
            extra.erase(speaker_key);
        else
            extra[speaker_key] = speaker;
    });
}

}  // namespace

void set_text(Segment& segment, const std::string& text) {
    if (text == segment.text) return;
    segment.text = text;
    if (segment.words) segment.words = retimed_words(*segment.words, text);
    reworded(segment);
}

void set_times(Segment& segment, double start, double end) {
    if (start == segment.start && end == segment.end) return;
    segment.start = start;
    segment.end = end;
    keep_words_inside(segment);
    touched(segment);
}

bool is_marked(const Json& extra, const char* key) {
    const auto found = extra.find(key);
    return found != extra.end() && *found == true;
}

void apply(Transcript& transcript, const Edit& edit, std::optional<double> length) {
    Transcript out = transcript;
    switch (edit.kind) {
        case EditKind::text:
            change_text(out, edit);
            break;
        case EditKind::split:
            split(out, edit);
            break;
        case EditKind::merge:
            merge(out, edit);
            break;
        case EditKind::move_boundary:
            move_boundary(out, edit, length);
            break;
        case EditKind::remove:
            remove(out, edit);
            break;
        case EditKind::accept:
            on_segments(out, edit, [](Json& extra) { extra[accepted_key] = true; });
            break;
        case EditKind::unaccept:
            on_segments(out, edit, [](Json& extra) { extra.erase(accepted_key); });
            break;
        case EditKind::language:
            set_language(out, edit);
            break;
        case EditKind::speaker:
            set_speaker(out, edit);
            break;
    }
    // Those two without a segment have set the text of the whole recording.
    if (edit.segment || (edit.kind != EditKind::text && edit.kind != EditKind::remove)) {
        const std::string text = whole_text(transcript, out.segments);
        if (text != out.text) out.extra.erase("phonemes");
        out.text = text;
    }
    transcript = std::move(out);
}

std::vector<std::string> oddities(const Transcript& transcript, std::size_t index,
                                  std::optional<double> length) {
    std::vector<std::string> odd;
    const Segment& segment = transcript.segments[index];
    if (!(segment.start < segment.end)) odd.push_back("has no length");
    if (index > 0) {
        const Segment& before = transcript.segments[index - 1];
        if (segment.start < before.start)
            odd.push_back(cat("begins before segment ", before.id, " that stands before it"));
        else if (segment.start < before.end - slack)
            odd.push_back(cat("overlaps segment ", before.id, " by ", shown(before.end - segment.start)));
    }
    for (std::size_t i = 0; i < transcript.segments.size(); ++i)
        if (i != index && transcript.segments[i].id == segment.id) {
            odd.push_back(cat("shares its id ", segment.id, " with another segment"));
            break;
        }
    // Whisper's ends lie up to half a second behind the recording's.
    if (length && segment.end > *length + 0.5)
        odd.push_back(cat("ends at ", shown(segment.end), ", after the recording (", shown(*length), ")"));
    return odd;
}

std::optional<SegmentName> segment_name(const std::string& address) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos || colon == 0) return {};
    SegmentName name{address.substr(0, colon), 0};
    const char* end = address.data() + address.size();
    const auto [rest, error] = std::from_chars(address.data() + colon + 1, end, name.id);
    if (error != std::errc() || rest != end || name.id < 0) return {};
    return name;
}

}  // namespace testudo::dataset
