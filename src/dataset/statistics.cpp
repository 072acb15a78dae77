#include "dataset/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "audio/decode.h"
#include "audio/signal.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/lines.h"
#include "dataset/transcript_text.h"
#include "dataset/voice_files.h"

namespace testudo::dataset {

namespace {

struct Values {
    std::vector<double> length, characters_per_second, loudness, snr, tokens;
};

std::string text_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

double number_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

// report.json as far as it can be read: statistics do without it.
Json read_report(const fs::path& training, Events& events) {
    const fs::path file = training / "report.json";
    if (!fs::exists(file)) return Json::object();
    std::string why = "it is no object";
    try {
        if (Json read = read_json(file); read.is_object()) return read;
    } catch (const Error& error) {
        why = error.what();
    }
    events.warning(cat(file, " cannot be used, so verdicts and what was lost are not counted: ", why,
                       "; `testudo dataset ", to_utf8(training.filename().string()), "` writes it anew"));
    return Json::object();
}

// The lists were made of it and may be older than the damage.
void warn_of_whisper_json(const fs::path& training, Events& events) {
    const fs::path file = training / "whisper.json";
    if (!fs::exists(file)) return;
    try {
        for (const auto& [name, error] : read_usable(file).unusable)
            events.warning(cat("the lists are counted as they are; made anew they would lack an entry: ",
                               error.what(), ". ", error.hint()));
    } catch (const Error& error) {
        events.warning(cat("the lists are counted as they are, but cannot be made anew: ", error.what(), ". ",
                           error.hint()));
    }
}

// What every step left out; what two of them report counts once.
void add_lost(const Json& report, Statistics& out) {
    std::map<std::string, bool> seen;
    for (const char* step : {"transcribe", "slice", "list"}) {
        if (!report.contains(step) || !report[step].is_object() || !report[step].contains("rejected"))
            continue;
        for (const Json& one : report[step]["rejected"]) {
            if (!one.is_object()) continue;
            const std::string key =
                cat(text_at(one, "file"), "\n", number_at(one, "start"), "\n", number_at(one, "end"));
            if (!seen.emplace(key, true).second) continue;
            std::string kind = text_at(one, "kind");
            if (kind.empty()) kind = "recording cannot be used";
            ++out.lost[kind].count;
            out.lost[kind].seconds += number_at(one, "seconds");
            out.seconds_lost += number_at(one, "seconds");
        }
    }
}

// By the clip's name in the lists.
std::map<std::string, const Json*> lines_of(const Json& report) {
    std::map<std::string, const Json*> lines;
    if (report.contains("lines"))
        for (const Json& line : report["lines"])
            if (line.is_object())
                if (const std::string audio = text_at(line, "audio"); !audio.empty()) lines[audio] = &line;
    return lines;
}

void add_verdict(const Json& line, double seconds, Statistics& out) {
    for (auto [key, shares] : {std::pair{"language", &out.languages}, std::pair{"speaker", &out.speakers}}) {
        Share& share = (*shares)[text_at(line, key)];
        ++share.count;
        share.seconds += seconds;
    }
    const std::string verdict = text_at(line, "verdict");
    if (verdict.empty()) return;
    ++out.verdicts[verdict];
    if (verdict != "doubtful" || !line.contains("reasons")) return;
    std::vector<std::string> reasons;
    for (const Json& reason : line["reasons"])
        if (reason.is_string()) reasons.push_back(reason.get<std::string>());
    out.doubtful.push_back(cat(text_at(line, "audio"), ": ", join(reasons, "; ")));
}

}  // namespace

Histogram histogram(std::vector<double> values, int bins) {
    std::erase_if(values, [](double value) { return !std::isfinite(value); });
    Histogram out;
    if (values.empty() || bins < 1) return out;
    std::sort(values.begin(), values.end());
    out.values = static_cast<int>(values.size());
    out.least = values.front();
    out.most = values.back();
    const std::size_t middle = values.size() / 2;
    out.median = values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    out.mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    const double span = std::max(out.most - out.least, 1e-9 + 1e-9 * std::abs(out.most));
    double power = std::pow(10, std::floor(std::log10(span / bins)));
    for (const double step : {1.0, 2.0, 5.0, 10.0, 20.0}) {
        out.width = power * step;
        out.low = std::floor(out.least / out.width) * out.width;
        if (std::floor((out.most - out.low) / out.width) < bins) break;
    }
    out.counts.resize(static_cast<std::size_t>(
        std::clamp(std::floor((out.most - out.low) / out.width) + 1, 1.0, static_cast<double>(bins))));
    for (const double value : values) {
        const auto bin = static_cast<std::size_t>(std::max((value - out.low) / out.width, 0.0));
        ++out.counts[std::min(bin, out.counts.size() - 1)];
    }
    return out;
}

Statistics statistics_of(const fs::path& root, const std::string& voice, const text::Tokenizer& tokenizer,
                         const asr::VoiceActivity* voice_activity, Events& events) {
    const VoiceFolders folders(root, voice);
    Statistics out;
    out.voice = to_utf8(voice);
    if (!fs::exists(folders.training / "train.txt"))
        throw input_error(cat(folders.training / "train.txt", " is missing"),
                          cat("Make the dataset first: `testudo prepare ", out.voice, "`."));
    std::vector<Line> lines = read_lines(folders.training / "train.txt", true);
    out.train_lines = static_cast<int>(lines.size());
    if (const fs::path list = folders.training / "validation.txt"; fs::exists(list)) {
        const auto more = read_lines(list, true);
        out.validation_lines = static_cast<int>(more.size());
        lines.insert(lines.end(), more.begin(), more.end());
    }
    const Json report = read_report(folders.training, events);
    warn_of_whisper_json(folders.training, events);
    const auto known = lines_of(report);
    add_lost(report, out);

    Values values;
    std::size_t done = 0;
    for (const Line& line : lines) {
        if (stop_requested())
            throw Error(ErrorKind::interrupted, "the statistics are not complete", "Run them again.");
        const audio::Clip clip = audio::load(audio_path(folders.training / "train.txt", line));
        const audio::SignalReport signal = audio::measure(clip);
        out.seconds += signal.seconds;
        values.length.push_back(signal.seconds);
        if (signal.seconds > 0)
            values.characters_per_second.push_back(static_cast<double>(count_code_points(line.text)) /
                                                   signal.seconds);
        if (signal.loudness) values.loudness.push_back(*signal.loudness);
        if (signal.snr) values.snr.push_back(*signal.snr);
        if (voice_activity) {
            double speech = 0;
            for (const auto& span : voice_activity->speech(clip)) speech += span.end - span.start;
            out.speech_seconds = out.speech_seconds.value_or(0) + speech;
        }
        const text::Encoded encoded = tokenizer.encode(line.text);
        values.tokens.push_back(static_cast<double>(encoded.ids.size()));
        if (!encoded.unknown.empty()) ++out.lines_with_unknown_characters;
        for (const auto& character : encoded.unknown) ++out.unknown_characters[character];
        const auto found = known.find(line.audio);
        add_verdict(found == known.end() ? Json::object() : *found->second, signal.seconds, out);
        events.progress("measure", static_cast<double>(++done), static_cast<double>(lines.size()), "clips");
    }
    out.length = histogram(std::move(values.length));
    out.characters_per_second = histogram(std::move(values.characters_per_second));
    out.loudness = histogram(std::move(values.loudness));
    out.snr = histogram(std::move(values.snr));
    out.tokens = histogram(std::move(values.tokens));
    return out;
}

}  // namespace testudo::dataset
