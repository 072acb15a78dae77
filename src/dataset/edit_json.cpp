// Edits as JSON and in words.
#include <array>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "dataset/edit.h"

namespace testudo::dataset {

namespace {

struct Named {
    EditKind kind;
    const char *name, *doing;
};
constexpr std::array<Named, 9> kinds = {{{EditKind::text, "text", "change the text of"},
                                         {EditKind::split, "split", "split"},
                                         {EditKind::merge, "merge", "merge"},
                                         {EditKind::move_boundary, "move-boundary", "move a boundary of"},
                                         {EditKind::remove, "delete", "delete"},
                                         {EditKind::accept, "accept", "accept"},
                                         {EditKind::unaccept, "unaccept", "take back the acceptance of"},
                                         {EditKind::language, "language", "set the language of"},
                                         {EditKind::speaker, "speaker", "set the speaker of"}}};

const Named& named(EditKind kind) { return kinds[static_cast<std::size_t>(kind)]; }

[[noreturn]] void refuse(const std::string& what) {
    throw usage_error(cat("not an edit: ", what), "See the form of edits in docs/formats.md.");
}

double number(const Json& value, const std::string& key) {
    if (!value.is_number()) refuse(cat("\"", key, "\" must be a number"));
    return value.get<double>();
}

std::int64_t whole(const Json& value, const std::string& key) {
    const double result = number(value, key);
    if (!(std::abs(result) < 9e15) || result != std::floor(result))
        refuse(cat("\"", key, "\" must be a whole number"));
    return static_cast<std::int64_t>(result);
}

std::string text(const Json& value, const std::string& key) {
    if (!value.is_string()) refuse(cat("\"", key, "\" must be a text"));
    return value.get<std::string>();
}

}  // namespace

Json to_json(const Edit& edit) {
    Json json = {{"edit", named(edit.kind).name}, {"recording", edit.recording}};
    if (edit.segment) json["segment"] = *edit.segment;
    if (edit.kind == EditKind::text || edit.kind == EditKind::language || edit.kind == EditKind::speaker)
        json["value"] = edit.value;
    if (edit.word) json["word"] = *edit.word;
    if (edit.character) json["character"] = *edit.character;
    if (edit.time) json["time"] = *edit.time;
    if (edit.last) json["last"] = *edit.last;
    if (edit.start) json["start"] = *edit.start;
    if (edit.end) json["end"] = *edit.end;
    if (edit.border) json["border"] = *edit.border;
    if (!edit.seen.empty()) json["seen"] = edit.seen;
    return json;
}

Edit edit_from_json(const Json& json) {
    if (!json.is_object()) refuse("it must be an object");
    for (const char* key : {"edit", "recording"})
        if (!json.contains(key)) refuse(cat("\"", key, "\" is missing"));
    Edit edit;
    for (const auto& [key, value] : json.items()) {
        if (key == "edit") {
            const std::string name = text(value, key);
            const Named* found = nullptr;
            for (const Named& one : kinds)
                if (name == one.name) found = &one;
            if (!found) refuse(cat("there is no kind \"", name, "\""));
            edit.kind = found->kind;
        } else if (key == "recording") {
            edit.recording = text(value, key);
        } else if (key == "segment") {
            edit.segment = whole(value, key);
        } else if (key == "value") {
            edit.value = text(value, key);
        } else if (key == "word") {
            edit.word = whole(value, key);
        } else if (key == "character") {
            edit.character = whole(value, key);
        } else if (key == "time") {
            edit.time = number(value, key);
        } else if (key == "last") {
            edit.last = whole(value, key);
        } else if (key == "start") {
            edit.start = number(value, key);
        } else if (key == "end") {
            edit.end = number(value, key);
        } else if (key == "border") {
            edit.border = number(value, key);
        } else if (key == "seen") {
            edit.seen = text(value, key);
        } else {
            refuse(cat("\"", key, "\" is no key of one"));
        }
    }
    return edit;
}

std::string describe(const Edit& edit) {
    std::string out = cat(named(edit.kind).doing, " ", edit.recording);
    if (edit.segment) out += cat(":", *edit.segment);
    if (edit.kind == EditKind::language || edit.kind == EditKind::speaker)
        out += edit.value.empty() ? std::string(" to none") : cat(" to ", edit.value);
    if (edit.word) out += cat(" before word ", *edit.word);
    if (edit.character) out += cat(" before character ", *edit.character);
    if (edit.time) out += cat(" at ", *edit.time, " s");
    if (edit.kind == EditKind::merge) out += edit.last ? cat(" up to ", *edit.last) : " with the next";
    if (edit.start) out += cat(", start to ", *edit.start, " s");
    if (edit.end) out += cat(", end to ", *edit.end, " s");
    if (edit.border) out += cat(", border to ", *edit.border, " s");
    return out;
}

}  // namespace testudo::dataset
