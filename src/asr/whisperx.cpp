#include "asr/whisperx.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "asr/alignment_model.h"
#include "asr/chunks.h"
#include "asr/decoding.h"
#include "asr/language_check.h"
#include "asr/parts.h"
#include "asr/sentences.h"
#include "asr/speaker_segmentation.h"
#include "asr/utf8.h"
#include "audio/resample.h"
#include "audio/whisper_mel.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "nets/pyannote_segmentation.h"

namespace testudo::asr {

namespace {

constexpr double rate = audio::whisper_rate;
constexpr double window_seconds = 30;
constexpr std::int64_t window_samples = 30 * audio::whisper_rate;
constexpr int usual_beams = 5;

double chunk_seconds(const std::string& language) { return language == "ja" ? 8 : window_seconds; }
bool spaced(const std::string& language) { return language != "ja" && language != "zh"; }

struct Piece {
    std::size_t clip = 0;
    double start = 0, end = 0;  // seconds
    Decoded decoded;
    std::vector<WordTiming> words;  // by cross-attention, from the piece's beginning; where they are needed
};

std::span<const float> samples_of(const audio::Clip& clip, double start, double end) {
    const auto all = static_cast<double>(clip.samples.size());
    const auto first = static_cast<std::size_t>(std::clamp(start * rate, 0.0, all));
    const auto last = static_cast<std::size_t>(std::clamp(end * rate, 0.0, all));
    return std::span(clip.samples).subspan(first, std::max(first, last) - first);
}

// 30 s of log-mel of at most so much sound; the rest is silence.
at::Tensor mel_of(std::span<const float> samples, int mels) {
    const auto count = std::min<std::int64_t>(static_cast<std::int64_t>(samples.size()), window_samples);
    const at::Tensor wave =
        at::from_blob(const_cast<float*>(samples.data()), {count}, at::TensorOptions(at::kFloat));
    return audio::whisper_mel(wave, mels, window_samples - count);
}

audio::Clip usable(const audio::Clip& clip) {
    if (!std::all_of(clip.samples.begin(), clip.samples.end(), [](float x) { return std::isfinite(x); }))
        throw input_error("the recording holds samples that are no numbers (NaN or infinite)",
                          "Export the recording again, as 16-bit WAV for instance.");
    return clip.rate == audio::whisper_rate || clip.samples.empty()
               ? clip
               : audio::resample(clip, audio::whisper_rate);
}

class Whisperx : public Backend {
  public:
    explicit Whisperx(const WhisperxOptions& options)
        : options_(options), whisper_(Transcriber::load(options.whisper, options.device, options.compute)) {
        if (options_.find_speech) return;
        options_.find_speech = [net = std::shared_ptr<nets::PyannoteSegmentation>(load_segmentation())](
                                   std::span<const float> samples, double longest) {
            Hysteresis how;
            how.max_duration = longest;
            return binarize(speech_scores(*net, samples), SpeechScores::frames(), how);
        };
    }

    std::vector<Transcript> hear(const std::vector<audio::Clip>& given, const HearOptions& options) override {
        c10::InferenceMode inference;
        const std::string language =
            options.language.empty() ? "" : parts().tokenizer.language_code(options.language);
        if (!whisper_.multilingual() && !language.empty() && language != "en")
            throw usage_error(cat("this Whisper model knows English only, not \"", options.language, "\""),
                              "Take a multilingual model (one without .en in its name), or language en.");
        std::vector<audio::Clip> clips;
        std::vector<Transcript> transcripts(given.size());
        std::vector<Piece> pieces;
        for (std::size_t i = 0; i < given.size(); ++i) {
            clips.push_back(usable(given[i]));
            listen(clips[i], language, transcripts[i]);
            cut(clips[i], i, transcripts[i].language, pieces);
        }
        transcribe(clips, transcripts, pieces, options, !language.empty());
        auto next = pieces.begin();
        for (std::size_t i = 0; i < clips.size(); ++i) {
            const auto first = next;
            while (next != pieces.end() && next->clip == i) ++next;
            finish(clips[i], {first, next}, options.word_timestamps, transcripts[i]);
        }
        for (const Piece& piece : pieces) {
            Transcript& transcript = transcripts[piece.clip];
            if (std::string told = std::exchange(aligners_[transcript.language].warning, {}); !told.empty())
                transcript.warnings.push_back(std::move(told));
        }
        return transcripts;
    }

  private:
    const Transcriber::Parts& parts() const { return whisper_.parts(); }

