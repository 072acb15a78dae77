#include "asr/language_check.h"

#include <algorithm>
#include <cmath>

#include "core/strings.h"

namespace testudo::asr {

std::string language_mismatch(std::string_view given, std::span<const std::string> languages,
                              std::span<const float> heard) {
    const auto own =
        static_cast<std::size_t>(std::find(languages.begin(), languages.end(), given) - languages.begin());
    const auto best = static_cast<std::size_t>(std::max_element(heard.begin(), heard.end()) - heard.begin());
    if (own >= heard.size() || own == best || heard[best] <= 0.5f || heard[own] >= 0.1f) return {};
    return cat("the language is given as ", given, ", but it sounds like ", languages[best], " (",
               std::lround(100 * heard[best]), " %)");
}

}  // namespace testudo::asr
