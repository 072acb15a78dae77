#pragma once
// whisper.json: the one editable truth of a dataset. An object of recordings by file name, each
// {text, segments: [{id, start, end, text, …}], language}; all other keys are kept as they are.
#include <filesystem>

#include "core/json.h"

namespace testudo::dataset {

// Throws Error(input) naming the file and the recording or segment when it is missing, no JSON or edited into
// something else.
Json read_transcripts(const std::filesystem::path& file);
// As the original writes it: tabs, everything beyond ASCII escaped; whole or not at all.
void write_transcripts(const std::filesystem::path& file, const Json& transcripts);
// Throws Error(input) naming `where` when `entry` is no transcript; missing ids are counted up.
Json checked_transcript(Json entry, const std::string& where);

// Joins segments shorter than `min_duration` to the one before (text and end; nothing else of them is kept),
// drops those that end inside the one before, and counts ids anew. The first is never joined to the next.
// Returns how many segments went away.
int collapse_short_segments(Json& transcript, double min_duration);

}  // namespace testudo::dataset
