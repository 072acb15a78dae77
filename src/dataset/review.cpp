#include "dataset/review.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "audio/decode.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/edit.h"
#include "dataset/slices.h"
#include "dataset/transcript_text.h"

namespace testudo::dataset {

namespace {

// In the order they are shown.
constexpr std::array<const char*, 4> verdicts = {"doubtful", "rejected", "", "good"};

std::size_t place_of(const std::string& verdict) {
    return static_cast<std::size_t>(std::find(verdicts.begin(), verdicts.end(), verdict) - verdicts.begin());
}

// A text as a list has it: a verdict about another text says nothing.
std::string plain(const std::string& text) {
    std::string out = to_utf8(text);
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '|') c = ' ';
    return trim(out);
}

std::string text_at(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The lines of report.json by their recording. A damaged report is none: it can be made anew.
class Verdicts {
  public:
    explicit Verdicts(const fs::path& report) {
        try {
            if (!fs::exists(report)) return;
            const Json all = read_json(report);
            if (!all.is_object() || !all.contains("lines") || !all["lines"].is_array()) return;
            for (const Json& line : all["lines"])
                if (line.is_object()) lines_[text_at(line, "recording")].push_back(line);
        } catch (const Error&) {
        }
    }

    void judge(ReviewedSegment& out, const std::string& whole) const {
        const auto found = lines_.find(out.recording);
        if (found == lines_.end()) return;
        for (const Json& line : found->second) {
            const bool timed = line.contains("start") && line.contains("end");
            if (timed ? !same_times(line, out.segment) ||
                            plain(text_at(line, "text")) != plain(out.segment.text)
                      : plain(text_at(line, "text")) != plain(whole))
                continue;
            const std::string verdict = text_at(line, "verdict");
            if (verdict.empty() || place_of(verdict) == verdicts.size()) continue;
            out.verdict = verdict;
            if (line.contains("scores") && line["scores"].is_object()) out.scores = line["scores"];
            if (line.contains("reasons") && line["reasons"].is_array())
                for (const Json& reason : line["reasons"])
                    if (reason.is_string()) out.reasons.push_back(reason);
            return;
        }
    }

  private:
    static bool same_times(const Json& line, const asr::Segment& segment) {
        const auto near = [&](const char* key, double time) {
            return line[key].is_number() && std::abs(line[key].get<double>() - time) < 1e-3;
        };
        return near("start", segment.start) && near("end", segment.end);
    }

    std::map<std::string, std::vector<Json>> lines_;
};

std::optional<double> seconds_of(const VoiceFolders& folders, const std::string& name) {
    try {
        const fs::path file = find_recording(folders, name);
        if (!file.empty()) return audio::duration(file);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
    }
    return {};
}

bool holds(const asr::Segment& segment, const ReviewFilter& filter) {
    return filter.search.empty() ||
           lower_ascii(segment.text).find(lower_ascii(filter.search)) != std::string::npos;
}

bool passes(const ReviewedSegment& segment, const ReviewFilter& filter) {
    if (!filter.verdict.empty() && segment.verdict != (filter.verdict == "none" ? "" : filter.verdict))
        return false;
    return holds(segment.segment, filter);
}

}  // namespace

Review review(const VoiceFolders& folders, const ReviewFilter& filter) {
    if (!filter.verdict.empty() && filter.verdict != "none" && place_of(filter.verdict) == verdicts.size())
        throw usage_error(cat("there is no verdict \"", filter.verdict, "\""),
                          "Give doubtful, rejected, good or none.");
    const TranscriptText text = TranscriptText::read(folders.whisper_json());
    if (text.text().empty())
        throw input_error(cat(folders.whisper_json(), " is missing"),
                          "Transcribe the voice first: `testudo transcribe VOICE`, or import texts.");
    if (!filter.recording.empty() && !text.has(filter.recording)) text.transcript(filter.recording);
    const Verdicts judged(folders.training / "report.json");
    Review out;
    for (const auto& name : text.names()) {
        if (!filter.recording.empty() && name != filter.recording) continue;
        ReviewedRecording recording;
        recording.name = name;
        recording.digest = text.digest(name);
        try {
            const asr::Transcript transcript = text.transcript(name);
            recording.language = transcript.language;
            recording.text = transcript.text;
            recording.segments = transcript.segments.size();
            const bool wanted = std::any_of(transcript.segments.begin(), transcript.segments.end(),
                                            [&](const auto& segment) { return holds(segment, filter); });
            if (wanted || filter.search.empty()) recording.seconds = seconds_of(folders, name);
            for (std::size_t i = 0; i < transcript.segments.size(); ++i) {
                ReviewedSegment segment;
                segment.recording = name;
                segment.segment = transcript.segments[i];
                segment.accepted = is_marked(segment.segment.extra, accepted_key);
                segment.edited = is_marked(segment.segment.extra, edited_key);
                segment.odd = oddities(transcript, i, recording.seconds);
                judged.judge(segment, transcript.text);
                if (passes(segment, filter)) out.segments.push_back(std::move(segment));
            }
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            recording.problem = error.what();
        }
        out.recordings.push_back(std::move(recording));
    }
    std::stable_sort(out.segments.begin(), out.segments.end(),
                     [](const auto& a, const auto& b) { return place_of(a.verdict) < place_of(b.verdict); });
    return out;
}

Json to_json(const Review& review, bool words) {
    Json recordings = Json::array(), segments = Json::array();
    for (const auto& one : review.recordings) {
        Json json = {{"recording", one.name}, {"digest", one.digest}};
        if (one.problem.empty()) {
            json["language"] = one.language;
            json["text"] = one.text;
            json["segments"] = one.segments;
            json["seconds"] = one.seconds ? Json(*one.seconds) : Json();
        } else {
            json["problem"] = one.problem;
        }
        recordings.push_back(std::move(json));
    }
    for (const auto& one : review.segments) {
        Json json = {{"recording", one.recording},
                     {"segment", one.segment.id},
                     {"start", one.segment.start},
                     {"end", one.segment.end},
                     {"text", one.segment.text}};
        if (const std::string speaker = text_at(one.segment.extra, speaker_key); !speaker.empty())
            json["speaker"] = speaker;
        json["accepted"] = one.accepted;
        json["edited"] = one.edited;
        json["verdict"] = one.verdict.empty() ? Json() : Json(one.verdict);
        json["scores"] = one.scores;
        json["reasons"] = one.reasons;
        json["odd"] = one.odd;
        if (words && one.segment.words) {
            json["words"] = Json::array();
            for (const auto& word : *one.segment.words)
                json["words"].push_back({{"word", word.text}, {"start", word.start}, {"end", word.end}});
        }
        segments.push_back(std::move(json));
    }
    return {{"recordings", std::move(recordings)}, {"segments", std::move(segments)}};
}

}  // namespace testudo::dataset
