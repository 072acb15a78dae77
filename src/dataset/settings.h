#pragma once
// The options of the Prepare Dataset tab, with the original's names and defaults.
#include <string>

#include "core/settings.h"

namespace testudo::dataset {

// What training can use: 0.6 s, 255995 samples at 22.05 kHz, 200 characters (facts of the original trainer).
constexpr int training_rate = 22050;
constexpr int longest_clip_samples = 255995;
constexpr double shortest_clip_seconds = 0.6;
constexpr double longest_clip_seconds = static_cast<double>(longest_clip_samples) / training_rate;
constexpr int longest_text_characters = 200;
constexpr int longest_text_tokens = 200;

struct DatasetSettings {
    std::string language = "en";
    double validation_text_length = 12;
    double validation_audio_length = 1;
    bool skip_existing = false;
    bool overwrite_corrections = false;
    bool slice = false;
    bool trim_silence = false;
    std::string trim_method = "speech";
    double slice_start_offset = 0;
    double slice_end_offset = 0;
    std::string cut_points = "quiet";
    bool check_slices = true;
    bool leave_out_doubtful = false;
    double min_duration = shortest_clip_seconds;
    std::string whisper_backend = "openai/whisper";
    std::string whisper_model = "base";
    std::string whisper_compute = "auto";
    int beam_size = 0;
    int whisper_batchsize = 8;
    bool word_timestamps = true;
    bool vad_filter = true;
    bool sidecar_transcripts = true;
    bool diarize = false;
    int speakers = 0;
    std::string keep_speaker;
    std::string tokenizer_json;

