#include "studio/demo_sentences.h"

#include <string_view>

#include "core/strings.h"

namespace testudo::embedded {
extern const std::string_view demo_sentences;
}

namespace testudo::studio {

std::vector<std::string> demo_sentences() {
    std::vector<std::string> names;
    for (const auto& line : split_lines(embedded::demo_sentences))
        if (!line.empty() && line.front() != '#') names.push_back(line);
    return names;
}

}  // namespace testudo::studio
