#include "asr/voice_activity.h"

#include <cmath>
#include <ctime>
#include <fstream>
#include <numbers>

#include "asr/models.h"
#include "audio/resample.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "support/program.h"
#include "tensors/safetensors.h"

namespace testudo::test {
namespace {

fs::path default_weights() { return source_dir() / ".deps/share/vad/silero_vad.jit"; }
fs::path other_weights() { return source_dir() / ".deps/models/vad/silero_vad_16k.safetensors"; }

// Loaded once; null (and said aloud) when setup has not fetched it.
const asr::VoiceActivity* voice(const fs::path& weights) {
    static std::map<fs::path, std::unique_ptr<asr::VoiceActivity>> loaded;
    if (!fs::exists(weights)) {
        std::cerr << "[models] " << weights.string() << " is not there: skipped\n";
        return nullptr;
    }
    auto& found = loaded[weights];
    if (!found) found = std::make_unique<asr::VoiceActivity>(asr::VoiceActivity::load(weights));
    return found.get();
}

// The option sets of vad.json ("meaning").
std::optional<asr::SpeechOptions> options_of(const std::string& set) {
    if (set == "silero_default" || set == "silero_default_st") return asr::SpeechOptions{};
    if (set == "silero_whisperx") return asr::SpeechOptions{.max_speech = 30};
    if (set == "silero_max5") return asr::SpeechOptions{.max_speech = 5};
    if (set == "silero_strict")
        return asr::SpeechOptions{.threshold = 0.7, .min_speech = 0.5, .min_silence = 0.3, .pad = 0.1};
    return std::nullopt;
}

// Whether a probability lies so near to a threshold that rounding may decide; then bounds may move a window.
bool undecided(std::span<const float> probabilities, const asr::SpeechOptions& options) {
    return std::any_of(probabilities.begin(), probabilities.end(), [&](float p) {
        return std::abs(p - options.threshold) < 0.01 || std::abs(p - options.threshold + 0.15) < 0.01;
    });
}

long resident_kilobytes() {
    std::ifstream status("/proc/self/status");
    std::string line;
    while (std::getline(status, line))
        if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    return 0;
}

class GoldenVoiceActivity : public ::testing::Test {
  protected:
    std::vector<GoldenCase> cases = golden_cases("asr", "vad");
    void SetUp() override {
        if (cases.empty()) GTEST_SKIP();
        if (!voice(default_weights()) || !voice(other_weights())) GTEST_SKIP();
    }
};

}  // namespace

TEST_F(GoldenVoiceActivity, ProbabilitiesAgreeForBothSetsOfWeights) {
    for (const auto& one : cases) {
        const auto reference = tensors::read_safetensors(one.folder / (one.name + "_probs.safetensors"));
        const double tolerance = one.manifest["tolerances"]["vad_probs"];
        ASSERT_FALSE(reference.empty());
        for (const auto& [name, wanted] : reference) {
            SCOPED_TRACE(name);
            const bool other = name.starts_with("st/");
            const auto clip = golden_clip(other ? name.substr(3) : name);
            const auto ours = voice(other ? other_weights() : default_weights())->probabilities(clip.samples);
            ASSERT_EQ(static_cast<std::int64_t>(ours.size()), wanted.numel());
            double worst = 0;
            for (std::size_t i = 0; i < ours.size(); ++i)
                worst = std::max(worst, std::abs(static_cast<double>(ours[i]) -
                                                 wanted[static_cast<std::int64_t>(i)].item<double>()));
            EXPECT_LE(worst, tolerance);
        }
    }
}

TEST_F(GoldenVoiceActivity, SegmentsAgreeForAllOptionSets) {
    for (const auto& one : cases)
        for (const auto& [name, about] : one.manifest["clips"].items()) {
            const auto clip = golden_clip(name);
            ASSERT_EQ(clip.samples.size(), about["samples"].get<std::size_t>()) << name;
            for (const auto& [set, wanted] : about.items()) {
                if (!set.starts_with("silero_")) continue;
                SCOPED_TRACE(name + " " + set);
                const auto options = options_of(set);
                ASSERT_TRUE(options) << "an unknown option set";
                const auto* net = voice(set.ends_with("_st") ? other_weights() : default_weights());
                const auto spans = net->speech(clip, *options);
                ASSERT_EQ(spans.size(), wanted.size());
                const double tolerance = undecided(net->probabilities(clip.samples), *options) ? 512 : 0;
                for (std::size_t i = 0; i < spans.size(); ++i) {
                    EXPECT_NEAR(spans[i].start * 16000, wanted[i][0].get<double>(), tolerance + 1e-6);
                    EXPECT_NEAR(spans[i].end * 16000, wanted[i][1].get<double>(), tolerance + 1e-6);
                }
            }
        }
}

TEST(VoiceActivity, BlocksGiveWhatTheWholeGives) {
    const auto* net = voice(default_weights());
    if (!net) GTEST_SKIP();
    const auto clip = golden_clip("en_jfk");
    const auto whole = net->probabilities(clip.samples);
    asr::SpeechStream stream(*net);
    std::size_t at = 0, step = 1;
    while (at < clip.samples.size()) {
        const std::size_t count = std::min(step, clip.samples.size() - at);
        stream.feed(std::span(clip.samples).subspan(at, count));
        at += count;
        step = step * 7 % 10007 + 1;
    }
    stream.finish();
    ASSERT_EQ(stream.samples(), clip.samples.size());
    ASSERT_EQ(stream.probabilities().size(), whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(stream.probabilities()[i], whole[i], 1e-5);
}

TEST(VoiceActivity, AnyRateWillDo) {
    const auto* net = voice(default_weights());
    if (!net) GTEST_SKIP();
    const auto clip = golden_clip("en_jfk");
    const auto at_16k = net->speech(clip);
    for (const int rate : {22050, 44100, 48000}) {
        const auto spans = net->speech(audio::resample(clip, rate));
        ASSERT_EQ(spans.size(), at_16k.size()) << rate;
        for (std::size_t i = 0; i < spans.size(); ++i) {
            EXPECT_NEAR(spans[i].start, at_16k[i].start, 0.1);
            EXPECT_NEAR(spans[i].end, at_16k[i].end, 0.1);
        }
    }
}

TEST(VoiceActivity, OddClips) {
    const auto* net = voice(default_weights());
    if (!net) GTEST_SKIP();
    EXPECT_TRUE(net->speech({}).empty());
    EXPECT_TRUE(net->probabilities({}).empty());
    EXPECT_TRUE(net->speech({{0.5f}, 16000}).empty());
    EXPECT_EQ(net->probabilities(std::vector<float>(513)).size(), 2u);
    EXPECT_THROW(net->speech({{0.1f, 0.2f}, 0}), Error);
    std::vector<float> broken(2000, 0.1f);
    broken[1999] = std::nanf("");
    EXPECT_THROW(net->probabilities(broken), Error);
    EXPECT_THROW(net->speech({{0.1f}, 16000}, {.threshold = 1.5}), Error);
    EXPECT_THROW(net->speech({{0.1f}, 16000}, {.pad = -1}), Error);
}

TEST(VoiceActivity, OtherFilesAreNamedInTheError) {
    TemporaryFolder folder;
    const auto message = [&](const fs::path& file) -> std::string {
        try {
            asr::VoiceActivity::load(file);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            return error.what();
        }
        return "no error";
    };
    tensors::NamedTensors wrong;
    wrong.set("conv1.weight", at::zeros({1, 2, 3}));
    tensors::write_safetensors(folder / "wrong.safetensors", wrong);
    EXPECT_NE(message(folder / "wrong.safetensors").find("wrong.safetensors does not fit"),
              std::string::npos);
    EXPECT_NE(message(folder / "none.jit").find("none.jit"), std::string::npos);
    write_file(folder / "text.jit", "hello");
    EXPECT_NE(message(folder / "text.jit").find("text.jit"), std::string::npos);
}

TEST(VoiceActivity, TheWeightsComeWithTheProgram) {
    // A build of a few rooms has no program, and nothing beside it.
    if (!voice(default_weights()) || !fs::exists(program_build_folder() / "share")) GTEST_SKIP();
    EXPECT_NO_THROW(asr::VoiceActivity::load());
}

// --- the rules alone, on probabilities that are known

namespace {

using asr::speech_spans;
constexpr double step = 0.032;  // s

std::vector<float> sequence(std::initializer_list<std::pair<int, float>> runs) {
    std::vector<float> out;
    for (const auto& [count, value] : runs) out.insert(out.end(), static_cast<std::size_t>(count), value);
    return out;
}

std::vector<asr::Span> spans_of(const std::vector<float>& probabilities, const asr::SpeechOptions& options) {
    return speech_spans(probabilities, probabilities.size() * 512, options);
}

}  // namespace

TEST(SpeechSpans, HysteresisShortSilenceAndShortSpeech) {
    const asr::SpeechOptions options{.pad = 0};
    // What lies between the thresholds goes on; 3 windows of silence (64 ms to the last) do not end speech.
    auto spans =
        spans_of(sequence({{5, 0}, {10, 0.6f}, {10, 0.4f}, {3, 0.1f}, {5, 0.6f}, {10, 0.1f}}), options);
    ASSERT_EQ(spans.size(), 1u);
    EXPECT_NEAR(spans[0].start, 5 * step, 1e-9);
    EXPECT_NEAR(spans[0].end, 33 * step, 1e-9);
    // Speech of 7 windows (224 ms) is too short.
    EXPECT_TRUE(spans_of(sequence({{5, 0}, {7, 0.9f}, {10, 0}}), options).empty());
    EXPECT_EQ(spans_of(sequence({{5, 0}, {8, 0.9f}, {10, 0}}), options).size(), 1u);
    EXPECT_TRUE(spans_of({}, options).empty());
}

TEST(SpeechSpans, PaddingStopsAtTheEndsAndInTheMiddleOfShortPauses) {
    auto spans = spans_of(sequence({{10, 0.9f}, {6, 0}, {10, 0.9f}}), {.pad = 0.1});
    ASSERT_EQ(spans.size(), 2u);
    EXPECT_DOUBLE_EQ(spans[0].start, 0);
    EXPECT_NEAR(spans[0].end, 13 * step, 1e-9);
    EXPECT_NEAR(spans[1].start, 13 * step, 1e-9);
    EXPECT_NEAR(spans[1].end, 26 * step, 1e-9);
}

TEST(SpeechSpans, LongSpeechIsCutInItsLongestPause) {
    // 3 s of speech with pauses too short to end it: 4 windows and 5 windows.
    const auto probabilities =
        sequence({{30, 0.9f}, {5, 0.1f}, {20, 0.9f}, {4, 0.1f}, {40, 0.9f}, {1, 0.1f}, {10, 0.9f}});
    const asr::SpeechOptions options{.min_silence = 0.3, .pad = 0, .max_speech = 2.5};
    const auto spans = spans_of(probabilities, options);
    ASSERT_EQ(spans.size(), 2u);
    EXPECT_NEAR(spans[0].end, 30 * step, 1e-9);
    EXPECT_NEAR(spans[1].start, 35 * step, 1e-9);
    // Without a pause it is cut at the limit.
    const auto cut = spans_of(sequence({{100, 0.9f}}), {.pad = 0, .max_speech = 1});
    ASSERT_GE(cut.size(), 3u);
    for (const auto& span : cut) EXPECT_LE(span.end - span.start, 1.0 + 1e-9);
}

TEST(SlowVoiceActivity, AnHourTakesNoMemory) {
    const auto* net = voice(default_weights());
    if (!net) GTEST_SKIP();
    const auto clip = golden_clip("en_jfk");
    asr::SpeechStream stream(*net);
    const auto minute = [&] {
        for (int i = 0; i < 6; ++i) stream.feed(std::span(clip.samples).first(160000));
    };
    minute();
    const long before = resident_kilobytes();
    for (int i = 1; i < 60; ++i) minute();
    stream.finish();
    EXPECT_LT(resident_kilobytes() - before, 8 * 1024);
    EXPECT_EQ(stream.probabilities().size(), 3600u * 16000 / 512);
    const auto spans = stream.speech();
    ASSERT_GT(spans.size(), 360u);
    EXPECT_GT(spans.back().end, 3590);
}

TEST(SlowVoiceActivity, IsFarFasterThanRealTime) {
    const auto* net = voice(default_weights());
    if (!net) GTEST_SKIP();
    const auto clip = golden_clip("en_long");
    net->probabilities(std::span(clip.samples).first(16000));
    const std::clock_t before = std::clock();
    for (int i = 0; i < 3; ++i) net->probabilities(clip.samples);
    const double seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    const double times = 3 * clip.seconds() / seconds;
    std::cout << "  " << times << " x real time, by CPU seconds\n";
    EXPECT_GT(times, 100);  // 300 on an idle machine; other work on this one must not fail the test
}

}  // namespace testudo::test