    template <class Visitor>
    static void describe(Visitor&& visit) {
        using S = DatasetSettings;
        visit(&S::language, Setting{.key = "language",
                                    .label = "Language",
                                    .help = "Code of the language spoken, e.g. en; empty: detect it. A wrong "
                                            "code makes Whisper translate."});
        visit(&S::validation_text_length,
              Setting{.key = "validation_text_length",
                      .label = "Validation text length threshold",
                      .unit = "characters",
                      .help = "Lines with a shorter text are used for validation; 0: none.",
                      .min = 0});
        visit(&S::validation_audio_length,
              Setting{.key = "validation_audio_length",
                      .label = "Validation audio length threshold",
                      .unit = "s",
                      .help = "Lines with a shorter clip are used for validation; 0: none.",
                      .min = 0});
        visit(&S::skip_existing, Setting{.key = "skip_existing",
                                         .label = "Skip already transcribed",
                                         .help = "Leave recordings alone that whisper.json already holds."});
        visit(&S::overwrite_corrections,
              Setting{.key = "overwrite_corrections",
                      .label = "Overwrite corrections",
                      .help = "Hear recordings again whose entry in whisper.json was corrected by hand; "
                              "without this they are kept.",
                      .advanced = true});
        visit(&S::slice, Setting{.key = "slice",
                                 .label = "Slice segments",
                                 .help = "Cut every recording by its segments. Without this only recordings "
                                         "that are too long are cut."});
        visit(&S::trim_silence, Setting{.key = "trim_silence",
                                        .label = "Trim silence",
                                        .help = "Trim what is not speech at the ends of each slice."});
        visit(
            &S::trim_method,
            Setting{.key = "trim_method",
                    .label = "Trim method",
                    .help = "speech: both ends, by a network that knows speech, with short fades. original: "
                            "the front alone, as the original does, which may take 0.3 s of speech along.",
                    .choices = {"speech", "original"},
                    .advanced = true});
        visit(&S::slice_start_offset, Setting{.key = "slice_start_offset",
                                              .label = "Slice start offset",
                                              .unit = "s",
                                              .help = "Added to the start of every slice.",
                                              .min = -60,
                                              .max = 60});
        visit(&S::slice_end_offset, Setting{.key = "slice_end_offset",
                                            .label = "Slice end offset",
                                            .unit = "s",
                                            .help = "Added to the end of every slice.",
                                            .min = -60,
                                            .max = 60});
        visit(&S::cut_points,
              Setting{.key = "cut_points",
                      .label = "Cut points",
                      .help = "quiet: slices begin and end at the quietest place between words near the "
                              "segment's times. segment: exactly at those times, as the original does.",
                      .choices = {"quiet", "segment"},
                      .advanced = true});
        visit(&S::check_slices,
              Setting{.key = "check_slices",
                      .label = "Check slices",
                      .help = "Transcribe every slice again and compare: what differs is marked doubtful."});
        visit(&S::leave_out_doubtful, Setting{.key = "leave_out_doubtful",
                                              .label = "Leave out doubtful lines",
                                              .help = "Put only lines into the lists whose verdict is good.",
                                              .advanced = true});
        visit(&S::min_duration,
              Setting{.key = "min_duration",
                      .label = "Shortest clip",
                      .unit = "s",
                      .help = "Shorter segments are joined to the one before; shorter clips are left out.",
                      .min = 0.05,
                      .max = longest_clip_seconds,
                      .advanced = true});
        visit(&S::whisper_backend,
              Setting{.key = "whisper_backend",
                      .label = "Whisper backend",
                      .help = "The program whose transcription rules are followed.",
                      .choices = {"openai/whisper", "whispercpp", "whisperx"},
                      .aliases = {{"lightmare/whispercpp", "whispercpp"}, {"m-bain/whisperx", "whisperx"}},
                      .advanced = true});
        visit(&S::whisper_model,
              Setting{.key = "whisper_model",
                      .label = "Whisper model",
                      .help =
                          "tiny, base, small, medium, large, turbo, …, or the path of a model. English takes "
                          "the English-only model (base.en) where there is one."});
        visit(&S::whisper_compute,
              Setting{.key = "whisper_compute",
                      .label = "Whisper arithmetic",
                      .help = "auto: int8 where the processor is made for it (AVX-512 VNNI), else float32. "
                              "float32: as the original computes.",
                      .choices = {"auto", "float32", "int8"},
                      .advanced = true});
        visit(&S::beam_size, Setting{.key = "beam_size",
                                     .label = "Beam size",
                                     .help = "Texts followed side by side; 0: the likeliest token alone.",
                                     .min = 0,
                                     .max = 16,
                                     .advanced = true});
        visit(&S::whisper_batchsize, Setting{.key = "whisper_batchsize",
                                             .label = "Whisper batch size",
                                             .unit = "windows",
                                             .help = "Windows of 30 s transcribed together.",
                                             .min = 1,
                                             .max = 256,
                                             .advanced = true});
        visit(&S::word_timestamps, Setting{.key = "word_timestamps",
                                           .label = "Word times",
                                           .help = "Find the time of each word; cut points need them.",
                                           .advanced = true});
        visit(
            &S::vad_filter,
            Setting{.key = "vad_filter",
                    .label = "Skip silence",
                    .help = "Leave out what is not speech before transcribing: Whisper invents words there.",
                    .advanced = true});
        visit(
            &S::sidecar_transcripts,
            Setting{.key = "sidecar_transcripts",
                    .label = "Use sidecar transcripts",
                    .help = "Take the text of a recording from a .txt, .srt or .vtt of the same name beside "
                            "it, where there is one.",
                    .advanced = true});
        visit(&S::diarize, Setting{.key = "diarize",
                                   .label = "Tell speakers apart",
                                   .help = "Find out who speaks in each segment."});
        visit(&S::speakers, Setting{.key = "speakers",
                                    .label = "Speakers",
                                    .help = "How many there are; 0: find out.",
                                    .min = 0,
                                    .max = 20,
                                    .advanced = true});
        visit(
            &S::keep_speaker,
            Setting{.key = "keep_speaker",
                    .label = "Keep speaker",
                    .help = "Use only the segments of this speaker, e.g. SPEAKER_00; main: who speaks most. "
                            "Implies telling speakers apart.",
                    .advanced = true});
        visit(&S::tokenizer_json,
              Setting{.key = "tokenizer_json",
                      .label = "Tokenizer",
                      .help = "Vocabulary that training will use; with ipa.json the lines hold phonemes.",
                      .advanced = true});
    }
};

}  // namespace testudo::dataset
