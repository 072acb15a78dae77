#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "audio/decode.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/clip_file.h"
#include "dataset/edit.h"
#include "dataset/hear_again.h"
#include "dataset/heard.h"
#include "dataset/slices.h"
#include "dataset/speaker_choice.h"
#include "dataset/steps.h"
#include "dataset/transcript_text.h"

namespace testudo::dataset {

namespace {

constexpr double silence = 1e-4;  // peak: -80 dB of full scale

// What a line could hold: no line break, no second '|', nothing at the end. A leading space is Whisper's.
std::string line_text(const std::string& text) {
    std::string out = to_utf8(text);
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '|') c = ' ';
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
}

std::string seconds_text(double seconds) { return cat(std::round(seconds * 100) / 100, " s"); }

// espeak's name of a language that Whisper names otherwise.
std::string phoneme_voice(const std::string& language) {
    if (language == "en") return "en-us";
    if (language == "fr") return "fr-fr";
    if (language == "zh") return "cmn";
    return language;
}

std::string without_spaces(std::string text) {
    std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
    return text;
}

bool segments_say_otherwise(const asr::Transcript& transcript) {
    std::string text;
    for (const auto& segment : transcript.segments) text += segment.text;
    return !transcript.segments.empty() && without_spaces(text) != without_spaces(transcript.text);
}

std::vector<std::string> names_of(const asr::Transcripts& transcripts) {
    std::vector<std::string> names;
    for (const auto& [name, transcript] : transcripts) names.push_back(name);
    return names;
}

void reject_unusable(const UsableTranscripts& usable, Report& report) {
    for (const auto& [name, error] : usable.unusable)
        report.rejected.push_back(
            {name, {}, {}, 0, {}, cat(error.what(), ". ", error.hint()), "mistake in whisper.json"});
}

class Listing {
  public:
    Listing(const Job& job, const Phonemize& phonemize, const Transcribe& transcribe)
        : job_(job),
          phonemize_(phonemize),
          transcribe_(transcribe),
          usable_(read_usable(job.folders.whisper_json())),
          transcripts_(usable_.transcripts),
          names_(names_of(transcripts_)),
          book_(job.folders),
          heard_(job.folders.training / ".heard.json"),
          slicing_(job.settings),
          speaker_(kept_speaker(transcripts_, job.settings.keep_speaker)) {}

    Report run() {
        report_.files = static_cast<int>(transcripts_.size() + usable_.unusable.size());
        reject_unusable(usable_, report_);
        std::size_t done = 0;
        for (const auto& [name, transcript] : transcripts_) {
            if (stop_requested()) {
                report_.stopped = true;
                return std::move(report_);  // the old lists stay
            }
            if (uses_segments(name, transcript))
                list_segments(name, transcript);
            else
                list_whole(name, transcript);
            job_.events.progress("list", static_cast<double>(++done),
                                 static_cast<double>(transcripts_.size()), "recordings");
        }
        check();
        if (!report_.stopped) write();
        return std::move(report_);
    }

  private:
    struct Candidate {
        std::string recording, clip;  // clip: file name in audio/
        std::string text;
        const Json* extra = nullptr;  // of the transcript or segment
        std::string language;
        std::optional<std::int64_t> segment;
        std::optional<double> start, end;
        double seconds = 0;
        bool heard = false;      // the text is what was heard in this very clip
        bool two_texts = false;  // the segments say another one
    };
    struct Listed {
        std::string line;  // of the list
        bool validates = false;
        bool hear_again = false;
        double seconds = 0;
    };

    void reject(const Candidate& candidate, std::string kind, std::string reason) {
        const bool known =
            std::any_of(report_.rejected.begin(), report_.rejected.end(), [&](const Rejected& one) {
                return candidate.start && one.file == candidate.recording && one.start == candidate.start &&
                       one.end == candidate.end;
            });
        if (known) return;  // the cutting said why
        report_.rejected.push_back({candidate.recording, candidate.start, candidate.end, candidate.seconds,
                                    candidate.text, std::move(reason), std::move(kind)});
    }

    // The Python programs keep mp3 and others under their own name.
    std::string whole_clip(const std::string& name) const {
        const std::string ours = clip_name(name);
        if (fs::path(name).filename() == name && !fs::exists(job_.folders.audio / ours) &&
            fs::exists(job_.folders.audio / name))
            return name;
        return ours;
    }

