#include "dataset/report.h"

#include <algorithm>
#include <cmath>

#include "core/strings.h"

namespace testudo::dataset {

namespace {

constexpr std::size_t doubtful_told = 20;

double rounded(double seconds) { return std::round(seconds * 1000) / 1000; }

std::string at_time(const Rejected& rejected) {
    if (!rejected.start) return {};
    return cat(" at ", rounded(*rejected.start), " s",
               rejected.end ? cat(" to ", rounded(*rejected.end), " s") : std::string());
}

Json to_json(const Rejected& rejected) {
    Json out = {{"file", rejected.file}};
    if (rejected.start) out["start"] = *rejected.start;
    if (rejected.end) out["end"] = *rejected.end;
    out["seconds"] = rounded(rejected.seconds);
    out["text"] = to_utf8(rejected.text);
    out["reason"] = rejected.reason;
    if (!rejected.kind.empty()) out["kind"] = rejected.kind;
    return out;
}

}  // namespace

double Report::seconds_lost() const {
    double sum = 0;
    for (const auto& one : rejected) sum += one.seconds;
    return sum;
}

int Report::doubtful() const {
    return static_cast<int>(std::count_if(lines.begin(), lines.end(), [](const CheckedLine& line) {
        return line.verdict == Verdict::doubtful;
    }));
}

void Report::add(Report other) {
    files = std::max(files, other.files);
    transcribed += other.transcribed;
    std::move(other.cuts.begin(), other.cuts.end(), std::back_inserter(cuts));
    train_lines += other.train_lines;
    validation_lines += other.validation_lines;
    seconds_kept += other.seconds_kept;
    for (auto& one : other.rejected) {
        const bool known = std::any_of(rejected.begin(), rejected.end(), [&](const Rejected& mine) {
            return mine.file == one.file && mine.start == one.start && mine.end == one.end;
        });
        if (!known) rejected.push_back(std::move(one));
    }
    std::move(other.notes.begin(), other.notes.end(), std::back_inserter(notes));
    std::move(other.findings.begin(), other.findings.end(), std::back_inserter(findings));
    std::move(other.lines.begin(), other.lines.end(), std::back_inserter(lines));
    stopped |= other.stopped;
}

Json to_json(const Report& report) {
    Json rejected = Json::array(), notes = report.findings;
    for (const auto& note : report.notes) notes.push_back(note);
    for (const auto& one : report.rejected) rejected.push_back(to_json(one));
    double gained = 0, lost = 0;
    for (const Cut& cut : report.cuts)
        if (cut.error.empty()) gained += cut.gained, lost += cut.lost;
    return {{"recordings", report.files},
            {"transcribed", report.transcribed},
            {"slices", std::count_if(report.cuts.begin(), report.cuts.end(),
                                     [](const Cut& cut) { return cut.error.empty(); })},
            {"cut_points", {{"seconds_gained", rounded(gained)}, {"seconds_lost", rounded(lost)}}},
            {"train_lines", report.train_lines},
            {"validation_lines", report.validation_lines},
            {"doubtful", report.doubtful()},
            {"seconds_kept", rounded(report.seconds_kept)},
            {"seconds_lost", rounded(report.seconds_lost())},
            {"stopped", report.stopped},
            {"rejected", std::move(rejected)},
            {"notes", std::move(notes)}};
}

std::string counted(std::size_t count, const char* one, const char* many) {
    return cat(count, " ", count == 1 ? one : many);
}

void tell(const Report& report, Events& events) {
    for (const auto& finding : report.findings) events.info(finding);
    for (const auto& note : report.notes) events.warning(note);
    std::size_t told = 0;
    for (const auto& line : report.lines) {
        if (line.verdict != Verdict::doubtful) continue;
        if (++told > doubtful_told) continue;
        events.info(cat("doubtful: ", line.audio, ": ", join(line.reasons, "; "), " (\"",
                        to_utf8(trim(line.text)), "\")"));
    }
    if (told > 0)
        events.warning(cat(counted(told, "line is", "lines are"), " doubtful; report.json names ",
                           told == 1 ? "it" : "them all"));
    for (const auto& one : report.rejected)
        events.warning(cat("left out: ", one.file, at_time(one), ": ", one.reason,
                           one.text.empty() ? std::string() : cat(" (\"", to_utf8(trim(one.text)), "\")")));
}

}  // namespace testudo::dataset
