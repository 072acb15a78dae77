#pragma once
// The text of a segment and its words, when it is divided, joined or written anew.
#include <string>
#include <vector>

#include "asr/transcript.h"

namespace testudo::dataset {

// Places between two words (runs of white space), white space belonging to the second part; never at the
// ends.
std::vector<std::size_t> word_places(const std::u32string& text);
// Code points of the text that stand before word `index` of `words`, found by looking for each in turn; by
// share of the letters when they do not spell the text.
std::size_t place_of_word(const std::u32string& text, const std::vector<asr::Word>& words, std::size_t index);

bool begins_unspaced(const std::string& text);  // with a sign of a script that has no spaces
// `first` and `second` with a space between where both are of a script that has spaces and none is there.
std::string joined(const std::string& first, const std::string& second);

// Text as given, with the leading space of the text it replaces.
std::string in_style_of(const std::string& old_text, const std::string& new_text);

// Words of a text written anew: those at both ends that are still there keep their times, the others share
// the time between. Empty when `words` is.
std::vector<asr::Word> retimed_words(const std::vector<asr::Word>& words, const std::string& text);

// The text of the whole recording after its segments changed from `before`: their join, if it was that, else
// what it was with the changed piece replaced.
std::string whole_text(const asr::Transcript& before, const std::vector<asr::Segment>& after);

}  // namespace testudo::dataset
