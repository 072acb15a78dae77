#include "dataset/hear_again.h"

#include <optional>
#include <set>

#include "audio/decode.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/strings.h"

namespace testudo::dataset {

namespace {

constexpr int whisper_rate = 16000;
// Clips that go to the transcriber together; the file is written after each group.
constexpr std::size_t group_clips = 16;
constexpr double group_seconds = 240;

struct Hearing {
    std::string text, warning;
};

// Bytes of the clip and the model -> what was heard.
class Memory {
  public:
    Memory(const Job& job) : file_(job.folders.training / ".checks.json") {
        const DatasetSettings& s = job.settings;
        model_ = cat(s.whisper_backend, " ", s.whisper_model, " ", s.language, " ", s.beam_size);
        if (!fs::exists(file_)) return;
        try {
            Json read = read_json(file_);
            if (read.is_object()) all_ = std::move(read);
        } catch (const Error&) {
            // It can be made anew.
        }
    }

    std::string key(const fs::path& clip) const {
        return sha256(sha256_of_file(clip) + model_).substr(0, 32);
    }

    std::optional<Hearing> find(const std::string& key) const {
        const auto found = all_.find(key);
        if (found == all_.end() || !found->is_object() || !found->contains("text") ||
            !(*found)["text"].is_string())
            return {};
        Hearing hearing{(*found)["text"].get<std::string>(), {}};
        if (found->contains("warning") && (*found)["warning"].is_string())
            hearing.warning = (*found)["warning"].get<std::string>();
        return hearing;
    }

    void keep(const std::string& key, const Hearing& hearing) {
        all_[key] = {{"text", to_utf8(hearing.text)}};
        if (!hearing.warning.empty()) all_[key]["warning"] = to_utf8(hearing.warning);
    }

    void write() const { write_json(file_, all_, {.indent = 1}); }

    // What belongs to no clip of this dataset any more.
    void forget_others(const std::set<std::string>& keys) {
        Json kept = Json::object();
        for (const auto& key : keys)
            if (const auto found = all_.find(key); found != all_.end()) kept[key] = *found;
        if (kept.size() == all_.size()) return;
        all_ = std::move(kept);
        write();
    }

  private:
    fs::path file_;
    std::string model_;
    Json all_ = Json::object();
};

struct Waiting {
    CheckedLine* line;
    std::string key;
};

class SecondHearing {
  public:
    SecondHearing(const Job& job, const Transcribe& transcribe, Report& report)
        : job_(job), transcribe_(transcribe), report_(report), memory_(job) {}

    void run(const std::vector<CheckedLine*>& lines) {
        std::vector<Waiting> unheard;
        std::set<std::string> keys;
        for (CheckedLine* line : lines) {
            const fs::path clip = job_.folders.training / line->audio;
            if (!fs::exists(clip)) continue;
            const std::string key = memory_.key(clip);
            keys.insert(key);
            if (const auto hearing = memory_.find(key))
                take(*line, *hearing);
            else
                unheard.push_back({line, key});
        }
        if (!unheard.empty() && ready()) hear(unheard);
        if (!report_.stopped) memory_.forget_others(keys);
    }

  private:
    static void take(CheckedLine& line, const Hearing& hearing) {
        line.heard = hearing.text;
        line.heard_warning = hearing.warning;
    }

    bool ready() {
        try {
            transcribe_({}, job_.settings.language);
            return true;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            report_.notes.push_back(
                cat("the slices are not heard again: ", error.what(), ". ", error.hint()));
            return false;
        }
    }

    void hear(const std::vector<Waiting>& unheard) {
        std::vector<Recording> group;
        std::vector<Waiting> waiting;
        double seconds = 0;
        std::size_t done = 0;
        const auto finish = [&] {
            hear_group(group, waiting);
            group.clear(), waiting.clear();
            seconds = 0;
            job_.events.progress("check", static_cast<double>(done), static_cast<double>(unheard.size()),
                                 "slices");
        };
        for (const Waiting& one : unheard) {
            report_.stopped = report_.stopped || stop_requested();
            if (report_.stopped) return;
            ++done;
            const fs::path clip = job_.folders.training / one.line->audio;
            try {
                group.push_back({one.line->audio, clip, audio::load(clip, whisper_rate)});
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::input) throw;
                report_.notes.push_back(cat("not heard again: ", error.what()));
                continue;
            }
            waiting.push_back(one);
            seconds += group.back().clip.seconds();
            if (group.size() >= group_clips || seconds >= group_seconds) finish();
        }
        if (!group.empty()) finish();
    }

    void hear_group(const std::vector<Recording>& group, const std::vector<Waiting>& waiting) {
        std::vector<asr::Transcript> heard;
        std::string failure;
        try {
            heard = transcribe_(group, job_.settings.language);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::interrupted) {
                report_.stopped = true;
                return;
            }
            if (error.kind() != ErrorKind::input) throw;
            failure = error.what();
        } catch (const std::exception& error) {
            failure = error.what();
        }
        if (failure.empty() && heard.size() == group.size()) return keep(heard, waiting);
        if (group.size() == 1) {
            report_.notes.push_back(cat(waiting[0].line->audio, " is not heard again: ", failure));
            return;
        }
        for (std::size_t i = 0; i < group.size() && !report_.stopped; ++i)
            hear_group({group[i]}, {waiting[i]});
    }

    void keep(const std::vector<asr::Transcript>& heard, const std::vector<Waiting>& waiting) {
        for (std::size_t i = 0; i < heard.size(); ++i) {
            const Hearing hearing{heard[i].text, join(heard[i].warnings, "; ")};
            memory_.keep(waiting[i].key, hearing);
            take(*waiting[i].line, hearing);
        }
        memory_.write();
    }

    const Job& job_;
    const Transcribe& transcribe_;
    Report& report_;
    Memory memory_;
};

}  // namespace

void hear_again(const Job& job, const Transcribe& transcribe, const std::vector<CheckedLine*>& lines,
                Report& report) {
    SecondHearing(job, transcribe, report).run(lines);
}

}  // namespace testudo::dataset
