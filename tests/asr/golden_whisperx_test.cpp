// What whisperX, pyannote and Resemblyzer make of the reference data in asr/whisperx.
#include "asr/assign_speakers.h"
#include "asr/chunks.h"
#include "asr/ctc_alignment.h"
#include "asr/speaker_segmentation.h"
#include "asr/speaker_vectors.h"
#include "audio/speaker_mel.h"
#include "core/strings.h"
#include "models.h"
#include "nets/pyannote_segmentation.h"
#include "nets/speaker_encoder.h"
#include "tensors/safetensors.h"

namespace testudo::asr {
namespace {

namespace fs = std::filesystem;
using test::golden_cases;
using test::golden_clip;

const tensors::NamedTensors& reference(const test::GoldenCase& c) {
    static std::map<fs::path, tensors::NamedTensors> read;
    const fs::path file = c.folder / "tensors.safetensors";
    const auto found = read.find(file);
    return found != read.end() ? found->second
                               : read.emplace(file, tensors::read_safetensors(file)).first->second;
}

// One case file; other files may begin alike ("speakers", "speaker_vectors").
std::vector<test::GoldenCase> named(const std::string& name) {
    auto cases = golden_cases("asr/whisperx", name);
    std::erase_if(cases, [&](const auto& c) { return c.name != name; });
    return cases;
}

std::span<const float> numbers(const at::Tensor& tensor) {
    return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

void expect_spans(const std::vector<Span>& ours, const Json& expected, double tolerance) {
    ASSERT_EQ(ours.size(), expected.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
        EXPECT_NEAR(ours[i].start, expected[i][0].get<double>(), tolerance) << i;
        EXPECT_NEAR(ours[i].end, expected[i][1].get<double>(), tolerance) << i;
    }
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
    EXPECT_EQ(a.sizes(), b.sizes());
    return a.sizes() == b.sizes() ? (a - b).abs().max().item<double>() : 1e9;
}

TEST(GoldenChunks, Binarize) {
    for (const auto& c : named("binarize"))
        for (const auto& one : c.manifest["cases"]) {
            SCOPED_TRACE(cat(one["scores"], " ", one["onset"], " ", one["max_duration"]));
            const at::Tensor scores = reference(c).at(one["scores"].get<std::string>()).contiguous();
            Hysteresis how{one["onset"].get<double>(), one["offset"].get<double>()};
            if (one["max_duration"].is_number()) how.max_duration = one["max_duration"].get<double>();
            const FrameTimes times{one["frame_start"].get<double>(), one["frame_duration"].get<double>(),
                                   one["frame_step"].get<double>()};
            expect_spans(binarize(numbers(scores), times, how), one["segments"], 1e-6);
        }
}

TEST(GoldenChunks, Merge) {
    for (const auto& c : named("chunks"))
        for (const auto& one : c.manifest["cases"]) {
            std::vector<Span> speech;
            for (const auto& span : one["segments"])
                speech.push_back({span[0].get<double>(), span[1].get<double>()});
            const auto chunks = merge_chunks(speech, one["chunk_size"].get<double>());
            ASSERT_EQ(chunks.size(), one["chunks"].size());
            for (std::size_t i = 0; i < chunks.size(); ++i) {
                EXPECT_EQ(chunks[i].start, one["chunks"][i][0].get<double>());
                EXPECT_EQ(chunks[i].end, one["chunks"][i][1].get<double>());
                expect_spans(chunks[i].speech, one["chunks"][i][2], 0);
            }
        }
}

TEST(GoldenCtc, TrellisPathCharactersAndWords) {
    for (const auto& c : named("ctc"))
        for (const auto& one : c.manifest["cases"]) {
            SCOPED_TRACE(one["emission"].get<std::string>());
            const at::Tensor emission = reference(c).at(one["emission"].get<std::string>()).contiguous();
            const auto tokens = one["tokens"].get<std::vector<std::int64_t>>();
            const std::int64_t blank = one["blank"].get<std::int64_t>();
            const at::Tensor trellis = ctc_trellis(emission, tokens, blank);
            if (one.contains("trellis_last")) {
                EXPECT_NEAR(trellis[-1][-1].item<double>(), one["trellis_last"].get<double>(), 1e-4);
            }
            const auto path = ctc_backtrack(trellis, emission, tokens, blank);
            if (one["path"].is_null()) {
                EXPECT_TRUE(path.empty());
                continue;
            }
            ASSERT_EQ(path.size(), one["path"].size());
            for (std::size_t i = 0; i < path.size(); ++i) {
                EXPECT_EQ(path[i].token, one["path"][i][0].get<std::size_t>());
                EXPECT_EQ(path[i].frame, one["path"][i][1].get<std::int64_t>());
                EXPECT_NEAR(path[i].score, one["path"][i][2].get<double>(), 1e-5);
            }
            const std::string text = one["text"].get<std::string>();
            const auto runs = merge_repeats(path);
            const auto words = merge_words(runs, [&](std::size_t token) { return text[token] == ' '; });
            const auto expect_runs = [&](const std::vector<CtcRun>& ours, const Json& expected) {
                ASSERT_EQ(ours.size(), expected.size());
                for (std::size_t i = 0; i < ours.size(); ++i) {
                    EXPECT_EQ(ours[i].first, expected[i][1].get<std::int64_t>());
                    EXPECT_EQ(ours[i].past_last, expected[i][2].get<std::int64_t>());
                    EXPECT_NEAR(ours[i].score, expected[i][3].get<double>(), 1e-5);
                }
            };
            expect_runs(runs, one["chars"]);
            expect_runs(words, one["words"]);
        }
}

CtcLabels labels_of_ctc() {
    CtcLabels labels;
    for (const auto& c : named("ctc")) {
        std::int64_t column = 0;
        for (const auto& label : c.manifest["labels"])
            labels.columns[code_points(lower_ascii(label.get<std::string>()))[0]] = column++;
    }
    return labels;
}

template <class Timed>
void expect_times(const Timed& ours, const Json& expected) {
    const auto same = [&](const std::optional<double>& value, const char* key) {
        ASSERT_EQ(value.has_value(), expected.contains(key)) << key;
        if (value) {
            EXPECT_NEAR(*value, expected[key].get<double>(), 0.0011) << key;
        }
    };
    same(ours.start, "start");
    same(ours.end, "end");
    same(ours.score, "score");
}

TEST(GoldenCtc, Align) {
    for (const auto& c : named("align")) {
        const CtcLabels labels = labels_of_ctc();
        for (const auto& one : c.manifest["cases"]) {
            SCOPED_TRACE(one["name"].get<std::string>());
            std::vector<SpokenSegment> segments;
            for (const auto& s : one["segments"]) {
                segments.push_back(
                    {s["start"].get<double>(), s["end"].get<double>(), s["text"].get<std::string>(), {}});
                if (s.contains("avg_logprob")) segments.back().avg_logprob = s["avg_logprob"].get<double>();
            }
            std::size_t next = 0;
            const auto emit = [&](std::int64_t, std::int64_t) {
                return reference(c).at(one["emissions"].at(next++).get<std::string>());
            };
            const auto sentences = align_text(segments, labels, "en", 30, emit);
            EXPECT_EQ(next, one["emissions"].size());
            const Json& expected = one["result"]["segments"];
            ASSERT_EQ(sentences.size(), expected.size());
            for (std::size_t i = 0; i < sentences.size(); ++i) {
                EXPECT_NEAR(sentences[i].start, expected[i]["start"].get<double>(), 0.0011);
                EXPECT_NEAR(sentences[i].end, expected[i]["end"].get<double>(), 0.0011);
                EXPECT_EQ(sentences[i].text, expected[i]["text"].get<std::string>());
                EXPECT_EQ(sentences[i].avg_logprob.has_value(), expected[i].contains("avg_logprob"));
                ASSERT_EQ(sentences[i].words.size(), expected[i]["words"].size());
                for (std::size_t w = 0; w < sentences[i].words.size(); ++w) {
                    EXPECT_EQ(sentences[i].words[w].text, expected[i]["words"][w]["word"].get<std::string>());
                    expect_times(sentences[i].words[w], expected[i]["words"][w]);
                }
                ASSERT_EQ(sentences[i].characters.size(), expected[i]["chars"].size());
                for (std::size_t k = 0; k < sentences[i].characters.size(); ++k) {
                    EXPECT_EQ(sentences[i].characters[k].text,
                              expected[i]["chars"][k]["char"].get<std::string>());
                    expect_times(sentences[i].characters[k], expected[i]["chars"][k]);
                }
            }
        }
    }
}

TEST(GoldenSpeakers, OfSegmentsAndWords) {
    for (const auto& c : named("speakers"))
        for (const auto& one : c.manifest["cases"]) {
            std::vector<SpeakerSpan> spans;
            for (const auto& turn : one["diarization"])
                spans.push_back({turn["start"].get<double>(), turn["end"].get<double>(),
                                 turn["speaker"].get<std::string>()});
            const SpeakerIndex index(spans);
            const bool nearest = one["fill_nearest"].get<bool>();
            const auto expect_same = [&](const Json& item, const Json& expected) {
                if (!item.contains("start")) return;
                const auto ours =
                    index.speaker(item["start"].get<double>(), item["end"].get<double>(), nearest);
                EXPECT_EQ(ours.value_or(""), expected.value("speaker", "")) << item.dump();
            };
            const Json &segments = one["segments"], &result = one["result"];
            ASSERT_EQ(segments.size(), result.size());
            for (std::size_t i = 0; i < segments.size(); ++i) {
                expect_same(segments[i], result[i]);
                for (std::size_t w = 0; w < segments[i]["words"].size(); ++w)
                    expect_same(segments[i]["words"][w], result[i]["words"][w]);
            }
        }
}

TEST(GoldenSlowPyannote, ScoresAndSegments) {
    for (const auto& c : named("pyannote_vad")) {
        const auto net = load_segmentation();
        const auto& tensors = reference(c);
        bool first = true;
        for (const auto& [name, facts] : c.manifest["clips"].items()) {
            SCOPED_TRACE(name);
            const audio::Clip clip = golden_clip(name);
            if (std::exchange(first, false)) {
                const at::Tensor wave = at::from_blob(const_cast<float*>(clip.samples.data()),
                                                      {nets::PyannoteSegmentation::window}, at::kFloat);
                EXPECT_LT(largest_difference((*net)(wave, 8000)[0], tensors.at("pyannote_chunk_out")), 2e-3);
            }
            const std::vector<float> scores = speech_scores(*net, clip.samples);
            ASSERT_EQ(scores.size(), facts["frames"].get<std::size_t>());
            const at::Tensor expected = tensors.at("pyannote_scores_" + name).view(-1);
            EXPECT_LT(largest_difference(at::tensor(scores), expected), 2e-3);
            Hysteresis how;
            how.max_duration = 30;
            const auto speech = binarize(scores, SpeechScores::frames(), how);
            expect_spans(speech, facts["segments"], 0.034);
            const auto chunks = merge_chunks(speech, 30);
            ASSERT_EQ(chunks.size(), facts["chunks30"].size());
            for (std::size_t i = 0; i < chunks.size(); ++i)
                expect_spans({{chunks[i].start, chunks[i].end}}, Json::array({facts["chunks30"][i]}), 0.034);
        }
    }
}

TEST(GoldenSlowSpeakerVectors, OfWholeClips) {
    for (const auto& c : named("speaker_vectors")) {
        const auto encoder = load_speaker_encoder();
        const auto& tensors = reference(c);
        std::map<std::string, at::Tensor> vectors;
        for (const auto& [name, likeness] : c.manifest["similarity"].items()) {
            SCOPED_TRACE(name);
            const audio::Clip clip = golden_clip(name);
            vectors[name] = speaker_vector(*encoder, clip.samples);
            EXPECT_LT(largest_difference(vectors[name], tensors.at("speaker_" + name)), 1e-3);
            if (const at::Tensor* mel = tensors.find("speaker_mel_" + name)) {
                const at::Tensor ours = audio::speaker_mel(
                    at::from_blob(const_cast<float*>(clip.samples.data()),
                                  {static_cast<std::int64_t>(clip.samples.size())}, at::kFloat));
                ASSERT_EQ(ours.sizes(), mel->sizes());
                EXPECT_TRUE(at::allclose(ours, *mel, 1e-4, 1e-6));
            }
            if (const at::Tensor* partials = tensors.find("speaker_partials_" + name)) {
                EXPECT_LT(largest_difference(window_vectors(*encoder, clip.samples), *partials), 1e-3);
                const auto windows = utterance_windows(static_cast<std::int64_t>(clip.samples.size()));
                const Json& slices = c.manifest["window_slices_of_first_clip"];
                ASSERT_EQ(windows.size(), slices.size());
                for (std::size_t i = 0; i < windows.size(); ++i)
                    EXPECT_EQ(windows[i] * audio::speaker_hop, slices[i][0].get<std::int64_t>());
            }
        }
        for (const auto& [a, others] : c.manifest["similarity"].items())
            for (const auto& [b, likeness] : others.items())
                EXPECT_NEAR(vectors[a].dot(vectors[b]).item<double>(), likeness.get<double>(), 0.002)
                    << a << " " << b;
    }
}

}  // namespace
}  // namespace testudo::asr
