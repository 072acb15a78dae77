#include "asr/transcriber.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <random>

#include "asr/decoding.h"
#include "asr/parts.h"
#include "asr/utf8.h"
#include "audio/clip.h"
#include "audio/resample.h"
#include "audio/whisper_mel.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"

namespace testudo::asr {

namespace {

constexpr std::int64_t window_frames = 3000;  // mel frames of 10 ms
constexpr std::int64_t frames_per_time = 2;   // mel frames of one timestamp step, 20 ms
constexpr double frame_seconds = 0.01, time_seconds = 0.02;

double hundredths(double seconds) { return std::round(seconds * 100) / 100; }

// One clip on its way.
struct Job {
    std::size_t index = 0;
    at::Tensor mel;            // [mels, content + 3000]
    std::int64_t content = 0;  // frames of the clip itself
    std::int64_t seek = 0;
    Tokens history;  // initial prompt and all text so far
    std::size_t prompt_begin = 0, initial = 0;
    double last_speech = 0;
    bool heard = false;  // the given language was compared with what the first window sounds like
    Transcript transcript;

    bool ended() const { return seek >= content; }
    std::int64_t window() const { return std::min(window_frames, content - seek); }
};

at::Tensor mel_of(const audio::Clip& clip, int mels, std::int64_t& content) {
    for (const float sample : clip.samples)
        if (!std::isfinite(sample))
            throw input_error("the recording holds samples that are no numbers (NaN or infinite)",
                              "Export the recording again, as 16-bit WAV for instance.");
    if (clip.rate <= 0 && !clip.samples.empty())
        throw input_error("the recording has no sampling rate", "Export the recording again.");
    audio::Clip resampled;
    const audio::Clip* source = &clip;
    if (clip.rate != audio::whisper_rate && !clip.samples.empty()) {
        resampled = audio::resample(clip, audio::whisper_rate);
        source = &resampled;
    }
    const auto samples = static_cast<std::int64_t>(source->samples.size());
    content = samples / audio::whisper_hop;
    if (content == 0) return {};
    const at::Tensor wave =
        at::from_blob(const_cast<float*>(source->samples.data()), {samples}, at::TensorOptions(at::kFloat));
    return audio::whisper_mel(wave, mels, window_frames * audio::whisper_hop);
}

// What the encoder gets at the job's place; what misses to 30 s is 0 on the normalised scale.
at::Tensor window_mel(const Job& job) {
    const at::Tensor sound = job.mel.narrow(1, job.seek, job.window());
    return at::constant_pad_nd(sound, {0, window_frames - job.window()});
}

Segment make_segment(const Job& job, double start, double end, Tokens tokens, const Decoded& decoded,
                     const WhisperTokenizer& tokenizer) {
    Segment segment;
    segment.seek = job.seek;
    segment.start = hundredths(start);
    segment.end = hundredths(end);
    Tokens text;
    for (const std::int64_t token : tokens)
        if (token < tokenizer.eot) text.push_back(token);
    segment.text = tokenizer.decode(text);
    segment.tokens = std::move(tokens);
    segment.temperature = decoded.temperature;
    segment.avg_logprob = decoded.quality.avg_logprob;
    segment.compression_ratio = decoded.quality.compression_ratio;
    segment.no_speech_prob = decoded.quality.no_speech_prob;
    return segment;
}

// Cuts a window's tokens at its pairs of timestamps; `next_seek` receives where the next window begins.
std::vector<Segment> cut_segments(const Job& job, const Decoded& decoded, const WhisperTokenizer& tokenizer,
                                  bool& single_ending, std::int64_t& next_seek) {
    const Tokens& tokens = decoded.tokens;
    const auto is_time = [&](std::size_t i) { return tokens[i] >= tokenizer.timestamp_begin; };
    const auto steps = [&](std::size_t i) { return tokens[i] - tokenizer.timestamp_begin; };
    const double offset = static_cast<double>(job.seek) * frame_seconds;
    const std::size_t count = tokens.size();
    single_ending = count >= 2 && is_time(count - 1) && !is_time(count - 2);

    std::vector<std::size_t> cuts;
    for (std::size_t i = 1; i < count; ++i)
        if (is_time(i - 1) && is_time(i)) cuts.push_back(i);
    std::vector<Segment> segments;
    next_seek = job.seek + job.window();
    if (!cuts.empty()) {
        if (single_ending) cuts.push_back(count);
        std::size_t last = 0;
        for (const std::size_t cut : cuts) {
            segments.push_back(make_segment(job, offset + static_cast<double>(steps(last)) * time_seconds,
                                            offset + static_cast<double>(steps(cut - 1)) * time_seconds,
                                            Tokens(tokens.begin() + static_cast<std::ptrdiff_t>(last),
                                                   tokens.begin() + static_cast<std::ptrdiff_t>(cut)),
                                            decoded, tokenizer));
            last = cut;
        }
        if (!single_ending) next_seek = job.seek + steps(last - 1) * frames_per_time;
    } else {
        double duration = static_cast<double>(job.window()) * frame_seconds;
        for (std::size_t i = count; i-- > 0;)
            if (is_time(i)) {
                if (steps(i) > 0) duration = static_cast<double>(steps(i)) * time_seconds;
                break;
            }
        segments.push_back(make_segment(job, offset, offset + duration, tokens, decoded, tokenizer));
    }
    return segments;
}

nets::Whisper::Audio one_window(const nets::Whisper::Audio& audio, std::size_t index) {
    nets::Whisper::Audio one;
    for (const at::Tensor& key : audio.keys)
        one.keys.push_back(key.narrow(0, static_cast<std::int64_t>(index), 1));
    for (const at::Tensor& value : audio.values)
        one.values.push_back(value.narrow(0, static_cast<std::int64_t>(index), 1));
    return one;
}

// The work on a set of clips.
class Run {
  public:
    Run(const Transcriber::Parts& parts, const std::vector<audio::Clip>& clips,
        const TranscribeOptions& options)
        : parts_(parts), clips_(clips), options_(options) {
        if (options.temperatures.empty())
            throw usage_error("no temperature to transcribe at", "Give at least one, e.g. 0.");
        for (const double temperature : options.temperatures)
            if (!(temperature >= 0 && temperature <= 10))
                throw usage_error(cat("a temperature of ", temperature, " is not possible"), "Give 0 to 1.");
        if (options.beam_size > 64 || options.best_of < 1 || options.best_of > 64)
            throw usage_error("beam size and best of must be at most 64", "Give 5, for instance.");
        if (!options.language.empty()) given_ = parts.tokenizer.language_code(options.language);
        if (!parts.tokenizer.multilingual()) {
            if (!given_.empty() && given_ != "en")
                throw usage_error(
                    cat("this Whisper model knows English only, not \"", options.language, "\""),
                    "Take a multilingual model (one without .en in its name), or language en.");
            if (options.translate)
                throw usage_error("an English-only Whisper model cannot translate",
                                  "Take a multilingual model (one without .en in its name).");
        }
        for (const audio::Clip& clip : clips) total_seconds_ += clip.seconds();
    }

