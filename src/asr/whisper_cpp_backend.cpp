#include "asr/whisper_cpp_backend.h"

#include <ATen/Parallel.h>
#include <whisper.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

#include "asr/ggml_model.h"
#include "asr/language_check.h"
#include "asr/parts.h"
#include "asr/utf8.h"
#include "audio/resample.h"
#include "audio/whisper_mel.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "tensors/mapped_storage.h"

namespace testudo::asr {

namespace {

constexpr int window_frames = 3000;  // mel frames of 10 ms
// Its dynamic time warping ends the process for windows of fewer frames.
constexpr int fewest_frames = 16;
constexpr int most_beams = 8;
constexpr double frame_seconds = 0.01;

// The newest complaint of whisper.cpp; the rest of what it says goes nowhere.
std::mutex complaint_mutex;
std::string complaint;

void take_log(ggml_log_level level, const char* text, void*) {
    if (level != GGML_LOG_LEVEL_ERROR) return;
    const std::lock_guard lock(complaint_mutex);
    complaint = trim(text);
}

Error failure(const std::string& what) {
    const std::lock_guard lock(complaint_mutex);
    return environment_error(cat("whisper.cpp ", what, complaint.empty() ? "" : ": ", printable(complaint)),
                             "Close other programs if memory is short, or take the backend openai/whisper.");
}

Error interrupted() {
    return {ErrorKind::interrupted, "transcription was interrupted",
            "Run the same command again: finished files are kept."};
}

void check_processor() {
#if defined(TESTUDO_WHISPER_AVX2) || defined(TESTUDO_WHISPER_AVX512)
    bool fit = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
               __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi2");
#ifdef TESTUDO_WHISPER_AVX512
    for (const bool has : {__builtin_cpu_supports("avx512f"), __builtin_cpu_supports("avx512cd"),
                           __builtin_cpu_supports("avx512vl"), __builtin_cpu_supports("avx512dq"),
                           __builtin_cpu_supports("avx512bw")})
        fit = fit && has;
#endif
    if (!fit)
        throw environment_error("this processor lacks instructions that the built-in whisper.cpp needs",
                                "Take the backend openai/whisper, or build Testudo with "
                                "-DTESTUDO_WHISPER_CPU=baseline.");
#endif
}

struct Free {
    void operator()(whisper_context* context) const { whisper_free(context); }
};
using Context = std::unique_ptr<whisper_context, Free>;

// Samples as whisper.cpp takes them. Error(input) as Transcriber::transcribe.
std::vector<float> samples_of(const audio::Clip& clip) {
    for (const float sample : clip.samples)
        if (!std::isfinite(sample))
            throw input_error("the recording holds samples that are no numbers (NaN or infinite)",
                              "Export the recording again, as 16-bit WAV for instance.");
    if (clip.samples.empty() || clip.rate == audio::whisper_rate) return clip.samples;
    if (clip.rate <= 0)
        throw input_error("the recording has no sampling rate", "Export the recording again.");
    return audio::resample(clip, audio::whisper_rate).samples;
}

// No segment may end that early in its window: see fewest_frames.
void forbid_earliest_times(whisper_context* context, whisper_state*, const whisper_token_data*, int,
                           float* logits, void*) {
    const whisper_token zero = whisper_token_beg(context);
    for (int step = 1; step < fewest_frames / 2; ++step) logits[zero + step] = -INFINITY;
}

class WhisperCpp final : public Backend {
  public:
    WhisperCpp(const std::filesystem::path& file, WhisperCppOptions how)
        : model_(tensors::read_ggml(file)),
          config_(check_ggml(model_, file)),
          tokenizer_(WhisperTokenizer::from_bytes(model_.vocabulary, config_.vocabulary, file)),
          how_(how) {
        for (const auto& [layer, head] : alignment_heads(config_, file.filename().string()))
            heads_.push_back({layer, head});
    }

    std::vector<Transcript> hear(const std::vector<audio::Clip>& clips, const HearOptions& options) override {
        check_options(options);
        prepare(options.word_timestamps);
        double done = 0, total = 0;
        for (const audio::Clip& clip : clips) total += clip.seconds();
        std::vector<Transcript> transcripts;
        for (const audio::Clip& clip : clips) {
            transcripts.push_back(hear_one(clip, options, [&](double seconds) {
                if (options.progress) options.progress(done + std::min(seconds, clip.seconds()), total);
            }));
            done += clip.seconds();
        }
        return transcripts;
    }

  private:
    void check_options(const HearOptions& options) {
        given_ = options.language.empty() ? "" : tokenizer_.language_code(options.language);
        if (!tokenizer_.multilingual() && !given_.empty() && given_ != "en")
            throw usage_error(cat("this Whisper model knows English only, not \"", options.language, "\""),
                              "Take a multilingual model (one without .en in its name), or language en.");
        if (options.beam_size > most_beams)
            throw usage_error(cat("whisper.cpp follows at most ", most_beams, " texts side by side, not ",
                                  options.beam_size),
                              cat("Choose a beam size of at most ", most_beams, "."));
    }

