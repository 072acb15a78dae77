// Correcting transcripts. Edits are values (dataset/edit.h); what is there wins over what a page believes.
#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/strings.h"
#include "dataset/curate.h"
#include "dataset/review.h"
#include "server/shared.h"

namespace testudo::server {

namespace {

constexpr double longest_wait = 2;  // s, for another program that holds the voice
constexpr std::size_t most_edits = 10000;

Json history_state(const dataset::History& history) {
    const auto& changes = history.changes();
    const std::size_t done = history.done();
    return {{"undo", done > 0 ? Json(to_utf8(std::string_view(changes[done - 1].what))) : Json()},
            {"redo", done < changes.size() ? Json(to_utf8(std::string_view(changes[done].what))) : Json()},
            {"steps", changes.size()}};
}

Json segment_json(const std::string& recording, const asr::Segment& segment) {
    Json out = {{"recording", recording},
                {"segment", segment.id},
                {"start", segment.start},
                {"end", segment.end},
                {"text", segment.text}};
    const auto speaker = segment.extra.find(dataset::speaker_key);
    if (speaker != segment.extra.end() && speaker->is_string()) out["speaker"] = *speaker;
    out["accepted"] = dataset::is_marked(segment.extra, dataset::accepted_key);
    out["edited"] = dataset::is_marked(segment.extra, dataset::edited_key);
    if (!segment.words) return out;
    out["words"] = Json::array();
    for (const auto& word : *segment.words) {
        out["words"].push_back({{"word", word.text}, {"start", word.start}, {"end", word.end}});
        if (word.probability) out["words"].back()["probability"] = *word.probability;
    }
    return out;
}

Json recording_json(const dataset::TranscriptText& text, const std::string& name) {
    const asr::Transcript transcript = text.transcript(name);
    Json segments = Json::array();
    for (const auto& segment : transcript.segments) segments.push_back(segment_json(name, segment));
    return {{"recording", name},
            {"digest", text.digest(name)},
            {"language", transcript.language},
            {"text", transcript.text},
            {"segments", std::move(segments)}};
}

Json result_json(const dataset::Curation& curation, bool changed, const std::vector<std::string>& names) {
    Json recordings = Json::array();
    for (const auto& name : names)
        if (curation.text().has(name)) recordings.push_back(recording_json(curation.text(), name));
    return {{"changed", changed},
            {"notes", curation.notes},
            {"recordings", std::move(recordings)},
            {"history", history_state(curation.history())}};
}

// Opens the voice for `use`, when no job holds it.
template <class Use>
Response curate(Shared& shared, const Request& request, Use&& use) {
    const std::string voice = voice_of(shared, request);
    const fs::path folder = shared.workspace.training(voice);
    std::error_code error;
    if (!fs::is_directory(folder, error))
        throw input_error(cat(printable(voice), " has no transcript yet"), "Transcribe it first.");
    const std::scoped_lock lock(shared.curating);
    static_cast<void>(FolderLock(folder, longest_wait));
    dataset::Curation curation(shared.workspace.root(), voice);
    const Json result = use(curation);
    shared.watch.look_now();
    return json_response(result);
}

std::vector<std::string> recordings_in(const std::vector<dataset::Edit>& edits) {
    std::vector<std::string> names;
    for (const auto& edit : edits)
        if (std::find(names.begin(), names.end(), edit.recording) == names.end())
            names.push_back(edit.recording);
    return names;
}

Response edit(Shared& shared, const Request& request) {
    const Json body = json_body(request);
    const auto given = body.find("edits");
    if (given == body.end() || !given->is_array() || given->empty() || given->size() > most_edits)
        throw usage_error(cat("edits must be a list of 1 to ", most_edits), "Send {\"edits\": [{…}]}.");
    std::vector<dataset::Edit> edits;
    for (const Json& one : *given) edits.push_back(dataset::edit_from_json(one));
    return curate(shared, request, [&](dataset::Curation& curation) {
        const auto names = recordings_in(edits);
        for (const auto& one : edits)
            if (!one.seen.empty() && curation.text().digest(one.recording) != one.seen)
                throw conflict(cat(printable(one.recording), " was changed meanwhile"),
                               "Look at it as it is now.", result_json(curation, false, names));
        // An edit compares its `seen` with the entry as the edits before it left it; they were compared
        // above.
        for (auto& one : edits) one.seen.clear();
        const bool changed = curation.apply(edits);
        return result_json(curation, changed, names);
    });
}

Response step(Shared& shared, const Request& request, std::string (dataset::Curation::*take)(), bool back) {
    return curate(shared, request, [&](dataset::Curation& curation) {
        const auto& history = curation.history();
        std::vector<std::string> names;
        const std::size_t done = history.done();
        if (back && done > 0) names = history.changes()[done - 1].recordings;
        if (!back && done < history.changes().size()) names = history.changes()[done].recordings;
        const std::string what = (curation.*take)();
        Json result = result_json(curation, true, names);
        result["what"] = to_utf8(std::string_view(what));
        return result;
    });
}

std::string tag_of(const Request& request, const dataset::VoiceFolders& folders) {
    std::string mark;
    for (const char* name : {"whisper.json", "report.json", ".history.jsonl"}) {
        mark += studio::change_mark(folders.training / name) + ';';
    }
    for (const auto& [name, value] : request.query) mark += cat(name, '=', value, ';');
    return cat('"', sha256(mark).substr(0, 24), '"');
}

Response transcript(Shared& shared, const Request& request) {
    const std::string voice = voice_of(shared, request);
    const dataset::VoiceFolders folders(shared.workspace.root(), voice);
    const std::string tag = tag_of(request, folders);
    if (request.header("if-none-match") == tag) return tagged_response(request, Response(), tag);
    dataset::ReviewFilter filter;
    filter.verdict = request.value("verdict").value_or("");
    filter.search = request.value("search").value_or("");
    filter.recording = request.value("recording").value_or("");
    Json out = {{"voice", voice}};
    out.update(dataset::to_json(dataset::review(folders, filter), flag_of(request, "words", false)));
    out["history"] = history_state(dataset::History(folders.training / ".history.jsonl"));
    return tagged_response(request, json_response(out), tag);
}

Response history(Shared& shared, const Request& request) {
    const dataset::VoiceFolders folders(shared.workspace.root(), voice_of(shared, request));
    const dataset::History kept(folders.training / ".history.jsonl");
    Json steps = Json::array();
    for (const auto& change : kept.changes())
        steps.push_back({{"number", change.number},
                         {"time", change.time},
                         {"what", to_utf8(std::string_view(change.what))},
                         {"recordings", change.recordings}});
    return json_response({{"done", kept.done()}, {"steps", std::move(steps)}});
}

// How many changes are in force once `number` is the last of them; 0: none is.
std::optional<std::size_t> place_of_step(const dataset::History& history, std::int64_t number) {
    if (number == 0) return 0;
    const auto& changes = history.changes();
    for (std::size_t i = 0; i < changes.size(); ++i)
        if (changes[i].number == number) return i + 1;
    return {};
}

Response go_to_step(Shared& shared, const Request& request) {
    const Json body = json_body(request);
    const auto given = body.find("to");
    if (given == body.end() || !given->is_number_integer() || *given < 0)
        throw usage_error("to must be the number of a step, or 0", "GET this address for the steps.");
    const auto number = given->get<std::int64_t>();
    return curate(shared, request, [&](dataset::Curation& curation) {
        const auto& history = curation.history();
        const auto wanted = place_of_step(history, number);
        if (!wanted)
            throw conflict(cat("there is no step ", number, " any more"), "Look at the history as it is now.",
                           result_json(curation, false, {}));
        const std::size_t done = history.done();
        std::vector<std::string> names;
        for (std::size_t i = std::min(done, *wanted); i < std::max(done, *wanted); ++i)
            for (const auto& name : history.changes()[i].recordings)
                if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
        while (history.done() > *wanted) curation.undo();
        while (history.done() < *wanted) curation.redo();
        return result_json(curation, *wanted != done, names);
    });
}

}  // namespace

void add_curation_routes(Router& router, Shared& shared) {
    router.add("GET", "/api/voices/{voice}/transcript",
               [&shared](const Request& request) { return transcript(shared, request); });
    router.add("POST", "/api/voices/{voice}/edits",
               [&shared](const Request& request) { return edit(shared, request); });
    router.add("POST", "/api/voices/{voice}/undo", [&shared](const Request& request) {
        return step(shared, request, &dataset::Curation::undo, true);
    });
    router.add("POST", "/api/voices/{voice}/redo", [&shared](const Request& request) {
        return step(shared, request, &dataset::Curation::redo, false);
    });
    router.add("GET", "/api/voices/{voice}/history",
               [&shared](const Request& request) { return history(shared, request); });
    router.add("POST", "/api/voices/{voice}/history",
               [&shared](const Request& request) { return go_to_step(shared, request); });
}

}  // namespace testudo::server
