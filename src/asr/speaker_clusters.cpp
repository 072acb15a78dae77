#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <numeric>

#include "asr/diarisation.h"
#include "nets/speaker_encoder.h"

namespace testudo::asr {

namespace {

constexpr std::size_t dimensions = nets::SpeakerEncoder::dimensions;
constexpr std::int64_t whole_window = 120;  // frames that tell a voice well
constexpr std::int64_t near_change = 3;     // windows beside a change hold both voices
constexpr double window_seconds = 0.4;      // of speech that each window stands for
constexpr double first_likeness = 0.7;      // of windows of one voice, on average
constexpr double change_cost = 0.25;        // in cosines; a long pause makes a change cheaper
constexpr double pause_discount = 0.3;
constexpr double joined_pause = 1.0;          // s
constexpr std::size_t most_clustered = 1500;  // windows
constexpr std::size_t most_clusters = 40, fewest_windows = 3;
// Vectors of little speech are less alike: voices of 2 s are one when they are this much farther apart.
constexpr double little_speech = 2, enough_speech = 6, little_discount = 0.1;

using Vector = std::vector<float>;

float dot(const float* a, const float* b) { return std::inner_product(a, a + dimensions, b, 0.0F); }

void normalise(Vector& v) {
    const float length = std::sqrt(std::max(1e-18F, dot(v.data(), v.data())));
    for (float& x : v) x /= length;
}

// Windows of all recordings in a row; blocks never span two of them.
struct Windows {
    std::vector<const float*> vectors;
    std::vector<std::int64_t> lengths;  // frames
    std::vector<std::size_t> blocks;
    std::size_t size() const { return vectors.size(); }
};

Windows all_windows(const std::vector<HeardVoices>& recordings) {
    Windows all;
    std::size_t first_block = 0;
    for (const HeardVoices& heard : recordings) {
        std::size_t blocks = 0;
        for (std::size_t i = 0; i < heard.windows.size(); ++i) {
            all.vectors.push_back(heard.vectors.data() + i * dimensions);
            all.lengths.push_back(heard.windows[i].length);
            all.blocks.push_back(first_block + heard.windows[i].block);
            blocks = heard.windows[i].block + 1;
        }
        first_block += blocks;
    }
    return all;
}

Vector mean_of(const Windows& windows, const std::vector<std::size_t>& which) {
    Vector mean(dimensions, 0);
    for (const std::size_t i : which)
        for (std::size_t d = 0; d < dimensions; ++d) mean[d] += windows.vectors[i][d];
    normalise(mean);
    return mean;
}

// Average linkage: the two groups whose members are most alike on average become one, until none are alike
// enough.
std::vector<std::vector<std::size_t>> link(const Windows& windows, const std::vector<std::size_t>& which,
                                           double likeness) {
    const std::size_t count = which.size();
    constexpr float none = -std::numeric_limits<float>::infinity();
    std::vector<float> alike(count * count, none);
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t j = 0; j < i; ++j)
            alike[i * count + j] = alike[j * count + i] =
                dot(windows.vectors[which[i]], windows.vectors[which[j]]);
    std::vector<std::vector<std::size_t>> groups(count);
    std::vector<std::size_t> nearest(count);
    const auto find_nearest = [&](std::size_t i) {
        const auto row = alike.begin() + static_cast<std::ptrdiff_t>(i * count);
        nearest[i] =
            static_cast<std::size_t>(std::max_element(row, row + static_cast<std::ptrdiff_t>(count)) - row);
    };
    for (std::size_t i = 0; i < count; ++i) {
        groups[i] = {which[i]};
        find_nearest(i);
    }
    while (true) {
        std::size_t a = count;
        for (std::size_t i = 0; i < count; ++i)
            if (!groups[i].empty() &&
                (a == count || alike[i * count + nearest[i]] > alike[a * count + nearest[a]]))
                a = i;
        if (a == count) break;
        const std::size_t b = nearest[a];
        if (!(alike[a * count + b] >= static_cast<float>(likeness))) break;
        const auto size_a = static_cast<float>(groups[a].size()),
                   size_b = static_cast<float>(groups[b].size());
        for (std::size_t i = 0; i < count; ++i) {
            if (i == a || i == b || groups[i].empty()) continue;
            const float mean =
                (size_a * alike[a * count + i] + size_b * alike[b * count + i]) / (size_a + size_b);
            alike[a * count + i] = alike[i * count + a] = mean;
            alike[b * count + i] = alike[i * count + b] = none;
        }
        alike[a * count + b] = alike[b * count + a] = none;
        groups[a].insert(groups[a].end(), groups[b].begin(), groups[b].end());
        groups[b].clear();
        find_nearest(a);
        for (std::size_t i = 0; i < count; ++i)
            if (!groups[i].empty() && i != a) {
                if (nearest[i] == a || nearest[i] == b)
                    find_nearest(i);
                else if (alike[i * count + a] > alike[i * count + nearest[i]])
                    nearest[i] = a;
            }
    }
    std::erase_if(groups, [](const auto& group) { return group.empty(); });
    std::stable_sort(groups.begin(), groups.end(),
                     [](const auto& a, const auto& b) { return a.size() > b.size(); });
    return groups;
}

// The likeliest voice of each window when a change of voices costs something (Viterbi).
std::vector<std::size_t> follow(const Windows& windows, const std::vector<Vector>& voices) {
    const std::size_t count = windows.size(), states = voices.size();
    std::vector<double> best(states);
    std::vector<std::uint8_t> before(count * states);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t top =
            static_cast<std::size_t>(std::max_element(best.begin(), best.end()) - best.begin());
        const double cost =
            i == 0 || windows.blocks[i] == windows.blocks[i - 1] ? change_cost : change_cost * pause_discount;
        const double changed = best[top] - cost;
        const double weight = static_cast<double>(windows.lengths[i]) / nets::SpeakerEncoder::frames;
        for (std::size_t s = 0; s < states; ++s) {
            const bool stays = i == 0 || best[s] >= changed;
            before[i * states + s] = static_cast<std::uint8_t>(stays ? s : top);
            best[s] = (i == 0  ? 0
                       : stays ? best[s]
                               : changed) +
                      weight * static_cast<double>(dot(windows.vectors[i], voices[s].data()));
        }
    }
    std::vector<std::size_t> path(count);
    path[count - 1] = static_cast<std::size_t>(std::max_element(best.begin(), best.end()) - best.begin());
    for (std::size_t i = count - 1; i > 0; --i) path[i - 1] = before[i * states + path[i]];
    return path;
}

