#include "asr/bench.h"

#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
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

}  // namespace

Json bench_transcription(Backend& backend, const std::vector<audio::Clip>& clips, const BenchOptions& options,
                         Events& events) {
    HearOptions how;
    how.language = options.language;
    how.beam_size = options.beam_size;
    how.batch = std::max(1, options.batch);
    double seconds = 0, wall = 0, cpu = 0;
    std::int64_t words = 0;
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
    return Json{{"audio_seconds", seconds},
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
}

}  // namespace testudo::asr
