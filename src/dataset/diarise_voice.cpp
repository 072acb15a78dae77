#include "dataset/diarise_voice.h"

#include <map>

#include "asr/assign_speakers.h"
#include "asr/diarisation.h"
#include "audio/decode.h"
#include "audio/whisper_mel.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/heard.h"

namespace testudo::dataset {

namespace {

asr::Sound sound_of(const fs::path& file) {
    return [file](const std::function<bool(std::span<const float>)>& sink) {
        audio::DecodeOptions how;
        how.rate = audio::whisper_rate;
        audio::stream(file, how, [&](std::span<const float> samples, int) { return sink(samples); });
    };
}

std::string who_speaks(const std::vector<std::vector<asr::SpeakerSpan>>& spans) {
    std::map<std::string, double> seconds;
    for (const auto& recording : spans)
        for (const auto& span : recording) seconds[span.speaker] += span.end - span.start;
    std::vector<std::string> parts;
    for (const auto& [speaker, spoken] : seconds) parts.push_back(cat(speaker, " ", human_duration(spoken)));
    return cat(parts.size(), parts.size() == 1 ? " speaker: " : " speakers: ", join(parts, ", "));
}

class Diarisation {
  public:
    explicit Diarisation(const Job& job)
        : job_(job),
          file_(job.folders.whisper_json()),
          transcripts_(asr::read_transcripts(file_)),
          heard_(job.folders.training / ".heard.json") {}

    Report run() {
        report_.files = static_cast<int>(transcripts_.size());
        for (const auto& [name, file] : recordings_of(job_.folders).files) recordings_[name] = file;
        const asr::Diariser diariser;
        try {
            for (const auto& [name, transcript] : transcripts_) listen(diariser, name);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::interrupted) throw;
            report_.stopped = true;
            return std::move(report_);
        }
        tag();
        save_report(job_.folders, "diarize", report_);
        job_.events.artifact("transcript", file_);
        return std::move(report_);
    }

  private:
    void listen(const asr::Diariser& diariser, const std::string& name) {
        voices_.emplace_back();
        fs::path file = job_.folders.audio / clip_name(name);
        if (const auto found = recordings_.find(name); found != recordings_.end()) file = found->second;
        try {
            voices_.back() = diariser.listen(sound_of(file));
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            report_.notes.push_back(cat(name, ": its speakers are not told apart: ", error.what()));
        }
        job_.events.progress("diarize", static_cast<double>(voices_.size()),
                             static_cast<double>(transcripts_.size()), "recordings");
    }

    void tag() {
        asr::DiariseOptions options;
        options.speakers = job_.settings.speakers;
        const auto spans = asr::cluster_speakers(voices_, options);
        int cut = 0;
        for (std::size_t i = 0; i < transcripts_.size(); ++i) {
            auto& [name, transcript] = transcripts_[i];
            if (voices_[i].windows.empty()) continue;  // nobody was heard
            const Origin origin = heard_.origin_of(name, transcript);
            const bool by_hand = origin == Origin::corrected && !job_.settings.overwrite_corrections;
            cut += asr::assign_speakers(transcript, spans[i],
                                        {.nearest = true, .split = !by_hand, .keep_tagged = by_hand});
            if (origin == Origin::heard) heard_.add(name, transcript);
        }
        heard_.write();
        asr::write_transcripts(file_, transcripts_);
        report_.notes.push_back(who_speaks(spans));
        if (cut > 0)
            report_.notes.push_back(cat(cut, cut == 1 ? " segment was" : " segments were",
                                        " cut where the speaker changes: slices must be cut again"));
    }

    const Job& job_;
    fs::path file_;
    asr::Transcripts transcripts_;
    Heard heard_;
    std::map<std::string, fs::path> recordings_;
    std::vector<asr::HeardVoices> voices_;  // of each transcript
    Report report_;
};

}  // namespace

bool tells_speakers(const DatasetSettings& settings) {
    return settings.diarize || !settings.keep_speaker.empty();
}

Report diarise_step(const Job& job) { return Diarisation(job).run(); }

Report diarise_voice(const fs::path& root, const std::string& voice, const DatasetSettings& settings,
                     Events& events) {
    Report report = diarise_step(make_job(root, voice, settings, events));
    tell(report, events);
    return report;
}

}  // namespace testudo::dataset
