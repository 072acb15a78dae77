// testudo dataset show
#include "cli/curate.h"
#include "dataset/review.h"

namespace testudo::cli {

namespace {

std::string state_of(const dataset::ReviewedSegment& segment) {
    return segment.accepted ? "accepted" : segment.edited ? "edited" : "";
}

void show(const Context& context, const std::string& voice, const dataset::ReviewFilter& filter, bool words) {
    const dataset::VoiceFolders folders(context.open().root(), voice);
    const dataset::Review review = dataset::review(folders, filter);
    Json document = {{"voice", to_utf8(voice)}};
    document.update(dataset::to_json(review, words));
    print(context, document, [&] {
        std::vector<std::vector<std::string>> rows = {
            {"SEGMENT", "START", "END", "VERDICT", "STATE", "TEXT"}};
        for (const auto& one : review.segments) {
            rows.push_back({cat(one.recording, ":", one.segment.id), seconds_text(one.segment.start),
                            seconds_text(one.segment.end), one.verdict, state_of(one),
                            trim(one.segment.text)});
            for (const auto& reason : one.reasons) rows.push_back({"", "", "", "", "", "  ! " + reason});
            for (const auto& odd : one.odd) rows.push_back({"", "", "", "", "", "  ! " + odd});
            if (words && one.segment.words)
                for (const auto& word : *one.segment.words)
                    rows.push_back({"", seconds_text(word.start), seconds_text(word.end), "", "",
                                    "  " + trim(word.text)});
        }
        if (rows.size() > 1)
            print_rows(rows);
        else
            std::cout << "No segments"
                      << (filter.verdict.empty() && filter.search.empty() ? "" : " like this") << ".\n";
        for (const auto& one : review.recordings) {
            if (!one.problem.empty()) std::cout << "problem: " << printable(one.problem) << "\n";
            if (one.problem.empty() && one.segments == 0)
                std::cout << printable(one.name) << " has no segments; its text: \""
                          << printable(trim(one.text)) << "\"\n";
        }
    });
}

}  // namespace

void add_show_verb(CLI::App& dataset, Context& context) {
    struct Options {
        std::string voice;
        dataset::ReviewFilter filter;
        bool words = false;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* verb = add_verb_below_dataset(
        dataset, context, "show", "List segments with times, verdicts and texts, doubtful ones first",
        [&context, options] {
            show(context, options->voice, options->filter, options->words);
            return 0;
        });
    verb->add_option("VOICE", options->voice, "Folder below training/")->required();
    verb->add_option("--verdict", options->filter.verdict,
                     "Only these: doubtful, rejected, good, none (not judged as they are now)");
    verb->add_option("--search", options->filter.search, "Only texts that hold this");
    verb->add_option("--recording", options->filter.recording, "Only this recording");
    verb->add_flag("--words", options->words, "The time of each word, too");
    verb->footer(
        "Examples:\n"
        "  testudo dataset show ada\n"
        "  testudo dataset show ada --verdict doubtful\n"
        "  testudo dataset show ada --search \"the the\"\n"
        "  testudo dataset show ada --recording talk.wav --words\n"
        "Verdicts are those of the last `dataset ada`; a segment changed since has none.");
}

}  // namespace testudo::cli
