#include <algorithm>
#include <set>
#include <utility>

#include "asr/tokenizer.h"
#include "audio/decode.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/clip_file.h"
#include "dataset/collapse.h"
#include "dataset/curate.h"
#include "dataset/edit.h"
#include "dataset/exchange.h"
#include "dataset/heard.h"
#include "dataset/pieces.h"
#include "dataset/read_ahead.h"
#include "dataset/steps.h"
#include "dataset/transcript_file.h"

namespace testudo::dataset {

namespace {

// Recordings that go to the transcriber together.
constexpr std::size_t group_files = 8;
constexpr double group_seconds = 600;  // and what is longer than that is heard in pieces

struct Waiting {
    Recording recording;
    audio::Clip clip;  // for audio/NAME
};

struct Outcome {
    std::optional<asr::Transcript> transcript;
    std::string failure;
};

// One outcome for each; a failing group is tried one by one. False when Ctrl-C came.
bool run(const Transcribe& transcribe, const std::vector<Recording>& recordings, const std::string& language,
         std::vector<Outcome>& outcomes) {
    std::string failure;
    try {
        auto transcripts = transcribe(recordings, language);
        if (transcripts.size() == recordings.size()) {
            for (auto& transcript : transcripts) outcomes.push_back({std::move(transcript), {}});
            return true;
        }
        failure = cat("the transcriber gave ", transcripts.size(), " transcripts for ", recordings.size(),
                      " recordings");
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::interrupted) return false;
        if (error.kind() != ErrorKind::input) throw;
        failure = error.what();
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (recordings.size() == 1) {
        outcomes.push_back({std::nullopt, failure});
        return true;
    }
    for (const auto& recording : recordings)
        if (stop_requested() || !run(transcribe, {recording}, language, outcomes)) return false;
    return true;
}

constexpr const char* transcribed = "transcribed";

class Transcription {
  public:
    Transcription(const Job& job, const Transcribe& transcribe)
        : job_(job),
          transcribe_(transcribe),
          transcripts_(job.folders, transcribed),
          heard_(job.folders.training / ".heard.json") {
        for (const auto& [name, transcript] : transcripts_.entries)
            if (heard_.origin_of(name, transcript) == Origin::corrected) corrected_.insert(name);
    }

    Report run_all() {
        VoiceRecordings recordings = recordings_of(job_.folders);
        report_.files = static_cast<int>(recordings.files.size() + recordings.skipped.size());
        report_.rejected = std::move(recordings.skipped);
        report_.notes = std::move(recordings.notes);
        total_ = recordings.files.size();
        std::vector<fs::path> unknown;
        for (const auto& [name, file] : recordings.files)
            if (!is_known(name) || !fs::exists(job_.folders.audio / clip_name(name))) unknown.push_back(file);
        ahead_.emplace(std::move(unknown), group_seconds);
        for (const auto& [name, file] : recordings.files) {
            if (stop_requested()) report_.stopped = true;
            if (report_.stopped) break;
            take(name, file);
            if (group_.size() >= group_files || group_length_ >= group_seconds) finish_group();
        }
        if (!report_.stopped) finish_group();
        if (usable_ == 0 && !report_.stopped) {
            save_report(job_.folders, "transcribe", report_);
            tell(report_, job_.events);
            throw input_error(cat("none of the recordings in ", job_.folders.voice, " can be used: ",
                                  report_.rejected[0].file, ": ", report_.rejected[0].reason),
                              "Check these files: each must be a recording of speech that can be played.");
        }
        take_up();
        collapse();
        tell_kept_corrections();
        save_report(job_.folders, "transcribe", report_);
        job_.events.artifact("transcript", job_.folders.whisper_json());
        return std::move(report_);
    }

  private:
    void reject(const std::string& name, const std::string& reason) {
        Rejected out;
        out.file = name;
        out.reason = reason;
        report_.rejected.push_back(std::move(out));
        ++done_;
    }

    bool is_corrected(const std::string& name) const {
        return meanwhile_.count(name) > 0 ||
               (!job_.settings.overwrite_corrections && corrected_.count(name) > 0);
    }
    bool is_known(const std::string& name) {
        return is_corrected(name) ||
               (job_.settings.skip_existing && asr::find_transcript(transcripts_.entries, name));
    }