    bool uses_segments(const std::string& name, const asr::Transcript& transcript) {
        if (job_.settings.slice) return true;
        const std::size_t characters = count_code_points(transcript.text);
        double end = 0;
        for (const auto& segment : transcript.segments) end = std::max(end, segment.end);
        std::string reason;
        if (characters > longest_text_characters)
            reason = cat("its text has ", characters, " characters, more than ", longest_text_characters);
        else if (end >= longest_clip_seconds)
            reason =
                cat("its speech ends at ", seconds_text(end), ", after ", seconds_text(longest_clip_seconds));
        else if (const double all = clip_seconds(name); all > longest_clip_seconds)
            reason = cat("it lasts ", seconds_text(all), ", more than ", seconds_text(longest_clip_seconds));
        else if (!speaker_.empty() &&
                 std::any_of(transcript.segments.begin(), transcript.segments.end(),
                             [&](const auto& segment) { return speaker_of(segment.extra) != speaker_; }))
            reason = cat("not only ", speaker_, " speaks in it");
        if (reason.empty()) return false;
        report_.notes.push_back(cat(name, " is used by its segments: ", reason));
        return true;
    }

    double clip_seconds(const std::string& name) const {
        const fs::path file = job_.folders.audio / whole_clip(name);
        try {
            return fs::exists(file) ? audio::duration(file) : 0;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            return 0;  // list_whole() says what is wrong with it
        }
    }

    void list_whole(const std::string& name, const asr::Transcript& transcript) {
        Candidate candidate;
        candidate.recording = name;
        candidate.clip = whole_clip(name);
        candidate.text = transcript.text;
        candidate.extra = &transcript.extra;
        candidate.language = transcript.language;
        candidate.heard = heard_.origin_of(name, transcript) == Origin::heard;
        candidate.two_texts = segments_say_otherwise(transcript);
        list(candidate, cat("audio/", candidate.clip, " is missing: transcribe this recording again"));
    }

    bool fits(const asr::Segment& segment) const {
        const double seconds = segment.end - segment.start;
        return seconds > job_.settings.min_duration && seconds < longest_clip_seconds;
    }

    void list_segments(const std::string& name, const asr::Transcript& transcript) {
        if (!job_.settings.slice) cut_missing(name, transcript);
        if (transcript.segments.empty()) {
            Candidate all;
            all.recording = name;
            all.text = transcript.text;
            reject(all, "no text", "has no segments");
        }
        for (const auto& segment : transcript.segments) {
            Candidate candidate;
            candidate.recording = name;
            candidate.clip = names_.name(name, segment.id);
            candidate.text = segment.text;
            candidate.extra = &segment.extra;
            candidate.language = transcript.language;
            candidate.segment = segment.id;
            candidate.start = segment.start;
            candidate.end = segment.end;
            candidate.seconds = std::max(0.0, segment.end - segment.start);
            const bool shorter = candidate.seconds < longest_clip_seconds;
            if (const std::string speaker = speaker_of(segment.extra);
                !speaker_.empty() && speaker != speaker_)
                reject(
                    candidate, "another speaker",
                    cat("is spoken by ", speaker.empty() ? "nobody known" : speaker, ", not by ", speaker_));
            else if (!fits(segment))
                reject(candidate, shorter ? "too short" : "too long",
                       cat(seconds_text(candidate.seconds), " are too ", shorter ? "short" : "long",
                           ": a clip must last from ", seconds_text(job_.settings.min_duration), " to ",
                           seconds_text(longest_clip_seconds)));
            else if (book_.stale(candidate.clip, segment))
                reject(candidate, "stale slice",
                       cat("audio/", candidate.clip, " was cut at other times: slice again"));
            else
                list(candidate, cat("there is no slice audio/", candidate.clip, ": slice again"));
        }
    }

    // Recordings that turn out too long are cut here and now, as the original does: trimmed, without offsets.
    void cut_missing(const std::string& name, const asr::Transcript& transcript) {
        const bool complete =
            std::all_of(transcript.segments.begin(), transcript.segments.end(), [&](const auto& segment) {
                const std::string slice = names_.name(name, segment.id);
                return !fits(segment) ||
                       (fs::exists(job_.folders.audio / slice) && !book_.stale(slice, segment));
            });
        if (complete) return;
        slice_recording(job_.folders, name, transcript, names_, slicing_.request(true), book_, report_);
    }

