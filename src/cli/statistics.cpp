#include "dataset/statistics.h"

#include <iostream>
#include <memory>
#include <optional>

#include "cli/verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "studio/dataset_picture.h"
#include "text/find_tokenizer.h"

namespace testudo::cli {

namespace {

struct StatisticsVerb {
    std::string voice, svg, tokenizer;
};

std::optional<asr::VoiceActivity> load_voice_activity(Events& events) {
    try {
        return asr::VoiceActivity::load();
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::environment) throw;
        events.warning(cat("the share of speech is not measured: ", error.what()));
        return {};
    }
}

int show_statistics(const Context& context, const StatisticsVerb& verb) {
    const studio::Workspace workspace = context.open();
    Context quiet = context;
    quiet.quiet = quiet.quiet || quiet.json;
    quiet.json = false;  // one document, not the events
    dataset::Statistics statistics;
    const Json document = run_job(quiet, [&](Events& events) {
        const auto tokenizer =
            text::load_tokenizer(text::find_tokenizer(workspace.root(), verb.tokenizer, "--tokenizer"));
        const auto voice_activity = load_voice_activity(events);
        statistics = dataset::statistics_of(workspace.root(), verb.voice, *tokenizer,
                                            voice_activity ? &*voice_activity : nullptr, events);
        return to_json(statistics);
    });
    if (!verb.svg.empty()) write_file(verb.svg, studio::dataset_svg(statistics));
    print(context, document, [&] {
        for (const auto& line : split_lines(to_text(statistics))) std::cout << printable(line) << "\n";
        if (!verb.svg.empty()) std::cout << "written: " << printable(verb.svg) << "\n";
    });
    return 0;
}

}  // namespace

void add_statistics_verb(CLI::App& dataset, Context& context) {
    const auto options = std::make_shared<StatisticsVerb>();
    CLI::App* verb = add_verb_below_dataset(
        dataset, context, "stats", "Clips, minutes, speech, rates, tokens, loudness; what was lost and why",
        [&context, options] { return show_statistics(context, *options); });
    verb->add_option("VOICE", options->voice, "Folder below training/")->required();
    verb->add_option("--svg", options->svg, "Also draw a picture into this file");
    verb->add_option(
        "--tokenizer", options->tokenizer,
        "Vocabulary to count tokens with, relative to the workspace, or a name in models/tokenizers; "
        "empty: the English one of TorToiSe");
    verb->footer(
        "Examples:\n"
        "  testudo dataset stats ada\n"
        "  testudo dataset stats ada --svg ada.svg --json");
}

}  // namespace testudo::cli