    // Which language is spoken, by the first 30 s.
    void listen(const audio::Clip& clip, const std::string& language, Transcript& transcript) const {
        transcript.language = !language.empty() ? language : "en";
        if (!language.empty() || !whisper_.multilingual() || clip.samples.size() < audio::whisper_hop) return;
        const auto head = samples_of(clip, 0, window_seconds);
        const auto heard = whisper_.detect_language({{head.begin(), head.end()}, clip.rate}).front();
        transcript.language = heard.first;
        transcript.language_probability = heard.second;
    }

    void cut(const audio::Clip& clip, std::size_t index, const std::string& language,
             std::vector<Piece>& pieces) const {
        if (clip.samples.empty()) return;
        const double longest = chunk_seconds(language);
        for (const Chunk& chunk : merge_chunks(options_.find_speech(clip.samples, longest), longest))
            // Speech without a pause may last longer than Whisper hears at once.
            for (double start = chunk.start; start < chunk.end; start += window_seconds)
                pieces.push_back({index, start, std::min(chunk.end, start + window_seconds), {}, {}});
    }

    struct Aligner {
        std::unique_ptr<AlignmentModel> model;  // null: there is none
        std::string warning;                    // then; told once
    };

    AlignmentModel* aligner(const std::string& language) {
        const auto [place, added] = aligners_.try_emplace(language);
        if (added) place->second = open_aligner(language);
        return place->second.model.get();
    }

    // One that cannot be used is no reason to lose a transcription.
    Aligner open_aligner(const std::string& language) const {
        constexpr const char* instead = "words take Whisper's own times, which are less exact; ";
        const std::string fetch = cat("`testudo models pull align-", language, "`");
        const std::filesystem::path folder = options_.alignment_models / language;
        try {
            if (auto model = load_alignment_model(folder, language, options_.device)) {
                check_labels(model->labels, model->emit(std::array{0.0f}).size(1));
                return {std::move(model), {}};
            }
            return {nullptr, cat("there is no acoustic model for \"", language, "\": ", instead,
                                 "fetch one with ", fetch)};
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            return {nullptr, cat("the acoustic model for \"", language, "\" cannot be used: ", error.what(),
                                 ": ", instead, "delete what is in ", folder, " and fetch it with ", fetch)};
        }
    }

    void transcribe(const std::vector<audio::Clip>& clips, std::vector<Transcript>& transcripts,
                    std::vector<Piece>& pieces, const HearOptions& options, bool given) {
        LogitRules rules = parts().rules;
        rules.timestamps = false;
        DecodingOptions how;
        how.group = options.beam_size > 0 ? options.beam_size : usual_beams;
        how.beam = how.group > 1;
        double total = 0, done = 0;
        for (const audio::Clip& clip : clips) total += clip.seconds();
        std::set<std::size_t> compared;
        const auto batch = static_cast<std::size_t>(std::max(1, options.batch));
        for (std::size_t first = 0; first < pieces.size(); first += batch) {
            if (stop_requested())
                throw Error(ErrorKind::interrupted, "transcription was interrupted",
                            "Run the same command again: finished files are kept.");
            const auto some = std::span(pieces).subspan(first, std::min(batch, pieces.size() - first));
            std::vector<at::Tensor> mels;
            std::vector<WindowPrompt> prompts;
            for (const Piece& piece : some) {
                mels.push_back(mel_of(samples_of(clips[piece.clip], piece.start, piece.end),
                                      parts().model.config().mels));
                prompts.push_back(make_prompt(parts().tokenizer, parts().model.config().text_context, {},
                                              transcripts[piece.clip].language, false));
                prompts.back().tokens.push_back(parts().tokenizer.no_timestamps);
            }
            const nets::Whisper::Audio audio = parts().model.attend_to(parts().model.encode(at::stack(mels)));
            std::vector<Decoded> decoded =
                decode_windows(parts().model, parts().tokenizer, rules, audio, prompts, how);
            for (std::size_t i = 0; i < some.size(); ++i) {
                some[i].decoded = std::move(decoded[i]);
                Transcript& transcript = transcripts[some[i].clip];
                if (given && whisper_.multilingual() && compared.insert(some[i].clip).second) {
                    const std::string mismatch = language_mismatch(
                        transcript.language, parts().tokenizer.languages(), some[i].decoded.languages);
                    if (!mismatch.empty()) transcript.warnings.push_back(mismatch);
                }
                if (!aligner(transcript.language)) find_words(some[i], transcript.language, audio, i);
                done += some[i].end - some[i].start;
            }
            if (options.progress) options.progress(std::min(done, total), total);
        }
        if (options.progress) options.progress(total, total);
    }

