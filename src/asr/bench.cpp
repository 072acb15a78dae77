#include "asr/bench.h"

#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <sstream>

#include "asr/backend.h"
#include "audio/clip.h"
#include "core/strings.h"

namespace testudo::asr {

namespace {

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double peak_mib() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024;
}

std::int64_t count_words(const std::string& text) {
    std::istringstream words(text);
    std::string word;
    std::int64_t count = 0;
    while (words >> word) ++count;
    return count;
}

// Lower case, what is neither letter, digit nor apostrophe parts words; bytes beyond ASCII are letters.
std::vector<std::string> plain_words(const std::string& text) {
    std::vector<std::string> words(1);
    for (const char c : lower_ascii(text)) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'' ||
                            static_cast<unsigned char>(c) > 127;
        if (letter)
            words.back().push_back(c);
        else if (!words.back().empty())
            words.emplace_back();
    }
    if (words.back().empty()) words.pop_back();
    return words;
}

}  // namespace

WordErrors word_errors(const std::string& reference, const std::string& heard) {
    const std::vector<std::string> expected = plain_words(reference), own = plain_words(heard);
    std::vector<std::int64_t> least(own.size() +
                                    1);  // edits from the expected words so far to the first j of own
    std::iota(least.begin(), least.end(), std::int64_t{0});
    for (const std::string& word : expected) {
        std::int64_t diagonal = least[0]++;
        for (std::size_t j = 0; j < own.size(); ++j) {
            const std::int64_t replaced = diagonal + (own[j] != word);
            diagonal = least[j + 1];
            least[j + 1] = std::min({replaced, least[j + 1] + 1, least[j] + 1});
        }
    }
    return {least.back(), static_cast<std::int64_t>(expected.size())};
}

Json bench_transcription(Backend& backend, const std::vector<audio::Clip>& clips, const BenchOptions& options,
                         Events& events) {
    HearOptions how;
    how.language = options.language;
    how.beam_size = options.beam_size;
    how.batch = std::max(1, options.batch);
    double seconds = 0, wall = 0, cpu = 0;
    std::int64_t words = 0;
    WordErrors errors;
    for (const audio::Clip& clip : clips) seconds += clip.seconds();
    const int repeats = std::max(1, options.repeats);
    for (int repeat = 0; repeat < repeats; ++repeat) {
        const double cpu_before = cpu_seconds();
        const auto before = std::chrono::steady_clock::now();
        const std::vector<Transcript> transcripts = backend.hear(clips, how);
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - before;
        const double used = cpu_seconds() - cpu_before;
        if (repeat == 0) {
            for (std::size_t i = 0; i < clips.size(); ++i) {
                words += count_words(transcripts[i].text);
                if (i < options.references.size() && !options.references[i].empty()) {
                    const WordErrors own = word_errors(options.references[i], transcripts[i].text);
                    errors.errors += own.errors;
                    errors.words += own.words;
                }
                events.info(
                    cat("clip ", i + 1, " (", human_duration(clips[i].seconds()), "):", transcripts[i].text));
            }
        }
        wall = repeat == 0 ? elapsed.count() : std::min(wall, elapsed.count());
        cpu = repeat == 0 ? used : std::min(cpu, used);
        events.progress("bench whisper", repeat + 1, repeats, "runs");
    }
    const int threads = at::get_num_threads();
    const double length = std::max(seconds, 1e-9);
    Json result = {{"audio_seconds", seconds},
                   {"wall_seconds", wall},
                   {"cpu_seconds", cpu},
                   {"rtf", wall / length},
                   {"cpu_rtf", cpu / threads / length},
                   {"threads", threads},
                   {"clips", clips.size()},
                   {"words", words},
                   {"beam_size", std::max(1, options.beam_size)},
                   {"batch", how.batch},
                   {"peak_mib", peak_mib()}};
    if (errors.words > 0) {
        result["word_error_rate"] = static_cast<double>(errors.errors) / static_cast<double>(errors.words);
        result["reference_words"] = errors.words;
    }
    return result;
}

}  // namespace testudo::asr