    // Word times cost a pass of their own, and rule out its faster attention: a context knows one of both
    // ways.
    void prepare(bool words) {
        if (context_ && words == words_) return;
        context_.reset();
        whisper_context_params how = whisper_context_default_params();
        how.use_gpu = false;
        how.flash_attn = !words;
        if (words) {
            how.dtw_token_timestamps = true;
            how.dtw_aheads_preset = WHISPER_AHEADS_CUSTOM;
            how.dtw_aheads = {heads_.size(), heads_.data()};
            // Three copies of the heads' attention, text against frames.
            const auto attention = sizeof(float) * static_cast<std::size_t>(config_.text_context / 2 + 8) *
                                   static_cast<std::size_t>(config_.audio_context);
            how.dtw_mem_size = (3 * heads_.size() + 8) * attention;
        }
        const auto bytes = model_.map->bytes();
        context_.reset(whisper_init_from_buffer_with_params(bytes.data(), bytes.size(), how));
        if (!context_) throw failure("could not load the model");
        tensors::forget_pages(bytes);  // it has its own copy now
        words_ = words;
    }

    // Probability of each language at frame 0, or in the window heard last.
    std::vector<float> languages(bool encode) {
        const int threads = at::get_num_threads();
        const whisper_token sot = whisper_token_sot(context_.get());
        if ((encode && whisper_encode(context_.get(), 0, threads) != 0) ||
            whisper_decode(context_.get(), &sot, 1, 0, threads) != 0)
            throw failure("could not tell the language");
        const auto first = static_cast<std::size_t>(tokenizer_.first_language);
        const float* logits = whisper_get_logits(context_.get()) + first;
        std::vector<float> heard(logits, logits + tokenizer_.languages().size());
        const float top = *std::max_element(heard.begin(), heard.end());
        float sum = 0;
        for (float& value : heard) sum += value = std::exp(value - top);
        for (float& value : heard) value /= sum;
        return heard;
    }

    Transcript hear_one(const audio::Clip& clip, const HearOptions& options,
                        const std::function<void(double)>& progress) {
        if (stop_requested()) throw interrupted();
        Transcript transcript;
        transcript.language = tokenizer_.multilingual() ? given_ : "en";
        const std::vector<float> samples = samples_of(clip);
        if (samples.size() < static_cast<std::size_t>(fewest_frames) * audio::whisper_hop) return transcript;
        if (whisper_pcm_to_mel(context_.get(), samples.data(), static_cast<int>(samples.size()),
                               at::get_num_threads()) != 0)
            throw failure("could not compute the spectrogram");
        bool compared = !tokenizer_.multilingual();
        if (transcript.language.empty()) {
            const std::vector<float> heard = languages(true);
            const auto best = std::max_element(heard.begin(), heard.end());
            transcript.language = tokenizer_.languages()[static_cast<std::size_t>(best - heard.begin())];
            transcript.language_probability = static_cast<double>(*best);
            compared = true;
        }
        const int frames = whisper_n_len(context_.get());
        double last_speech = 0;
        for (int seek = 0; seek + fewest_frames <= frames;) {
            const int next = hear_window(transcript.language, seek, frames, options);
            take_segments(transcript, seek, last_speech);
            if (!compared && !transcript.segments.empty()) {
                compare(transcript);
                compared = true;
            }
            seek = next;
            progress(static_cast<double>(seek) * frame_seconds);
        }
        for (const Segment& segment : transcript.segments) transcript.text += segment.text;
        return transcript;
    }

    void compare(Transcript& transcript) {
        const std::vector<float> heard = languages(false);
        const auto& codes = tokenizer_.languages();
        const auto own = std::find(codes.begin(), codes.end(), transcript.language) - codes.begin();
        transcript.language_probability = static_cast<double>(heard[static_cast<std::size_t>(own)]);
        if (std::string warning = language_mismatch(transcript.language, codes, heard); !warning.empty())
            transcript.warnings.push_back(std::move(warning));
    }

