#pragma once
#include <string>
#include <vector>

namespace testudo::studio {

// Names (without ending) of the prompts in data/demo-sentences.txt, which is built into the program.
std::vector<std::string> demo_sentences();

}  // namespace testudo::studio
