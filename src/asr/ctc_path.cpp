#include <algorithm>
#include <cmath>
#include <limits>

#include "asr/ctc_alignment.h"

namespace testudo::asr {

at::Tensor ctc_trellis(const at::Tensor& emission, std::span<const std::int64_t> tokens, std::int64_t blank) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const std::int64_t frames = emission.size(0), labels = emission.size(1);
    const auto count = static_cast<std::int64_t>(tokens.size());
    at::Tensor trellis = at::empty({frames + 1, count + 1}, at::kFloat);
    trellis[0][0] = 0;
    trellis.select(1, 0).narrow(0, 1, frames).copy_(emission.select(1, blank).cumsum(0));
    trellis[0].narrow(0, 1, count).fill_(-infinity);
    // The text cannot begin so late that too few frames are left for it.
    const std::int64_t late = std::min(count, frames + 1);
    trellis.select(1, 0).narrow(0, frames + 1 - late, late).fill_(infinity);
    const float* score = emission.const_data_ptr<float>();
    float* before = trellis.data_ptr<float>();
    for (std::int64_t t = 0; t < frames; ++t, score += labels, before += count + 1) {
        float* now = before + count + 1;
        for (std::int64_t j = 1; j <= count; ++j)
            now[j] = std::max(before[j] + score[blank],
                              before[j - 1] + score[tokens[static_cast<std::size_t>(j - 1)]]);
    }
    return trellis;
}

std::vector<CtcPoint> ctc_backtrack(const at::Tensor& trellis, const at::Tensor& emission,
                                    std::span<const std::int64_t> tokens, std::int64_t blank) {
    const std::int64_t labels = emission.size(1), width = trellis.size(1);
    const float* score = emission.const_data_ptr<float>();
    const float* best = trellis.const_data_ptr<float>();
    std::vector<CtcPoint> path;
    std::int64_t j = width - 1;
    for (std::int64_t t = trellis.select(1, j).argmax().item<std::int64_t>(); t > 0; --t) {
        const float* now = score + (t - 1) * labels;
        const std::int64_t token = tokens[static_cast<std::size_t>(j - 1)];
        const float stayed = best[(t - 1) * width + j] + now[blank];
        const float changed = best[(t - 1) * width + j - 1] + now[token];
        const bool changes = changed > stayed;
        path.push_back({static_cast<std::size_t>(j - 1), t - 1,
                        static_cast<double>(std::exp(now[changes ? token : blank]))});
        if (changes && --j == 0) return {path.rbegin(), path.rend()};
    }
    return {};
}

std::vector<CtcRun> merge_repeats(std::span<const CtcPoint> path) {
    std::vector<CtcRun> runs;
    for (std::size_t i = 0; i < path.size();) {
        std::size_t end = i;
        double sum = 0;
        for (; end < path.size() && path[end].token == path[i].token; ++end) sum += path[end].score;
        runs.push_back(
            {path[i].token, path[i].frame, path[end - 1].frame + 1, sum / static_cast<double>(end - i)});
        i = end;
    }
    return runs;
}

std::vector<CtcRun> merge_words(std::span<const CtcRun> runs,
                                const std::function<bool(std::size_t)>& separates) {
    std::vector<CtcRun> words;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        if (separates(runs[i].token)) continue;
        CtcRun word = runs[i];
        double sum = 0, frames = 0;
        for (; i < runs.size() && !separates(runs[i].token); ++i) {
            const auto length = static_cast<double>(runs[i].past_last - runs[i].first);
            sum += runs[i].score * length;
            frames += length;
            word.past_last = runs[i].past_last;
        }
        word.score = sum / frames;
        words.push_back(word);
    }
    return words;
}

}  // namespace testudo::asr