    // The text of the line: the words, or their phonemes. Empty (and reported) when there is none.
    std::string text_of(const Candidate& candidate) {
        std::string text = candidate.text;
        if (fs::path(job_.settings.tokenizer_json).filename() == "ipa.json") {
            if (const auto given = candidate.extra->find("phonemes");
                given != candidate.extra->end() && given->is_string()) {
                text = given->get<std::string>();
            } else if (!phonemize_) {
                reject(candidate, "no phonemes",
                       "this tokenizer needs phonemes, and whisper.json has none for it");
                return {};
            } else {
                std::string language =
                    candidate.language.empty() ? job_.settings.language : candidate.language;
                try {
                    text =
                        phonemize_(trim(candidate.text), phoneme_voice(language.empty() ? "en" : language));
                } catch (const Error& error) {
                    if (error.kind() != ErrorKind::input) throw;
                    reject(candidate, "no phonemes", cat(error.what(), ". ", error.hint()));
                    return {};
                }
            }
        }
        text = line_text(text);
        if (trim(text).empty()) {
            reject(candidate, "no text", "has no text");
            return {};
        }
        return text;
    }

    void list(Candidate& candidate, const std::string& when_missing) {
        const std::size_t characters = count_code_points(candidate.text);
        if (characters > longest_text_characters)
            return reject(
                candidate, "text too long",
                cat("its text has ", characters, " characters, more than ", longest_text_characters));
        const fs::path file = job_.folders.audio / candidate.clip;
        if (!fs::exists(file)) return reject(candidate, "missing clip", when_missing);
        audio::Clip clip;
        audio::SignalReport signal;
        try {
            clip = audio::load(file);
            signal = audio::measure(clip);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            return reject(candidate, "unreadable clip", error.what());
        }
        const double seconds = clip.seconds();
        if (!candidate.start) candidate.seconds = seconds;
        if (seconds < job_.settings.min_duration || seconds > longest_clip_seconds)
            return reject(
                candidate, seconds < longest_clip_seconds ? "too short" : "too long",
                cat("audio/", candidate.clip, " lasts ", seconds_text(seconds), ": a clip must last from ",
                    seconds_text(job_.settings.min_duration), " to ", seconds_text(longest_clip_seconds)));
        if (signal.peak <= silence) return reject(candidate, "silent", "is silent");
        const std::string text = text_of(candidate);
        if (text.empty()) return;

        // Thresholds are about what is said, also where the line holds its phonemes.
        const std::size_t said = count_code_points(line_text(candidate.text));
        const bool validates = static_cast<double>(said) < job_.settings.validation_text_length ||
                               seconds < job_.settings.validation_audio_length;
        listed_.push_back({cat("audio/", candidate.clip, "|", text), validates, !candidate.heard, seconds});
        note_scores(candidate, signal, validates);
    }

    void note_scores(const Candidate& candidate, const audio::SignalReport& signal, bool validates) {
        CheckedLine line;
        line.audio = cat("audio/", candidate.clip);
        line.list = validates ? "validation" : "train";
        line.recording = candidate.recording;
        line.segment = candidate.segment;
        line.start = candidate.start;
        line.end = candidate.end;
        line.text = candidate.text;
        line.language = candidate.language;
        line.speaker = speaker_of(*candidate.extra);
        line.accepted = is_marked(*candidate.extra, accepted_key);
        line.two_texts = candidate.two_texts;
        line.signal = signal;
        if (candidate.segment)
            line.signal.clipped_share = std::max(signal.clipped_share, book_.clipped_share(candidate.clip));
        report_.lines.push_back(std::move(line));
    }

