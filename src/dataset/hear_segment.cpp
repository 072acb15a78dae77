#include "dataset/hear_segment.h"

#include <algorithm>
#include <cmath>

#include "audio/decode.h"
#include "core/error.h"
#include "core/strings.h"
#include "dataset/slices.h"
#include "dataset/transcript_text.h"
#include "dataset/voice_files.h"

namespace testudo::dataset {

namespace {

constexpr int whisper_rate = 16000;

audio::Clip part_of(const std::filesystem::path& file, double start, double end) {
    const auto first = std::llround(start * whisper_rate), past_last = std::llround(end * whisper_rate);
    audio::Clip clip{{}, whisper_rate};
    std::int64_t at = 0;
    audio::stream(file, {.rate = whisper_rate}, [&](std::span<const float> samples, int) {
        const auto count = static_cast<std::int64_t>(samples.size());
        const auto from = std::clamp<std::int64_t>(first - at, 0, count),
                   to = std::clamp<std::int64_t>(past_last - at, 0, count);
        clip.samples.insert(clip.samples.end(), samples.begin() + from, samples.begin() + to);
        at += count;
        return at < past_last;
    });
    return clip;
}

}  // namespace

Json hear_segment(const std::filesystem::path& root, const std::string& voice, const std::string& recording,
                  std::int64_t segment, const DatasetSettings& settings, const Transcribe& transcribe) {
    const VoiceFolders folders(root, voice);
    const TranscriptText text = TranscriptText::read(folders.whisper_json());
    const asr::Transcript transcript = text.transcript(recording);
    const auto found = std::find_if(transcript.segments.begin(), transcript.segments.end(),
                                    [&](const asr::Segment& one) { return one.id == segment; });
    if (found == transcript.segments.end())
        throw input_error(cat(printable(recording), " has no segment ", segment),
                          "See `testudo dataset show`.");
    const std::filesystem::path file = find_recording(folders, recording);
    if (file.empty())
        throw input_error(cat("the recording ", printable(recording), " is not there"),
                          "Put it back into the voice's folder.");
    const audio::Clip clip = part_of(file, found->start, found->end);
    if (clip.samples.empty())
        throw input_error(cat("segment ", segment, " of ", printable(recording), " holds no sound"),
                          "Move its borders.");
    const std::string language = !settings.language.empty() ? settings.language : transcript.language;
    transcribe({}, language);
    const asr::Transcript heard = transcribe(std::vector<Recording>{{recording, file, clip}}, language).at(0);
    Json words = Json::array();
    for (const asr::Segment& part : heard.segments)
        if (part.words)
            for (const asr::Word& word : *part.words) {
                words.push_back({{"word", to_utf8(std::string_view(word.text))},
                                 {"start", found->start + word.start},
                                 {"end", std::min(found->end, found->start + word.end)}});
                if (word.probability) words.back()["probability"] = *word.probability;
            }
    return {{"recording", recording},
            {"segment", segment},
            {"start", found->start},
            {"end", found->end},
            {"digest", text.digest(recording)},
            {"language", heard.language},
            {"text", to_utf8(std::string_view(heard.text))},
            {"words", std::move(words)}};
}

}  // namespace testudo::dataset