struct Voices {
    std::vector<Vector> vectors;
    std::vector<double> seconds;
};

// Vectors of the voices as `path` has them, without the windows that hold a change; voices that nobody has
// fall away.
Voices listen_again(const Windows& windows, const std::vector<std::size_t>& path, std::size_t count) {
    std::vector<std::vector<std::size_t>> own(count), pure(count);
    const auto size = static_cast<std::int64_t>(windows.size());
    for (std::int64_t i = 0; i < size; ++i) {
        const auto at = static_cast<std::size_t>(i);
        own[path[at]].push_back(at);
        bool alone = windows.lengths[at] >= whole_window;
        for (std::int64_t j = std::max<std::int64_t>(0, i - near_change);
             j <= std::min(size - 1, i + near_change); ++j) {
            const auto other = static_cast<std::size_t>(j);
            alone = alone && (windows.blocks[other] != windows.blocks[at] || path[other] == path[at]);
        }
        if (alone) pure[path[at]].push_back(at);
    }
    Voices voices;
    for (std::size_t v = 0; v < count; ++v) {
        if (own[v].empty()) continue;
        voices.vectors.push_back(mean_of(windows, pure[v].size() > 1 ? pure[v] : own[v]));
        voices.seconds.push_back(window_seconds * static_cast<double>(own[v].size()));
    }
    return voices;
}

