#pragma once
// What the verbs of curation share.
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "cli/verbs.h"
#include "core/strings.h"

namespace testudo::cli {

inline std::string seconds_text(double seconds) {
    char out[32];
    std::snprintf(out, sizeof out, "%.2f", seconds);
    return out;
}

inline void tell_notes(const Context& context, const std::vector<std::string>& notes) {
    if (context.json || context.quiet) return;
    for (const auto& note : notes) std::cerr << printable(note) << "\n";
}

void add_show_verb(CLI::App& dataset, Context& context);
void add_exchange_verbs(CLI::App& dataset, Context& context);  // import, export

}  // namespace testudo::cli