    void find_words(Piece& piece, const std::string& language, const nets::Whisper::Audio& audio,
                    std::size_t window) const {
        const auto frames = static_cast<std::int64_t>((piece.end - piece.start) * 100);
        piece.words = align_words(
            parts().model, parts().tokenizer, parts().heads,
            audio.select(
                at::tensor({static_cast<std::int64_t>(window)}, at::kLong).to(parts().model.device())),
            std::min<std::int64_t>(frames, window_seconds * 100), piece.decoded.tokens, language, false);
    }

    void finish(const audio::Clip& clip, std::span<const Piece> pieces, bool keep_words,
                Transcript& transcript) {
        AlignmentModel* model = pieces.empty() ? nullptr : aligner(transcript.language);
        for (const Piece& piece : pieces) {
            if (strip(piece.decoded.text).empty()) continue;
            if (model)
                add_aligned(clip, piece, *model, transcript);
            else
                add_timed(piece, transcript);
        }
        std::vector<std::string> texts;
        for (std::size_t i = 0; i < transcript.segments.size(); ++i) {
            Segment& segment = transcript.segments[i];
            segment.id = static_cast<std::int64_t>(i);
            if (!keep_words) segment.words.reset();
            texts.push_back(segment.text);
        }
        transcript.text = join(texts, "");
    }

    Segment segment_of(const Piece& piece) const {
        Segment segment;
        segment.start = piece.start;
        segment.end = piece.end;
        segment.temperature = 0;
        segment.avg_logprob = piece.decoded.quality.avg_logprob;
        segment.compression_ratio = piece.decoded.quality.compression_ratio;
        segment.no_speech_prob = piece.decoded.quality.no_speech_prob;
        return segment;
    }

    void add_aligned(const audio::Clip& clip, const Piece& piece, const AlignmentModel& model,
                     Transcript& transcript) const {
        const std::string space = spaced(transcript.language) ? " " : "";
        const SpokenSegment spoken{piece.start, piece.end, space + piece.decoded.text, {}};
        const auto emit = [&](std::int64_t, std::int64_t) {
            return model.emit(samples_of(clip, piece.start, piece.end));
        };
        for (const AlignedSentence& sentence :
             align_text({&spoken, 1}, model.labels, transcript.language, clip.seconds(), emit)) {
            Segment segment = segment_of(piece);
            segment.start = sentence.start;
            segment.end = std::max(sentence.start, sentence.end);
            segment.text = space + std::string(strip(sentence.text));
            segment.words.emplace();
            for (const AlignedWord& word : sentence.words)
                if (word.start && word.end)
                    segment.words->push_back(
                        {*word.start, *word.end, space + word.text, word.score, Json::object()});
            transcript.segments.push_back(std::move(segment));
        }
    }

    // Sentences by Whisper's own word times.
    void add_timed(const Piece& piece, Transcript& transcript) const {
        std::vector<Segment> whole = {segment_of(piece)};
        whole[0].tokens = piece.decoded.tokens;
        add_words(whole, piece.words, parts().tokenizer.eot, piece.start, piece.start);
        const std::vector<Word>& words = *whole[0].words;
        std::string text;
        std::vector<std::size_t> begins;  // of the words in the text, code points
        for (const Word& word : words) {
            begins.push_back(count_code_points(text));
            text += word.text;
        }
        if (words.empty()) text = (spaced(transcript.language) ? " " : "") + piece.decoded.text;
        const std::u32string points = code_points(text);
        std::size_t next = 0;
        for (const auto& [first, last] : sentence_spans(points)) {
            Segment segment = segment_of(piece);
            segment.words.emplace();
            while (next < words.size() && begins[next] < last) segment.words->push_back(words[next++]);
            if (!segment.words->empty()) {
                segment.start = segment.words->front().start;
                segment.end = std::max(segment.start, segment.words->back().end);
            } else if (!words.empty()) {
                continue;
            }
            const std::string sentence = to_utf8(std::u32string_view(points).substr(first, last - first));
            segment.text = (spaced(transcript.language) ? " " : "") + std::string(strip(sentence));
            transcript.segments.push_back(std::move(segment));
        }
    }

    WhisperxOptions options_;
    Transcriber whisper_;
    std::map<std::string, Aligner> aligners_;  // by language
};

}  // namespace

std::unique_ptr<Backend> open_whisperx(const WhisperxOptions& options) {
    return std::make_unique<Whisperx>(options);
}

}  // namespace testudo::asr