// Two voices that are to become one; none: they all stay.
std::optional<std::pair<std::size_t, std::size_t>> pair_to_join(const Voices& voices,
                                                                const DiariseOptions& options) {
    std::optional<std::pair<std::size_t, std::size_t>> found;
    double best = -std::numeric_limits<double>::infinity();
    for (std::size_t a = 0; a < voices.vectors.size(); ++a)
        for (std::size_t b = a + 1; b < voices.vectors.size(); ++b) {
            const double alike = static_cast<double>(dot(voices.vectors[a].data(), voices.vectors[b].data()));
            const double less = std::min(voices.seconds[a], voices.seconds[b]);
            double worth;
            if (options.speakers > 0) {  // what changes least (Ward)
                worth = -(1 - alike) / (1 / voices.seconds[a] + 1 / voices.seconds[b]);
            } else {
                const double little =
                    std::clamp((enough_speech - less) / (enough_speech - little_speech), 0.0, 1.0);
                worth = alike - (options.likeness - little_discount * little);
            }
            if (worth > best && (options.speakers > 0 || worth >= 0)) {
                best = worth;
                found = {a, b};
            }
        }
    return found;
}

// Joins two voices, or lets the smallest go, once. False when all is well.
bool reduce(Voices& voices, const DiariseOptions& options) {
    const auto wanted = static_cast<std::size_t>(options.speakers);
    if (voices.vectors.size() <= std::max<std::size_t>(1, wanted)) return false;
    if (const auto pair = pair_to_join(voices, options)) {
        const auto [a, b] = *pair;
        for (std::size_t d = 0; d < dimensions; ++d)
            voices.vectors[a][d] = voices.vectors[a][d] * static_cast<float>(voices.seconds[a]) +
                                   voices.vectors[b][d] * static_cast<float>(voices.seconds[b]);
        normalise(voices.vectors[a]);
        voices.vectors.erase(voices.vectors.begin() + static_cast<std::ptrdiff_t>(b));
        return true;
    }
    const auto smallest = std::min_element(voices.seconds.begin(), voices.seconds.end());
    if (*smallest >= options.shortest_turns) return false;
    voices.vectors.erase(voices.vectors.begin() + (smallest - voices.seconds.begin()));
    return true;
}

std::vector<std::size_t> voice_of_windows(const Windows& windows, const DiariseOptions& options) {
    std::vector<std::size_t> whole;
    for (std::size_t i = 0; i < windows.size(); ++i)
        if (windows.lengths[i] >= whole_window) whole.push_back(i);
    if (whole.empty()) {
        whole.resize(windows.size());
        std::iota(whole.begin(), whole.end(), std::size_t{0});
    }
    std::vector<std::size_t> sample;  // evenly, where there are very many
    const std::size_t stride = (whole.size() + most_clustered - 1) / most_clustered;
    for (std::size_t i = 0; i < whole.size(); i += stride) sample.push_back(whole[i]);
    const double likeness = options.speakers > 0 ? options.likeness : first_likeness;
    Voices voices;
    for (const auto& group : link(windows, sample, likeness))
        if (voices.vectors.empty() ||
            (group.size() >= fewest_windows && voices.vectors.size() < most_clusters) ||
            voices.vectors.size() < static_cast<std::size_t>(options.speakers))
            voices.vectors.push_back(mean_of(windows, group));
    std::vector<std::size_t> path = follow(windows, voices.vectors);
    // Each round takes a voice away, or listens again with better vectors.
    constexpr int most_rounds = 60;
    bool settled = false;
    for (int round = 0; round < most_rounds && !settled; ++round) {
        voices = listen_again(windows, path, voices.vectors.size());
        const bool fewer = reduce(voices, options);
        const std::vector<std::size_t> next = follow(windows, voices.vectors);
        settled = !fewer && next == path;
        path = next;
    }
    return path;
}

