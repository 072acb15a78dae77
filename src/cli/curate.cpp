// testudo dataset edit|split|merge|move-boundary|delete|accept|undo|redo|history
#include "dataset/curate.h"

#include <algorithm>
#include <iostream>

#include "cli/curate.h"
#include "core/strings.h"

namespace testudo::cli {

namespace {

using dataset::Edit;
using dataset::EditKind;

constexpr const char* address_help = "RECORDING:ID of a segment, as `dataset show` has it";

// RECORDING:ID; the whole recording where there is one of that name and `whole` is allowed.
void set_address(Edit& edit, const std::string& address, const dataset::TranscriptText& text, bool whole) {
    edit.recording = address;
    edit.segment.reset();
    if (whole && text.has(address)) return;
    const auto name = dataset::segment_name(address);
    if (!name || !text.has(name->recording)) {
        if (text.has(address))
            throw usage_error(cat("\"", address, "\" names a recording, not a segment"),
                              "Name a segment: RECORDING:ID.");
        throw usage_error(cat("there is no \"", address, "\" in whisper.json"),
                          "Give RECORDING:ID as `testudo dataset show VOICE` has it.");
    }
    edit.recording = name->recording;
    edit.segment = name->id;
}

Json segment_json(const asr::Segment& segment) {
    return {{"segment", segment.id}, {"start", segment.start}, {"end", segment.end}, {"text", segment.text}};
}

// The recordings of the edits as they are now, near the segments that were named.
void tell_result(const Context& context, const dataset::Curation& curation, const std::vector<Edit>& edits,
                 bool changed) {
    Json document = {{"changed", changed}, {"notes", curation.notes}, {"recordings", Json::array()}};
    std::vector<std::vector<std::string>> rows = {{"SEGMENT", "START", "END", "TEXT"}};
    std::vector<std::string> told;
    for (const Edit& edit : edits) {
        if (std::find(told.begin(), told.end(), edit.recording) != told.end()) continue;
        told.push_back(edit.recording);
        const asr::Transcript transcript = curation.text().transcript(edit.recording);
        Json segments = Json::array();
        for (const auto& segment : transcript.segments) segments.push_back(segment_json(segment));
        document["recordings"].push_back({{"recording", edit.recording},
                                          {"digest", curation.text().digest(edit.recording)},
                                          {"language", transcript.language},
                                          {"text", transcript.text},
                                          {"segments", std::move(segments)}});
        for (std::size_t i = 0; i < transcript.segments.size(); ++i) {
            const auto named = [&](std::size_t at) {
                return at < transcript.segments.size() &&
                       std::any_of(edits.begin(), edits.end(), [&](const Edit& one) {
                           return one.recording == edit.recording &&
                                  one.segment == transcript.segments[at].id;
                       });
            };
            if (!named(i) && !named(i + 1) && !(i > 0 && named(i - 1))) continue;
            const auto& segment = transcript.segments[i];
            rows.push_back({cat(edit.recording, ":", segment.id), seconds_text(segment.start),
                            seconds_text(segment.end), trim(segment.text)});
        }
    }
    print(context, document, [&] {
        if (!changed) std::cout << "Nothing changed: it is so already.\n";
        if (changed && !context.quiet && rows.size() > 1) print_rows(rows);
    });
}

// What all edit verbs share: VOICE, ADDRESS..., and how an edit is made of the flags.
struct EditVerb {
    std::string voice;
    std::vector<std::string> addresses;
    Edit edit;
    bool accept = false;
    bool undo = false;
};

int run_edits(const Context& context, const EditVerb& verb, const std::vector<Edit>& kinds, bool whole) {
    dataset::Curation curation(context.open().root(), verb.voice);
    std::vector<Edit> edits;
    for (const auto& address : verb.addresses)
        for (Edit edit : kinds) {
            set_address(edit, address, curation.text(), whole);
            edits.push_back(std::move(edit));
        }
    const bool changed = curation.apply(edits);
    tell_notes(context, curation.notes);
    tell_result(context, curation, edits, changed);
    return 0;
}

void add_places(CLI::App& verb, const std::shared_ptr<EditVerb>& options, bool several, const char* help) {
    verb.add_option("VOICE", options->voice, "Folder below training/")->required();
    CLI::Option* where = verb.add_option("SEGMENT", options->addresses, help)->required();
    if (!several) where->expected(1);
}

// A number that may be absent.
template <class T>
CLI::Option* add_number(CLI::App& verb, const char* name, std::optional<T>& value, const char* help) {
    return verb.add_option_function<T>(
        name, [&value](const T& given) { value = given; }, help);
}

void add_edit(CLI::App& dataset, Context& context) {
    const auto options = std::make_shared<EditVerb>();
    const auto text = std::make_shared<std::optional<std::string>>(),
               language = std::make_shared<std::optional<std::string>>(),
               speaker = std::make_shared<std::optional<std::string>>();
    CLI::App* verb = add_verb_below_dataset(
        dataset, context, "edit", "Change the text, speaker or language",
        [&context, options, text, language, speaker] {
            std::vector<Edit> edits;
            const auto add = [&](EditKind kind, const std::optional<std::string>& value) {
                if (!value) return;
                Edit edit;
                edit.kind = kind;
                edit.value = *value;
                edits.push_back(std::move(edit));
            };
            add(EditKind::text, *text);
            add(EditKind::speaker, *speaker);
            add(EditKind::language, *language);
            if (options->accept) {
                Edit edit;
                edit.kind = EditKind::accept;
                edits.push_back(edit);
            }
            if (edits.empty())
                throw usage_error("nothing to change is given",
                                  "Give --text, --speaker, --language or --accept.");
            return run_edits(context, *options, edits, true);
        });
    add_places(*verb, options, true, "RECORDING:ID of a segment, or RECORDING, as `dataset show` has them");
    const auto set = [](const std::shared_ptr<std::optional<std::string>>& value) {
        return [value](const std::string& given) { *value = given; };
    };
    verb->add_option_function<std::string>("--text", set(text), "What is said");
    verb->add_option_function<std::string>("--speaker", set(speaker), "Who speaks; empty: not known");
    verb->add_option_function<std::string>("--language", set(language),
                                           "Of a whole recording: a code such as en; empty: not known");
    verb->add_flag("--accept", options->accept, "Mark it as checked by hand");
    verb->footer(
        "Examples:\n"
        "  testudo dataset edit ada talk.wav:3 --text \"What was really said.\"\n"
        "  testudo dataset edit ada talk.wav:3 --text=-5 --accept         a text that begins with a dash\n"
        "  testudo dataset edit ada talk.wav --language de\n"
        "  testudo dataset edit ada --speaker SPEAKER_01 -- -odd.wav:0    a name that begins with a dash");
}

void add_split(CLI::App& dataset, Context& context) {
    const auto options = std::make_shared<EditVerb>();
    options->edit.kind = EditKind::split;
    CLI::App* verb = add_verb_below_dataset(
        dataset, context, "split", "Divide a segment in two",
        [&context, options] { return run_edits(context, *options, {options->edit}, false); });
    add_places(*verb, options, false, address_help);
    add_number(*verb, "--word", options->edit.word, "The second part begins with this word, counted from 1");
    add_number(*verb, "--time", options->edit.time,
               "Where the second part begins [s]; with word times the nearest place between two words");
    add_number(
        *verb, "--character", options->edit.character,
        "The second part begins with this character of the text, counted from 0 (a leading space is one)");
    verb->footer(
        "Examples:\n"
        "  testudo dataset split ada talk.wav:3 --word 7\n"
        "  testudo dataset split ada talk.wav:3 --time 12.4\n"
        "  testudo dataset split ada talk.wav:3 --word 7 --time 12.4     this word, at just this time\n"
        "The first part keeps the id, the second gets a new one.");
}

void add_merge(CLI::App& dataset, Context& context) {
    const auto options = std::make_shared<EditVerb>();
    options->edit.kind = EditKind::merge;
    CLI::App* verb = add_verb_below_dataset(
        dataset, context, "merge", "Join a segment with the next, or all up to another",
        [&context, options] { return run_edits(context, *options, {options->edit}, false); });
    add_places(*verb, options, false, address_help);
    add_number(*verb, "--to", options->edit.last, "Id of the last one to join (without: the next)");
    verb->footer(
        "Examples:\n"
        "  testudo dataset merge ada talk.wav:3\n"
        "  testudo dataset merge ada talk.wav:3 --to 6\n"
        "The result keeps the id of the first.");
}

void add_move(CLI::App& dataset, Context& context) {
    const auto options = std::make_shared<EditVerb>();
    options->edit.kind = EditKind::move_boundary;
    CLI::App* verb = add_verb_below_dataset(
        dataset, context, "move-boundary", "Move the start or end of a segment, or its border to the next",
        [&context, options] { return run_edits(context, *options, {options->edit}, false); });
    add_places(*verb, options, false, address_help);
    add_number(*verb, "--start", options->edit.start, "New start [s]");
    add_number(*verb, "--end", options->edit.end, "New end [s]");
    add_number(*verb, "--border", options->edit.border,
               "New end, and new start of the next segment, in one [s]");
    verb->footer(
        "Examples:\n"
        "  testudo dataset move-boundary ada talk.wav:3 --end 12.4\n"
        "  testudo dataset move-boundary ada talk.wav:3 --start 9.85 --end 12.4\n"
        "  testudo dataset move-boundary ada talk.wav:3 --border 12.4\n"
        "Slice again afterwards: testudo slice ada");
}

void add_remove(CLI::App& dataset, Context& context) {
    const auto options = std::make_shared<EditVerb>();
    options->edit.kind = EditKind::remove;
    CLI::App* verb = add_verb_below_dataset(
        dataset, context, "delete", "Leave segments or recordings out of the dataset",
        [&context, options] { return run_edits(context, *options, {options->edit}, true); });
    add_places(*verb, options, true,
               "RECORDING:ID of a segment, or RECORDING: all of its segments and its text");
    verb->footer(
        "Examples:\n"
        "  testudo dataset delete ada talk.wav:3 talk.wav:4\n"
        "  testudo dataset delete ada noise.wav\n"
        "The recordings in voices/ stay as they are; `dataset undo` brings the segments back.");
}

void add_accept(CLI::App& dataset, Context& context) {
    const auto options = std::make_shared<EditVerb>();
    CLI::App* verb = add_verb_below_dataset(
        dataset, context, "accept", "Mark segments or recordings as checked by hand", [&context, options] {
            Edit edit;
            edit.kind = options->undo ? EditKind::unaccept : EditKind::accept;
            return run_edits(context, *options, {edit}, true);
        });
    add_places(*verb, options, true, "RECORDING:ID of a segment, or RECORDING: all of its segments");
    verb->add_flag("--take-back", options->undo, "Remove the mark instead");
    verb->footer(
        "Examples:\n"
        "  testudo dataset accept ada talk.wav:3 talk.wav:4\n"
        "  testudo dataset accept ada talk.wav\n"
        "  testudo dataset accept ada talk.wav:3 --take-back\n"
        "What is accepted is never heard again by `transcribe`, and never doubtful.");
}

void add_steps(CLI::App& dataset, Context& context, const char* name, const char* help, const char* examples,
               std::string (dataset::Curation::*step)()) {
    struct Options {
        std::string voice;
        int steps = 1;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* verb = add_verb_below_dataset(dataset, context, name, help, [&context, options, name, step] {
        if (options->steps < 1) throw usage_error("--steps must be 1 or more", "Give how many.");
        dataset::Curation curation(context.open().root(), options->voice);
        Json document = {{"notes", curation.notes}, {name, Json::array()}};
        std::optional<Error> end;
        for (int i = 0; i < options->steps && !end; ++i) {
            try {
                document[name].push_back((curation.*step)());
            } catch (const Error& error) {
                if (i == 0) throw;
                end = error;
            }
        }
        const bool no_more = end && end->kind() == ErrorKind::usage;
        tell_notes(context, curation.notes);
        print(context, document, [&] {
            for (const auto& what : document[name])
                std::cout << name << ": " << printable(what.get<std::string>()) << "\n";
            if (no_more)
                std::cout << "That was all there is to " << name << ": " << document[name].size() << " of "
                          << options->steps << ".\n";
        });
        if (end && !no_more) throw *end;
        return 0;
    });
    verb->add_option("VOICE", options->voice, "Folder below training/")->required();
    verb->add_option("--steps", options->steps, "How many")->capture_default_str();
    verb->footer(examples);
}

std::string time_text(double seconds) {
    const auto whole = static_cast<std::time_t>(seconds);
    std::tm local{};
    char out[32] = "";
    if (::localtime_r(&whole, &local)) std::strftime(out, sizeof out, "%Y-%m-%d %H:%M:%S", &local);
    return out;
}

void add_history(CLI::App& dataset, Context& context) {
    const auto voice = std::make_shared<std::string>();
    CLI::App* verb = add_verb_below_dataset(
        dataset, context, "history", "What was changed, and what can be undone or redone", [&context, voice] {
            const dataset::Curation curation(context.open().root(), *voice);
            Json document = Json::array();
            std::vector<std::vector<std::string>> rows = {{"CHANGE", "TIME", "STATE", "WHAT"}};
            const auto& changes = curation.history().changes();
            for (std::size_t i = 0; i < changes.size(); ++i) {
                const bool done = i < curation.history().done();
                document.push_back({{"change", changes[i].number},
                                    {"time", changes[i].time},
                                    {"done", done},
                                    {"what", changes[i].what},
                                    {"edits", changes[i].edits},
                                    {"recordings", changes[i].recordings}});
                rows.push_back({cat(changes[i].number), time_text(changes[i].time), done ? "" : "undone",
                                changes[i].what});
            }
            tell_notes(context, curation.notes);
            print(context, document, [&] {
                if (rows.size() == 1)
                    std::cout << "Nothing was changed yet.\n";
                else
                    print_rows(rows);
            });
            return 0;
        });
    verb->add_option("VOICE", *voice, "Folder below training/")->required();
    verb->footer("Examples:\n  testudo dataset history ada\n  testudo dataset history ada --json");
}

}  // namespace

void add_curation_verbs(CLI::App& dataset, Context& context) {
    add_show_verb(dataset, context);
    add_edit(dataset, context);
    add_split(dataset, context);
    add_merge(dataset, context);
    add_move(dataset, context);
    add_remove(dataset, context);
    add_accept(dataset, context);
    add_steps(dataset, context, "undo", "Take the last change back",
              "Examples:\n"
              "  testudo dataset undo ada\n"
              "  testudo dataset undo ada --steps 3\n"
              "Changes by an editor or a transcription are undone like any other.",
              &dataset::Curation::undo);
    add_steps(dataset, context, "redo", "Make the last undone change again",
              "Examples:\n  testudo dataset redo ada\n  testudo dataset redo ada --steps 3",
              &dataset::Curation::redo);
    add_history(dataset, context);
    add_exchange_verbs(dataset, context);
}

}  // namespace testudo::cli