    void take(const std::string& name, const fs::path& file) {
        const std::string clip = clip_name(name);
        if (!clips_.insert(clip).second)
            return reject(name,
                          cat("another recording is kept as audio/", clip, ", too: rename one of them"));
        const bool known = is_known(name);
        if (is_corrected(name) && !job_.settings.skip_existing) kept_corrections_.push_back(name);
        if (known && fs::exists(job_.folders.audio / clip)) {
            ++usable_;
            ++done_;
            return;
        }
        const bool told = !known && job_.settings.sidecar_transcripts && sidecar_of(file);
        if (!known && !told && !std::exchange(ready_, true)) transcribe_({}, job_.settings.language);
        Waiting waiting{{name, file, {}}, {}};
        Outcome outcome;
        try {
            std::string warning;
            std::optional<TwoRates> both = ahead_->take(file, &warning);
            if (!both) return take_long(name, file, known, told);
            if (!warning.empty()) report_.notes.push_back(warning);
            waiting.recording.clip = std::move(both->whisper);
            waiting.clip = std::move(both->training);
            if (told) outcome.transcript = sidecar_transcript(file, waiting.clip.seconds());
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            return reject(name, error.what());
        }
        if (known) {
            write_clip(job_.folders.audio / clip, waiting.clip);
            ++usable_;
            ++done_;
            return;
        }
        if (outcome.transcript) {
            outcome.transcript->language = language_of_sidecars();
            return keep(name, std::move(waiting.clip), std::move(outcome));
        }
        group_length_ += waiting.clip.seconds();
        group_.push_back(std::move(waiting));
    }

    std::string language_of_sidecars() const {
        return asr::find_language(job_.settings.language).value_or(job_.settings.language);
    }

    // Piece by piece; what was heard before a kill is not heard again. `told`: its text lies beside it.
    void take_long(const std::string& name, const fs::path& file, bool known, bool told) {
        finish_group();
        if (report_.stopped) return;
        const fs::path clip = job_.folders.audio / clip_name(name);
        std::string warning, failure;
        HeardPieces pieces(job_.folders.training / ".pieces.json", key_of_pieces(name, file));
        double heard = 0;
        const auto hear = [&](audio::Clip piece,
                              const std::string& language) -> std::optional<asr::Transcript> {
            heard += piece.seconds();
            std::vector<Outcome> outcomes;
            report_.stopped =
                stop_requested() || !run(transcribe_, {{name, file, std::move(piece)}}, language, outcomes);
            if (report_.stopped) return std::nullopt;
            if (!outcomes[0].transcript) failure = outcomes[0].failure;
            job_.events.info(cat(name, ": ", human_duration(heard), " transcribed"));
            return std::move(outcomes[0].transcript);
        };
        std::optional<asr::Transcript> transcript =
            hear_in_pieces(file, clip, job_.settings.language, known || told ? nullptr : &pieces,
                           known || told ? HearPiece() : HearPiece(hear), &warning);
        if (report_.stopped) return;
        if (!warning.empty()) report_.notes.push_back(warning);
        if (told) {
            transcript = sidecar_transcript(file, audio::duration(clip));
            if (transcript) transcript->language = language_of_sidecars();
        }
        if (!transcript) return reject(name, cat("cannot be transcribed: ", failure));
        if (known) {
            ++usable_;
            ++done_;
            return;
        }
        enter(name, std::move(*transcript));
        pieces.remove();
    }

    std::string key_of_pieces(const std::string& name, const fs::path& file) const {
        const DatasetSettings& how = job_.settings;
        std::error_code vanished;  // reading the file will tell
        const auto size = fs::file_size(file, vanished);
        const auto written = fs::last_write_time(file, vanished).time_since_epoch().count();
        return sha256(cat(name, "\n", size, "\n", written, "\n", how.language, "\n", how.whisper_backend,
                          "\n", how.whisper_model, "\n", how.whisper_compute, "\n", how.beam_size,
                          how.word_timestamps, how.vad_filter));
    }

    void finish_group() {
        if (group_.empty()) return;
        std::vector<Recording> recordings;
        for (auto& waiting : group_) recordings.push_back(std::move(waiting.recording));
        std::vector<Outcome> outcomes;
        report_.stopped = !run(transcribe_, recordings, job_.settings.language, outcomes);
        for (std::size_t i = 0; i < outcomes.size(); ++i)
            keep(recordings[i].name, std::move(group_[i].clip), std::move(outcomes[i]));
        group_.clear();
        group_length_ = 0;
        job_.events.progress("transcribe", static_cast<double>(done_), static_cast<double>(total_),
                             "recordings");
    }

