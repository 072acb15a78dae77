#include "dataset/speaker_choice.h"

#include <algorithm>
#include <map>
#include <vector>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::dataset {

std::string speaker_of(const Json& extra) {
    const auto found = extra.find("speaker");
    return found != extra.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string kept_speaker(const asr::Transcripts& transcripts, const std::string& wanted) {
    if (wanted.empty()) return {};
    std::map<std::string, double> seconds;
    for (const auto& [name, transcript] : transcripts)
        for (const auto& segment : transcript.segments)
            if (const std::string speaker = speaker_of(segment.extra); !speaker.empty())
                seconds[speaker] += segment.end - segment.start;
    if (seconds.empty())
        throw input_error("no segment of whisper.json says who speaks",
                          "Transcribe again with --diarize, or leave keep_speaker empty.");
    if (seconds.count(wanted)) return wanted;
    if (wanted == "main")
        return std::max_element(seconds.begin(), seconds.end(),
                                [](const auto& a, const auto& b) { return a.second < b.second; })
            ->first;
    std::vector<std::string> names;
    for (const auto& [name, spoken] : seconds) names.push_back(cat(name, " (", human_duration(spoken), ")"));
    throw input_error(cat("nobody called \"", to_utf8(wanted), "\" speaks; there are: ", join(names, ", ")),
                      "Give keep_speaker one of these names, or main.");
}

}  // namespace testudo::dataset