// Moves changes of voice to a pause nearby: the longer the pause and the nearer, the better.
void move_to_pauses(std::vector<std::size_t>& voices, const HeardVoices& heard, std::size_t first,
                    std::size_t past_last) {
    constexpr std::ptrdiff_t reach = 60;  // frames
    constexpr double per_frame = 0.3;
    std::vector<std::size_t> changes;
    for (std::size_t i = first + 1; i < past_last; ++i)
        if (voices[i] != voices[i - 1]) changes.push_back(i);
    for (const std::size_t change : changes) {
        const auto at = static_cast<std::ptrdiff_t>(change);
        const auto begin = std::max(static_cast<std::ptrdiff_t>(first) + 1, at - reach);
        const auto end = std::min(static_cast<std::ptrdiff_t>(past_last), at + reach);
        std::ptrdiff_t chosen = at;
        double best = -std::numeric_limits<double>::infinity();
        for (std::ptrdiff_t i = begin; i < end; ++i) {
            const auto gap =
                heard.frames[static_cast<std::size_t>(i)] - heard.frames[static_cast<std::size_t>(i - 1)];
            const double worth = gap - per_frame * static_cast<double>(std::abs(i - at));
            if (gap > 1 && worth > best) {
                best = worth;
                chosen = i;
            }
        }
        const std::size_t after = voices[change], before = voices[change - 1];
        std::fill(voices.begin() + std::min(chosen, at), voices.begin() + std::max(chosen, at),
                  chosen < at ? after : before);
    }
}

// The voice of each frame of speech: that of the window whose middle is nearest.
std::vector<std::size_t> voice_of_frames(const HeardVoices& heard, std::span<const std::size_t> of_windows) {
    std::vector<std::size_t> voices(heard.frames.size());
    const auto& windows = heard.windows;
    for (std::size_t w = 0; w < windows.size();) {
        std::size_t end = w;
        while (end < windows.size() && windows[end].block == windows[w].block) ++end;
        const auto middle = [&](std::size_t i) { return windows[i].first + windows[i].length / 2; };
        const auto first = static_cast<std::size_t>(windows[w].first);
        const auto past_last = static_cast<std::size_t>(windows[end - 1].first + windows[end - 1].length);
        for (std::size_t frame = first, near = w; frame < past_last; ++frame) {
            const auto at = static_cast<std::int64_t>(frame);
            while (near + 1 < end && std::abs(middle(near + 1) - at) <= std::abs(middle(near) - at)) ++near;
            voices[frame] = of_windows[near];
        }
        move_to_pauses(voices, heard, first, past_last);
        w = end;
    }
    return voices;
}

}  // namespace

std::vector<std::vector<SpeakerSpan>> cluster_speakers(const std::vector<HeardVoices>& recordings,
                                                       const DiariseOptions& options) {
    std::vector<std::vector<SpeakerSpan>> out(recordings.size());
    const Windows windows = all_windows(recordings);
    if (windows.size() == 0) return out;
    const std::vector<std::size_t> path = voice_of_windows(windows, options);

    std::vector<std::vector<std::size_t>> voices;  // of each recording's frames
    std::map<std::size_t, std::size_t> spoken;     // frames
    std::size_t at = 0;
    for (const HeardVoices& heard : recordings) {
        voices.push_back(voice_of_frames(heard, std::span(path).subspan(at, heard.windows.size())));
        for (const std::size_t voice : voices.back()) ++spoken[voice];
        at += heard.windows.size();
    }
    std::vector<std::pair<std::size_t, std::size_t>> order(spoken.begin(), spoken.end());
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    std::map<std::size_t, std::string> names;
    for (std::size_t i = 0; i < order.size(); ++i) {
        char name[32];
        std::snprintf(name, sizeof name, "SPEAKER_%02zu", i);
        names[order[i].first] = name;
    }
    for (std::size_t r = 0; r < recordings.size(); ++r)
        for (std::size_t i = 0; i < recordings[r].frames.size(); ++i) {
            const double start = recordings[r].frames[i] / 100.0, end = (recordings[r].frames[i] + 1) / 100.0;
            const std::string& speaker = names[voices[r][i]];
            if (!out[r].empty() && out[r].back().speaker == speaker &&
                start - out[r].back().end < joined_pause)
                out[r].back().end = end;
            else
                out[r].push_back({start, end, speaker});
        }
    return out;
}

}  // namespace testudo::asr