    // Decodes the window at `seek` as whisper_full() does in the middle of a recording; returns where the
    // next one begins.
    int hear_window(const std::string& language, int seek, int frames, const HearOptions& options) {
        whisper_full_params how = whisper_full_default_params(
            options.beam_size > 1 ? WHISPER_SAMPLING_BEAM_SEARCH : WHISPER_SAMPLING_GREEDY);
        how.n_threads = at::get_num_threads();
        how.print_progress = false;
        how.language = language.c_str();
        how.greedy.best_of = 5;
        how.beam_search.beam_size = options.beam_size;
        if (!how_.fallback) how.temperature_inc = 0;
        if (words_) how.logits_filter_callback = forbid_earliest_times;
        how.abort_callback = [](void*) { return stop_requested(); };
        // Context of the window before, but not for a short rest, as whisper_full() has it.
        how.no_context = seek == 0 || seek + 500 >= frames;
        // One window at a time: the second is refused. It must see whether more follows.
        const int end = std::min(frames, seek + 2 * window_frames);
        how.offset_ms = 10 * seek;
        how.duration_ms = 10 * (end - seek);
        struct Progress {
            int windows = 0, percent = 0;
        } progress;
        how.progress_callback = [](whisper_context*, whisper_state*, int percent, void* user) {
            static_cast<Progress*>(user)->percent = percent;
        };
        how.progress_callback_user_data = &progress;
        how.encoder_begin_callback = [](whisper_context*, whisper_state*, void* user) {
            return static_cast<Progress*>(user)->windows++ == 0;
        };
        how.encoder_begin_callback_user_data = &progress;
        const int result = whisper_full(context_.get(), how, nullptr, 0);
        if (stop_requested()) throw interrupted();
        if (result != 0) throw failure(cat("failed (", result, ")"));

        const int whole = std::min(window_frames, end - seek);
        const int segments = whisper_full_n_segments(context_.get());
        if (segments == 0) return seek + whole;
        // Where its own loop would go on is the end of the last segment or, after a pause, later: it tells
        // whole percents.
        const auto spoken = static_cast<int>(whisper_full_get_segment_t1(context_.get(), segments - 1));
        const int next = std::max(spoken, seek + (progress.percent * (end - seek) + 99) / 100);
        return std::clamp(next, seek + std::min(fewest_frames, whole), seek + whole);
    }

    void take_segments(Transcript& transcript, int seek, double& last_speech) {
        std::vector<Segment> segments;
        Tokens text;
        std::vector<whisper_token_data> data;  // of each token of `text`
        whisper_context* context = context_.get();
        for (int i = 0; i < whisper_full_n_segments(context); ++i) {
            Segment segment;
            segment.start = static_cast<double>(whisper_full_get_segment_t0(context, i)) * frame_seconds;
            segment.end = static_cast<double>(whisper_full_get_segment_t1(context, i)) * frame_seconds;
            segment.tokens.emplace();
            for (int j = 0; j < whisper_full_n_tokens(context, i); ++j) {
                const whisper_token_data token = whisper_full_get_token_data(context, i, j);
                if (token.id >= tokenizer_.eot) continue;
                segment.tokens->push_back(token.id);
                data.push_back(token);
            }
            text.insert(text.end(), segment.tokens->begin(), segment.tokens->end());
            segment.text = tokenizer_.decode(*segment.tokens);
            segments.push_back(std::move(segment));
        }
        if (words_)
            add_words(segments, word_times(text, data, seek, transcript.language), tokenizer_.eot,
                      static_cast<double>(seek) * frame_seconds, last_speech);
        const double length = static_cast<double>(whisper_n_len(context)) * frame_seconds;
        for (Segment& segment : segments) {
            segment.tokens.reset();
            segment.end = std::min(segment.end, length);
            segment.start = std::clamp(segment.start, 0.0, segment.end);
            if (strip(segment.text).empty()) continue;
            if (words_) last_speech = segment.end;
            segment.id = static_cast<std::int64_t>(transcript.segments.size());
            transcript.segments.push_back(std::move(segment));
        }
    }

    // A token's t_dtw is when it ends: the path leaves its row there.
    std::vector<WordTiming> word_times(const Tokens& text, const std::vector<whisper_token_data>& data,
                                       int seek, const std::string& language) const {
        const WhisperTokenizer::SplitWords split = tokenizer_.split_words(text, language);
        std::vector<WordTiming> words;
        double time = 0;
        std::size_t at = 0;
        for (std::size_t w = 0; w < split.words.size(); ++w) {
            WordTiming word{split.words[w], split.tokens[w], time, time, 0};
            for (std::size_t i = 0; i < split.tokens[w].size(); ++i, ++at) {
                time = std::max(time, static_cast<double>(data[at].t_dtw - seek) * frame_seconds);
                word.probability += static_cast<double>(data[at].p);
            }
            word.end = time;
            word.probability /= static_cast<double>(split.tokens[w].size());
            words.push_back(std::move(word));
        }
        return words;
    }

    tensors::GgmlModel model_;
    nets::WhisperConfig config_;
    WhisperTokenizer tokenizer_;
    WhisperCppOptions how_;
    std::vector<whisper_ahead> heads_;
    std::string given_;  // language code, or empty
    bool words_ = false;
    Context context_;
};

}  // namespace

std::unique_ptr<Backend> whisper_cpp_backend(const std::filesystem::path& model, WhisperCppOptions how) {
    check_processor();
    whisper_log_set(take_log, nullptr);
    return std::make_unique<WhisperCpp>(model, how);
}

}  // namespace testudo::asr
