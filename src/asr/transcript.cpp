#include "asr/transcript.h"

#include <cmath>

#include "core/error.h"
#include "core/files.h"
#include "core/json_text.h"
#include "core/strings.h"

namespace testudo::asr {

namespace fs = std::filesystem;

namespace {

constexpr const char* remedy = "Correct the entry by hand, or delete it and transcribe that file again.";

// A part of the file: in words, and as the way to it.
struct Where {
    std::string named;
    const JsonSource& source;
    std::vector<std::string> path;  // below the source's

    Where part(const std::string& name, std::vector<std::string> below) const {
        Where out{cat(named, ", ", name), source, path};
        out.path.insert(out.path.end(), below.begin(), below.end());
        return out;
    }
};

[[noreturn]] void refuse(const Where& where, const std::string& what, const char* key = nullptr) {
    std::string place;
    if (!where.source.text.empty()) {
        std::vector<std::string> path = where.source.path;
        path.insert(path.end(), where.path.begin(), where.path.end());
        if (key) path.emplace_back(key);
        place = cat(" (", place_in_json(where.source.text, path), ")");
    }
    throw input_error(cat(where.named, ": ", what, place), remedy);
}

const char* kind_of(const Json& value) {
    if (value.is_null()) return "null";
    if (value.is_boolean()) return "true or false";
    if (value.is_number()) return "a number";
    if (value.is_string()) return "a text";
    return value.is_array() ? "a list" : "an object";
}

double number(const Json& value, const Where& where, const char* key) {
    if (!value.is_number()) refuse(where, cat("\"", key, "\" must be a number, not ", kind_of(value)), key);
    const double result = value.get<double>();
    if (!std::isfinite(result)) refuse(where, cat("\"", key, "\" is not a finite number"), key);
    return result;
}

std::string text_of(const Json& value, const Where& where, const char* key) {
    if (!value.is_string()) refuse(where, cat("\"", key, "\" must be a text, not ", kind_of(value)), key);
    return value.get<std::string>();
}

std::int64_t whole(const Json& value, const Where& where, const char* key) {
    const double result = number(value, where, key);
    if (result != std::floor(result) || std::abs(result) > 9e15)
        refuse(where, cat("\"", key, "\" must be a whole number"), key);
    return static_cast<std::int64_t>(result);
}

void check_times(double start, double end, const Where& where) {
    if (start < 0) refuse(where, cat("\"start\" is negative (", start, ")"), "start");
    if (end < start) refuse(where, cat("\"end\" (", end, ") lies before \"start\" (", start, ")"), "end");
    if (end > 1e7) refuse(where, cat("\"end\" (", end, " s) is longer than any recording"), "end");
}

void need(const Json& json, const Where& where, std::initializer_list<const char*> keys) {
    if (!json.is_object()) refuse(where, cat("must be an object, not ", kind_of(json)));
    for (const char* key : keys)
        if (!json.contains(key)) refuse(where, cat("\"", key, "\" is missing"));
}

const Json& list(const Json& value, const Where& where, const char* key) {
    if (!value.is_array()) refuse(where, cat("\"", key, "\" must be a list, not ", kind_of(value)), key);
    return value;
}

Word word_from_json(const Json& json, const Where& where) {
    need(json, where, {"word", "start", "end"});
    Word word;
    for (const auto& [key, value] : json.items()) {
        if (key == "word")
            word.text = text_of(value, where, "word");
        else if (key == "start")
            word.start = number(value, where, "start");
        else if (key == "end")
            word.end = number(value, where, "end");
        else if (key == "probability" && !value.is_null())
            word.probability = number(value, where, "probability");
        else
            word.extra[key] = value;
    }
    check_times(word.start, word.end, where);
    return word;
}

Segment segment_from_json(const Json& json, const Where& where, std::int64_t index) {
    need(json, where, {"start", "end", "text"});
    Segment segment;
    segment.id = index;
    for (const auto& [key, value] : json.items()) {
        if (key == "start") {
            segment.start = number(value, where, "start");
        } else if (key == "end") {
            segment.end = number(value, where, "end");
        } else if (key == "text") {
            segment.text = text_of(value, where, "text");
        } else if (value.is_null()) {
            segment.extra[key] = value;
        } else if (key == "id") {
            segment.id = whole(value, where, "id");
            if (segment.id < 0) refuse(where, "\"id\" is negative", "id");
        } else if (key == "seek") {
            segment.seek = whole(value, where, "seek");
        } else if (key == "temperature") {
            segment.temperature = number(value, where, "temperature");
        } else if (key == "avg_logprob") {
            segment.avg_logprob = number(value, where, "avg_logprob");
        } else if (key == "compression_ratio") {
            segment.compression_ratio = number(value, where, "compression_ratio");
        } else if (key == "no_speech_prob") {
            segment.no_speech_prob = number(value, where, "no_speech_prob");
        } else if (key == "tokens") {
            segment.tokens.emplace();
            for (const Json& token : list(value, where, "tokens"))
                segment.tokens->push_back(whole(token, where, "tokens"));
        } else if (key == "words") {
            segment.words.emplace();
            for (const Json& word : list(value, where, "words"))
                segment.words->push_back(
                    word_from_json(word, where.part(cat("word ", segment.words->size() + 1),
                                                    {"words", std::to_string(segment.words->size())})));
        } else {
            segment.extra[key] = value;
        }
    }
    check_times(segment.start, segment.end, where);
    return segment;
}

Json to_json(const Segment& segment) {
    Json json;
    json["id"] = segment.id;
    if (segment.seek) json["seek"] = *segment.seek;
    json["start"] = segment.start;
    json["end"] = segment.end;
    json["text"] = segment.text;
    if (segment.tokens) json["tokens"] = *segment.tokens;
    if (segment.temperature) json["temperature"] = *segment.temperature;
    if (segment.avg_logprob) json["avg_logprob"] = *segment.avg_logprob;
    if (segment.compression_ratio) json["compression_ratio"] = *segment.compression_ratio;
    if (segment.no_speech_prob) json["no_speech_prob"] = *segment.no_speech_prob;
    if (segment.words) {
        Json words = Json::array();
        for (const Word& word : *segment.words) {
            Json one{{"word", word.text}, {"start", word.start}, {"end", word.end}};
            if (word.probability) one["probability"] = *word.probability;
            for (const auto& [key, value] : word.extra.items()) one[key] = value;
            words.push_back(std::move(one));
        }
        json["words"] = std::move(words);
    }
    for (const auto& [key, value] : segment.extra.items()) json[key] = value;
    return json;
}

}  // namespace

Json to_json(const Transcript& transcript) {
    Json json;
    json["text"] = transcript.text;
    json["segments"] = Json::array();
    for (const Segment& segment : transcript.segments) json["segments"].push_back(to_json(segment));
    if (!transcript.language.empty()) json["language"] = transcript.language;
    for (const auto& [key, value] : transcript.extra.items()) json[key] = value;
    return json;
}

Transcript transcript_from_json(const Json& json, const std::string& name, const JsonSource& source) {
    const Where where{name, source, {}};
    need(json, where, {"segments"});
    Transcript transcript;
    for (const auto& [key, value] : json.items()) {
        if (key == "text") {
            transcript.text = text_of(value, where, "text");
        } else if (key == "segments") {
            for (const Json& segment : list(value, where, "segments")) {
                const std::size_t count = transcript.segments.size();
                const bool numbered =
                    segment.is_object() && segment.contains("id") && segment["id"].is_number_unsigned();
                const std::string id = numbered ? segment["id"].dump() : std::to_string(count);
                transcript.segments.push_back(segment_from_json(
                    segment, where.part(cat("segment ", id), {"segments", std::to_string(count)}),
                    static_cast<std::int64_t>(count)));
            }
        } else if (key == "language" && !value.is_null()) {
            transcript.language = text_of(value, where, "language");
        } else {
            transcript.extra[key] = value;
        }
    }
    if (!json.contains("text"))
        for (const Segment& segment : transcript.segments) transcript.text += segment.text;
    return transcript;
}

void need_whisper_json(const fs::path& whisper_json) {
    if (!fs::exists(whisper_json))
        throw input_error(cat(whisper_json, " is missing"),
                          "Transcribe the voice first: `testudo transcribe VOICE`.");
}

Transcripts parse_transcripts(const std::string& text, const std::string& where) {
    const Json json = parse_json(text, where);
    if (!json.is_object())
        throw input_error(cat(where, ": must be an object of file names, not ", kind_of(json)), remedy);
    Transcripts transcripts;
    for (const auto& [name, entry] : json.items())
        transcripts.emplace_back(
            name, transcript_from_json(entry, cat(where, ", entry \"", name, "\""), {text, {name}}));
    return transcripts;
}

std::string format_transcripts(const Transcripts& transcripts) {
    Json json = Json::object();
    for (const auto& [name, transcript] : transcripts) json[name] = to_json(transcript);
    return format_json(json, {.indent = 1, .fill = '\t', .ascii = true});
}

Transcripts read_transcripts(const fs::path& whisper_json) {
    need_whisper_json(whisper_json);
    return parse_transcripts(read_file(whisper_json), to_utf8(whisper_json.native()));
}

void write_transcripts(const fs::path& whisper_json, const Transcripts& transcripts) {
    write_file(whisper_json, format_transcripts(transcripts));
}

Transcript* find_transcript(Transcripts& transcripts, const std::string& name) {
    for (auto& [own, transcript] : transcripts)
        if (own == name) return &transcript;
    return nullptr;
}

}  // namespace testudo::asr
