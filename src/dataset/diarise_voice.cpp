#include "dataset/diarise_voice.h"

#include <map>

#include "asr/assign_speakers.h"
#include "asr/diarisation.h"
#include "audio/decode.h"
#include "audio/whisper_mel.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/curate.h"
#include "dataset/found_speakers.h"
#include "dataset/heard.h"
#include "dataset/transcript_file.h"

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

constexpr const char* told_apart = "speakers told apart";

class Diarisation {
  public:
    explicit Diarisation(const Job& job)
        : job_(job),
          transcripts_(job.folders, told_apart),
          heard_(job.folders.training / ".heard.json"),
          found_(job.folders.training / ".speakers.json") {}

    Report run() {
        asr::need_whisper_json(job_.folders.whisper_json());
        for (const auto& one : transcripts_.entries) names_.push_back(one.first);
        report_.files = static_cast<int>(names_.size());
        for (const auto& [name, file] : recordings_of(job_.folders).files) recordings_[name] = file;
        const asr::Diariser diariser;
        try {
            for (const auto& name : names_) listen(diariser, name);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::interrupted) throw;
            report_.stopped = true;
            return std::move(report_);
        }
        tag();
        save_report(job_.folders, "diarize", report_);
        job_.events.artifact("transcript", job_.folders.whisper_json());
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
                             static_cast<double>(names_.size()), "recordings");
    }

    void take_up() {
        const std::vector<std::string> changed = transcripts_.take_up(report_.notes);
        if (changed.empty()) return;
        for (const auto& name : changed) heard_.watch(name);
        heard_.write();
        report_.notes.push_back(
            cat("whisper.json was edited while this ran; taken as it is there now: ", join(changed, ", ")));
    }

    void tag() {
        asr::DiariseOptions options;
        options.speakers = job_.settings.speakers;
        const auto spans = asr::cluster_speakers(voices_, options);
        take_up();
        int cut = 0;
        for (std::size_t i = 0; i < names_.size(); ++i) {
            asr::Transcript* transcript = asr::find_transcript(transcripts_.entries, names_[i]);
            if (!transcript || voices_[i].windows.empty()) continue;  // gone meanwhile, or nobody was heard
            cut += tag(names_[i], *transcript, spans[i]);
        }
        found_.write();
        heard_.write();
        transcripts_.write();
        report_.findings.push_back(who_speaks(spans));
        if (cut > 0)
            report_.notes.push_back(cat(cut, cut == 1 ? " segment was" : " segments were",
                                        " cut where the speaker changes: slices must be cut again"));
        if (!kept_.empty())
            report_.notes.push_back(cat("kept as written by hand: ", join(kept_, ", "),
                                        "; with --overwrite-corrections these are told apart again, too"));
        if (!uncut_.empty())
            report_.notes.push_back(cat("not cut where the speaker changes, as corrected by hand: ",
                                        join(uncut_, ", "), "; with --overwrite-corrections they are"));
    }

    // Returns how many segments were cut.
    int tag(const std::string& name, asr::Transcript& transcript,
            const std::vector<asr::SpeakerSpan>& spans) {
        const Origin origin = heard_.origin_of(name, transcript);
        if (origin != Origin::corrected || job_.settings.overwrite_corrections) {
            const int cut = asr::assign_speakers(transcript, spans, {.nearest = true});
            found_.set(name, transcript);
            if (origin == Origin::heard) heard_.add(name, transcript);
            return cut;
        }
        const std::vector<bool> by_hand = found_.by_hand(name, transcript);
        for (std::size_t i = 0; i < by_hand.size(); ++i)
            if (by_hand[i])
                kept_.push_back(cat(name, ":", transcript.segments[i].id, " (",
                                    asr::speaker_of(transcript.segments[i]), ")"));
        asr::Transcript all = transcript, cut = transcript;
        asr::assign_speakers(all, spans, {.nearest = true, .split = false});
        found_.set(name, all);
        if (asr::assign_speakers(cut, spans, {.nearest = true, .keep = by_hand}) > 0) uncut_.push_back(name);
        asr::assign_speakers(transcript, spans, {.nearest = true, .split = false, .keep = by_hand});
        return 0;
    }

    const Job& job_;
    TranscriptFile transcripts_;
    Heard heard_;
    FoundSpeakers found_;
    std::vector<std::string> names_;  // of the recordings listened to
    std::map<std::string, fs::path> recordings_;
    std::vector<asr::HeardVoices> voices_;  // of each of them
    std::vector<std::string> kept_, uncut_;
    Report report_;
};

}  // namespace

bool tells_speakers(const DatasetSettings& settings) {
    return settings.diarize || !settings.keep_speaker.empty();
}

Report diarise_step(const Job& job) {
    Report changes;
    note_changes(job.folders, {}, changes.notes);
    Report report = Diarisation(job).run();
    if (!report.stopped) note_changes(job.folders, told_apart, changes.notes);
    report.add(std::move(changes));
    return report;
}

Report diarise_voice(const fs::path& root, const std::string& voice, const DatasetSettings& settings,
                     Events& events) {
    Report report = diarise_step(make_job(root, voice, settings, events));
    tell(report, events);
    return report;
}

}  // namespace testudo::dataset