    // Verdicts of all lines; doubtful ones leave the lists where that is asked for.
    void check() {
        if (job_.settings.check_slices && transcribe_) {
            std::vector<CheckedLine*> again;
            for (std::size_t i = 0; i < listed_.size(); ++i)
                if (listed_[i].hear_again && !report_.lines[i].accepted) again.push_back(&report_.lines[i]);
            hear_again(job_, transcribe_, again, report_);
            if (report_.stopped) return;
        }
        std::vector<std::string> order;
        for (const auto& line : report_.lines) order.push_back(line.audio);
        judge(report_.lines);
        std::map<std::string, CheckedLine*> by_audio;
        for (auto& line : report_.lines) by_audio[line.audio] = &line;
        for (std::size_t i = 0; i < listed_.size(); ++i) {
            CheckedLine& line = *by_audio.at(order[i]);
            const Listed& listed = listed_[i];
            if (job_.settings.leave_out_doubtful && line.verdict == Verdict::doubtful) {
                line.list.clear();
                report_.rejected.push_back({line.recording, line.start, line.end, listed.seconds, line.text,
                                            cat("is doubtful: ", join(line.reasons, "; ")), "doubtful"});
                continue;
            }
            (listed.validates ? validation_ : train_).push_back(listed.line);
            report_.seconds_kept += listed.seconds;
        }
    }

    void write() {
        report_.train_lines = static_cast<int>(train_.size());
        report_.validation_lines = static_cast<int>(validation_.size());
        save_report(job_.folders, "list", report_);
        if (train_.empty() && validation_.empty()) {
            tell(report_, job_.events);
            const std::string why =
                report_.rejected.empty()
                    ? cat(job_.folders.whisper_json(), " holds no recording")
                    : cat("all ", report_.rejected.size(), " lines were left out, the first, ",
                          report_.rejected[0].file, ", because: ", report_.rejected[0].reason);
            throw input_error(cat("no line for ", job_.folders.training / "train.txt", ": ", why),
                              "Give more or longer recordings, or correct whisper.json.");
        }
        if (train_.empty())
            job_.events.warning(
                cat("train.txt is empty: all ", validation_.size(),
                    " lines are shorter than the thresholds and went to validation.txt. Set "
                    "validation_text_length and validation_audio_length to 0 to train on them."));
        write_file(job_.folders.training / "train.txt", join(train_, "\n"));
        write_file(job_.folders.training / "validation.txt", join(validation_, "\n"));
        job_.events.artifact("lines", job_.folders.training / "train.txt");
        job_.events.artifact("lines", job_.folders.training / "validation.txt");
    }

    const Job& job_;
    const Phonemize& phonemize_;
    const Transcribe& transcribe_;
    UsableTranscripts usable_;
    const asr::Transcripts& transcripts_;
    SliceNames names_;
    SliceBook book_;
    Heard heard_;
    Slicing slicing_;
    std::string speaker_;         // the only one whose segments are used; empty: everybody's
    std::vector<Listed> listed_;  // beside report_.lines until those are judged
    std::vector<std::string> train_, validation_;
    Report report_;
};

}  // namespace

Report list_step(const Job& job, const Phonemize& phonemize, const Transcribe& transcribe) {
    return Listing(job, phonemize, transcribe).run();
}

Report slice_step(const Job& job) {
    const UsableTranscripts usable = read_usable(job.folders.whisper_json());
    const asr::Transcripts& transcripts = usable.transcripts;
    const SliceNames names(names_of(transcripts));
    SliceBook book(job.folders);
    Slicing slicing(job.settings);
    const SliceRequest request = slicing.request(false);
    Report report;
    report.files = static_cast<int>(transcripts.size() + usable.unusable.size());
    reject_unusable(usable, report);
    std::size_t done = 0;
    for (const auto& [name, transcript] : transcripts) {
        if (stop_requested()) {
            report.stopped = true;
            break;
        }
        slice_recording(job.folders, name, transcript, names, request, book, report);
        job.events.progress("slice", static_cast<double>(++done), static_cast<double>(transcripts.size()),
                            "recordings");
    }
    save_report(job.folders, "slice", report);
    const auto failed = [](const Cut& cut) { return !cut.error.empty(); };
    if (!report.cuts.empty() && std::all_of(report.cuts.begin(), report.cuts.end(), failed)) {
        tell(report, job.events);
        throw input_error(cat("none of the ", report.cuts.size(), " segments can be cut; the first, of ",
                              report.cuts[0].source, ", because it ", report.cuts[0].error),
                          "Correct the offsets or the times in whisper.json; earlier slices are kept.");
    }
    return report;
}

}  // namespace testudo::dataset