    std::vector<Transcript> work() {
        c10::InferenceMode inference;
        results_.resize(clips_.size());
        std::deque<Job> jobs;
        std::size_t next = 0;
        const auto batch = static_cast<std::size_t>(std::max(1, options_.batch));
        while (true) {
            std::vector<Job*> fresh;
            while (jobs.size() < batch && next < clips_.size()) {
                jobs.push_back(start(next++));
                if (jobs.back().ended()) {
                    finish(jobs.back());
                    jobs.pop_back();
                }
            }
            if (jobs.empty()) break;
            for (Job& job : jobs)
                if (job.transcript.language.empty()) fresh.push_back(&job);
            detect(fresh);
            if (stop_requested())
                throw Error(ErrorKind::interrupted, "transcription was interrupted",
                            "Run the same command again: finished files are kept.");
            round(jobs);
            report(jobs);
            for (auto job = jobs.begin(); job != jobs.end();)
                if (job->ended()) {
                    finish(*job);
                    job = jobs.erase(job);
                } else {
                    ++job;
                }
        }
        return std::move(results_);
    }

  private:
    Job start(std::size_t index) {
        Job job;
        job.index = index;
        job.mel = mel_of(clips_[index], parts_.model.config().mels, job.content);
        job.transcript.language = parts_.tokenizer.multilingual() ? given_ : "en";
        if (!strip(options_.initial_prompt).empty())
            job.history = parts_.tokenizer.encode(cat(" ", strip(options_.initial_prompt)));
        job.initial = job.history.size();
        return job;
    }

    void finish(Job& job) {
        const Tokens& all = job.history;
        job.transcript.text =
            parts_.tokenizer.decode(std::span(all).subspan(std::min(job.initial, all.size())));
        done_seconds_ += clips_[job.index].seconds();
        results_[job.index] = std::move(job.transcript);
        job.mel = at::Tensor();
        if (options_.finished) options_.finished(job.index, results_[job.index]);
    }

    void report(const std::deque<Job>& jobs) {
        if (!options_.progress) return;
        double done = done_seconds_;
        for (const Job& job : jobs)
            done += std::min(clips_[job.index].seconds(), static_cast<double>(job.seek) * frame_seconds);
        options_.progress(done, total_seconds_);
    }

