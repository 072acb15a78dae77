#include "dataset/found_speakers.h"

#include <algorithm>

#include "asr/assign_speakers.h"
#include "core/error.h"

namespace testudo::dataset {

namespace {

bool is_numbered(const std::string& speaker) {
    constexpr std::string_view prefix = "SPEAKER_";
    return speaker.size() > prefix.size() && speaker.starts_with(prefix) &&
           speaker.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

}  // namespace

FoundSpeakers::FoundSpeakers(std::filesystem::path file) : file_(std::move(file)) {
    if (!std::filesystem::exists(file_)) return;
    try {
        const Json all = read_json(file_);
        for (const auto& [name, runs] : all.items())
            for (const Json& segments : runs) {
                Run run;
                for (const Json& one : segments)
                    run.push_back({one.at("id").get<std::int64_t>(), one.at("start").get<double>(),
                                   one.at("end").get<double>(), one.at("speaker").get<std::string>()});
                found_[name].push_back(std::move(run));
            }
    } catch (const Error&) {
        found_.clear();
    } catch (const Json::exception&) {
        found_.clear();
    }
}

std::vector<bool> FoundSpeakers::differing(const Run& run, const asr::Transcript& transcript) {
    std::vector<asr::SpeakerSpan> spans;
    for (const Found& one : run) spans.push_back({one.start, one.end, one.speaker});
    const asr::SpeakerIndex index(spans);
    std::vector<bool> out;
    for (const auto& segment : transcript.segments) {
        const std::string speaker = asr::speaker_of(segment);
        const bool same_id = std::any_of(run.begin(), run.end(), [&](const Found& one) {
            return one.id == segment.id && one.speaker == speaker;
        });
        out.push_back(
            !speaker.empty() &&
            (!is_numbered(speaker) || (!same_id && index.speaker(segment.start, segment.end) != speaker)));
    }
    return out;
}

std::vector<bool> FoundSpeakers::by_hand(const std::string& recording,
                                         const asr::Transcript& transcript) const {
    const auto known = found_.find(recording);
    if (known == found_.end() || known->second.empty()) return differing({}, transcript);
    std::vector<bool> fewest;
    for (auto run = known->second.rbegin(); run != known->second.rend(); ++run) {
        std::vector<bool> one = differing(*run, transcript);
        if (fewest.empty() ||
            std::count(one.begin(), one.end(), true) < std::count(fewest.begin(), fewest.end(), true))
            fewest = std::move(one);
    }
    return fewest;
}

void FoundSpeakers::set(const std::string& recording, const asr::Transcript& transcript) {
    Run run;
    for (const auto& segment : transcript.segments)
        run.push_back({segment.id, segment.start, segment.end, asr::speaker_of(segment)});
    auto& runs = found_[recording];
    if (!runs.empty() && runs.back() == run) return;
    if (runs.size() > 1) runs.erase(runs.begin(), runs.end() - 1);
    runs.push_back(std::move(run));
}

void FoundSpeakers::write() const {
    Json all = Json::object();
    for (const auto& [name, runs] : found_) {
        Json& list = all[name] = Json::array();
        for (const Run& run : runs) {
            Json segments = Json::array();
            for (const Found& one : run)
                segments.push_back(
                    {{"id", one.id}, {"start", one.start}, {"end", one.end}, {"speaker", one.speaker}});
            list.push_back(std::move(segments));
        }
    }
    write_json(file_, all, {.indent = -1, .ascii = true});
}

}  // namespace testudo::dataset
