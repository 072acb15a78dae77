#pragma once
// Jobs beside the way from recordings to a model: fetching, making, merging and converting models,
// vocabularies, taking over a folder of the original, hearing a segment again. `settings` of such a request
// are, each of its own type:
//   pull       names [text…], force
//   init       size, name, seed, text_tokens, overwrite
//   merge      a, b, to (files), weight, overwrite
//   convert    from, to (files), precision, overwrite
//   tokenizer  size, language, to, overwrite; with a voice
//   import     folder, how (copy, link)
//   hear       recording, segment (its id), and those of DatasetSettings; with a voice
#include <string>
#include <vector>

#include "studio/jobs.h"

namespace testudo::studio {

bool is_tool(const std::string& kind);
// Error(usage): what check_request() says of other kinds.
void check_tool(const JobRequest& request);
// The verb with its arguments.
std::vector<std::string> command_of_tool(const JobRequest& request);

}  // namespace testudo::studio