    // By the first 30 s, silence after the clip included, as the original hears them.
    void detect(const std::vector<Job*>& jobs) {
        if (jobs.empty()) return;
        std::vector<at::Tensor> mels;
        for (const Job* job : jobs) mels.push_back(job->mel.narrow(1, 0, window_frames));
        const at::Tensor heard = language_probabilities(parts_, at::stack(mels));
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            const auto [value, index] = at::max(heard[static_cast<std::int64_t>(i)], 0);
            jobs[i]->transcript.language =
                parts_.tokenizer.languages()[static_cast<std::size_t>(index.item<std::int64_t>())];
            jobs[i]->transcript.language_probability = value.item<double>();
            jobs[i]->heard = true;
        }
    }

    // One window of every job.
    void round(std::deque<Job>& jobs) {
        std::vector<at::Tensor> mels;
        std::vector<WindowPrompt> prompts;
        for (const Job& job : jobs) {
            mels.push_back(window_mel(job));
            prompts.push_back(make_prompt(parts_.tokenizer, parts_.model.config().text_context,
                                          std::span(job.history).subspan(job.prompt_begin),
                                          job.transcript.language, options_.translate));
        }
        const nets::Whisper::Audio audio = parts_.model.attend_to(parts_.model.encode(at::stack(mels)));
        const std::vector<Decoded> decoded = decode(jobs, audio, prompts);
        for (std::size_t i = 0; i < jobs.size(); ++i) advance(jobs[i], decoded[i], audio, i);
    }

    std::vector<Decoded> decode(const std::deque<Job>& jobs, const nets::Whisper::Audio& audio,
                                std::vector<WindowPrompt>& prompts) const {
        std::vector<Decoded> results(jobs.size());
        std::vector<std::size_t> open(jobs.size());
        std::iota(open.begin(), open.end(), std::size_t{0});
        for (std::size_t t = 0; t < options_.temperatures.size() && !open.empty(); ++t) {
            DecodingOptions how;
            how.temperature = options_.temperatures[t];
            how.beam = how.temperature == 0 && options_.beam_size > 1;
            how.group = how.beam ? options_.beam_size : how.temperature > 0 ? options_.best_of : 1;
            how.patience = options_.patience;
            how.length_penalty = options_.length_penalty;
            std::vector<WindowPrompt> own;
            std::vector<std::int64_t> rows;
            for (const std::size_t i : open) {
                // Draws depend on the place in the clip, not on what is decoded beside it.
                std::seed_seq mix{options_.seed, options_.seed >> 32,
                                  static_cast<std::uint64_t>(jobs[i].seek), static_cast<std::uint64_t>(t)};
                std::uint32_t words[2];
                mix.generate(words, words + 2);
                prompts[i].seed = (std::uint64_t{words[0]} << 32) | words[1];
                own.push_back(prompts[i]);
                rows.push_back(static_cast<std::int64_t>(i));
            }
            const bool all = open.size() == jobs.size();
            std::vector<Decoded> tried = decode_windows(
                parts_.model, parts_.tokenizer, parts_.rules,
                all ? audio : audio.select(at::tensor(rows, at::kLong).to(parts_.model.device())), own, how);
            std::vector<std::size_t> again;
            for (std::size_t k = 0; k < open.size(); ++k) {
                if (needs_fallback(tried[k].quality, options_)) again.push_back(open[k]);
                results[open[k]] = std::move(tried[k]);
            }
            open = std::move(again);
        }
        return results;
    }

    void advance(Job& job, const Decoded& decoded, const nets::Whisper::Audio& audio,
                 std::size_t window) const {
        compare_language(job, decoded);
        if (is_silence(decoded.quality, options_)) {
            job.seek += job.window();
            return;
        }
        bool single_ending = false;
        std::int64_t next_seek = 0;
        std::vector<Segment> segments =
            cut_segments(job, decoded, parts_.tokenizer, single_ending, next_seek);
        if (options_.word_timestamps) {
            const double offset = static_cast<double>(job.seek) * frame_seconds;
            Tokens text;
            for (const Segment& segment : segments)
                for (const std::int64_t token : *segment.tokens)
                    if (token < parts_.tokenizer.eot) text.push_back(token);
            add_words(segments,
                      align_words(parts_.model, parts_.tokenizer, parts_.heads, one_window(audio, window),
                                  job.window(), text, job.transcript.language, options_.translate),
                      parts_.tokenizer.eot, offset, job.last_speech);
            double last_end = segments.back().end;
            for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment)
                if (!segment->words->empty()) {
                    last_end = segment->words->back().end;
                    break;
                }
            if (!single_ending && last_end > offset) next_seek = std::lround(last_end * 100);
            job.last_speech = last_end;
        }
        // A window that leaves no trace of where it ended would be heard for ever.
        job.seek = next_seek > job.seek ? next_seek : job.seek + job.window();
        for (Segment& segment : segments) {
            if (segment.start == segment.end || strip(segment.text).empty()) {
                segment.text.clear();
                segment.tokens->clear();
                if (options_.word_timestamps) segment.words.emplace();
            }
            segment.id = static_cast<std::int64_t>(job.transcript.segments.size());
            job.history.insert(job.history.end(), segment.tokens->begin(), segment.tokens->end());
            job.transcript.segments.push_back(std::move(segment));
        }
        if (!options_.condition_on_previous_text || decoded.temperature > 0.5)
            job.prompt_begin = job.history.size();
    }