    void keep(const std::string& name, audio::Clip clip, Outcome outcome) {
        if (!outcome.transcript) return reject(name, cat("cannot be transcribed: ", outcome.failure));
        write_clip(job_.folders.audio / clip_name(name), clip);
        enter(name, std::move(*outcome.transcript));
    }

    // What an editor saved while this runs counts as corrected, whatever was asked for before.
    void take_up() {
        const std::vector<std::string> changed = transcripts_.take_up(report_.notes);
        if (changed.empty()) return;
        bool watched = false;
        for (const auto& name : changed) {
            watched |= heard_.watch(name);
            const asr::Transcript* entry = asr::find_transcript(transcripts_.entries, name);
            corrected_.erase(name);
            meanwhile_.erase(name);
            if (!entry || heard_.origin_of(name, *entry) == Origin::heard) continue;
            corrected_.insert(name);
            meanwhile_.insert(name);
        }
        if (watched) heard_.write();
        report_.notes.push_back(
            cat("whisper.json was edited while this ran; kept as it is there now: ", join(changed, ", ")));
    }

    // Into whisper.json; its clip is there.
    void enter(const std::string& name, asr::Transcript transcript) {
        take_up();
        ++usable_;
        ++done_;
        if (meanwhile_.count(name)) return;
        for (const auto& warning : transcript.warnings) report_.notes.push_back(cat(name, ": ", warning));
        asr::Transcript* old = asr::find_transcript(transcripts_.entries, name);
        if (old && heard_.origin_of(name, *old) != Origin::heard) keep_previous();
        heard_.add(name, transcript);
        heard_.write();
        if (old) {
            corrected_.erase(name);
            *old = std::move(transcript);
        } else {
            transcripts_.entries.emplace_back(name, std::move(transcript));
        }
        transcripts_.write();
        ++report_.transcribed;
    }

    // What is replaced may hold somebody's work: a copy of the file as this run found it stays.
    void keep_previous() {
        if (previous_kept_) return;
        previous_kept_ = true;
        const fs::path copy = free_name(job_.folders.training / "whisper.previous.json");
        write_file(copy, read_file(job_.folders.whisper_json()));
        report_.notes.push_back(cat(copy.filename(),
                                    " holds whisper.json as it was before: entries were "
                                    "replaced that this program had not written so"));
    }

    void tell_kept_corrections() {
        if (kept_corrections_.empty()) return;
        report_.notes.push_back(
            cat("kept as corrected by hand in whisper.json: ", join(kept_corrections_, ", "),
                "; with overwrite_corrections they are heard again"));
    }

    // Of every entry, old ones too, but for those corrected by hand.
    void collapse() {
        int gone = 0;
        asr::Transcripts collapsed = transcripts_.entries;
        for (auto& [name, transcript] : collapsed) {
            if (corrected_.count(name)) continue;
            const bool heard = heard_.origin_of(name, transcript) == Origin::heard;
            const int joined = collapse_short_segments(transcript, job_.settings.min_duration);
            if (heard && joined > 0) heard_.add(name, transcript);
            gone += joined;
        }
        if (gone == 0) return;
        const fs::path before = job_.folders.training / "whisper.unsanitized.json";
        asr::write_transcripts(before, transcripts_.entries);
        heard_.write();
        transcripts_.entries = std::move(collapsed);
        transcripts_.write();
        report_.findings.push_back(cat(counted(static_cast<std::size_t>(gone), "segment", "segments"),
                                       " shorter than ", job_.settings.min_duration,
                                       gone == 1 ? " s was" : " s were", " joined to the one before; ",
                                       before.filename(), " holds the state before"));
    }

    const Job& job_;
    const Transcribe& transcribe_;
    TranscriptFile transcripts_;
    Heard heard_;
    std::optional<ReadAhead> ahead_;
    std::vector<Waiting> group_;
    double group_length_ = 0;
    std::set<std::string> clips_, corrected_, meanwhile_;  // the last: since this began
    std::vector<std::string> kept_corrections_;
    bool previous_kept_ = false, ready_ = false;
    std::size_t done_ = 0, total_ = 0, usable_ = 0;
    Report report_;
};

}  // namespace

Report transcribe_step(const Job& job, const Transcribe& transcribe) {
    Report changes;
    note_changes(job.folders, {}, changes.notes);
    Report report = Transcription(job, transcribe).run_all();
    note_changes(job.folders, transcribed, changes.notes);
    report.add(std::move(changes));
    return report;
}

}  // namespace testudo::dataset