    // The first window's distribution over languages comes with its decoding: a wrong choice is told at no
    // cost.
    void compare_language(Job& job, const Decoded& decoded) const {
        if (job.heard || !parts_.tokenizer.multilingual()) return;
        job.heard = true;
        const auto& codes = parts_.tokenizer.languages();
        const auto best = static_cast<std::size_t>(
            std::max_element(decoded.languages.begin(), decoded.languages.end()) - decoded.languages.begin());
        const auto own = static_cast<std::size_t>(
            std::find(codes.begin(), codes.end(), job.transcript.language) - codes.begin());
        job.transcript.language_probability = static_cast<double>(decoded.languages[own]);
        if (best != own && decoded.languages[best] > 0.5f && decoded.languages[own] < 0.1f &&
            !is_silence(decoded.quality, options_))
            job.transcript.warnings.push_back(cat("the language is given as ", job.transcript.language,
                                                  ", but it sounds like ", codes[best], " (",
                                                  std::lround(100 * decoded.languages[best]), " %)"));
    }

  public:
    // [windows, languages]
    static at::Tensor language_probabilities(const Transcriber::Parts& parts, const at::Tensor& mels) {
        const nets::Whisper::Audio audio = parts.model.attend_to(parts.model.encode(mels));
        nets::Whisper::Cache cache = parts.model.new_cache(mels.size(0), 1);
        const at::Tensor states =
            parts.model.decode(at::full({mels.size(0), 1}, parts.tokenizer.sot, at::kLong), audio, cache);
        const auto count = static_cast<std::int64_t>(parts.tokenizer.languages().size());
        const at::Tensor logits = parts.model.logits(states.select(1, 0));
        return at::softmax(logits.narrow(1, parts.tokenizer.first_language, count), 1).to(at::kCPU);
    }

  private:
    const Transcriber::Parts& parts_;
    const std::vector<audio::Clip>& clips_;
    const TranscribeOptions& options_;
    std::string given_;
    std::vector<Transcript> results_;
    double total_seconds_ = 0, done_seconds_ = 0;
};

}  // namespace

Transcriber Transcriber::load(const std::filesystem::path& model, const std::string& device,
                              const std::string& compute) {
    return Transcriber(std::make_unique<Parts>(load_parts(model, device, compute)));
}

Transcriber::Transcriber(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Transcriber::Transcriber(Transcriber&&) noexcept = default;
Transcriber& Transcriber::operator=(Transcriber&&) noexcept = default;
Transcriber::~Transcriber() = default;

Transcript Transcriber::transcribe(const audio::Clip& clip, const TranscribeOptions& options) const {
    return transcribe(std::vector<audio::Clip>{clip}, options).front();
}

std::vector<Transcript> Transcriber::transcribe(const std::vector<audio::Clip>& clips,
                                                const TranscribeOptions& options) const {
    return Run(*parts_, clips, options).work();
}

std::vector<std::pair<std::string, double>> Transcriber::detect_language(const audio::Clip& clip) const {
    if (!multilingual()) return {{"en", 1.0}};
    c10::InferenceMode inference;
    std::int64_t content = 0;
    at::Tensor mel = mel_of(clip, config().mels, content);
    if (content == 0)
        throw input_error("the recording is too short to tell its language", "Give the language, e.g. en.");
    const at::Tensor heard =
        Run::language_probabilities(*parts_, mel.narrow(1, 0, window_frames).unsqueeze(0))[0].contiguous();
    std::vector<std::pair<std::string, double>> result;
    for (std::size_t i = 0; i < languages().size(); ++i)
        result.emplace_back(languages()[i], static_cast<double>(heard.const_data_ptr<float>()[i]));
    std::stable_sort(result.begin(), result.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    return result;
}

const char* Transcriber::compute() const {
    return parts_->model.compute() == nets::WhisperCompute::int8 ? "int8" : "float32";
}
bool Transcriber::multilingual() const { return parts_->tokenizer.multilingual(); }
const std::vector<std::string>& Transcriber::languages() const { return parts_->tokenizer.languages(); }
const nets::WhisperConfig& Transcriber::config() const { return parts_->model.config(); }
const WhisperTokenizer& Transcriber::tokenizer() const { return parts_->tokenizer; }

}  // namespace testudo::asr
