#pragma once
// What training needs of each line: text tokens, DVAE codes, conditioning mels. Mel and codes of a clip are
// computed once and kept in a cache folder under a name made of the clip's bytes, the DVAE's weights and the
// mode, so a changed clip or DVAE is never mistaken for an old one. A damaged cache file is found by its
// checksum and made anew.
#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/events.h"
#include "dataset/feature_cache.h"
#include "dataset/lines.h"
#include "dataset/report.h"
#include "dataset/settings.h"

namespace testudo::nets {
class Dvae;
struct Example;
}  // namespace testudo::nets
namespace testudo::text {
class Tokenizer;
struct Encoded;
}  // namespace testudo::text

namespace testudo::dataset {

struct FeatureOptions {
    // true: every clip is padded with silence to 255995 samples before it is encoded, 250 codes each, as DLAS
    // does with tortoise_compat; conditioning is then the mel of a crop of the wave.
    // false: ceil(samples / 1024) codes, the clip's own length; conditioning is a crop of the cached mel.
    bool dlas = false;
    int conditioning_clips = 2;
    int conditioning_samples = 44000;  // at 22.05 kHz: 172 frames; shorter clips are padded with silence
    double min_seconds = 0;            // clips under it are rejected; DLAS replaces those under 0.6 s
};

// SHA-256 over names, shapes and values of the DVAE's parameters.
std::string weights_hash(const nets::Dvae& dvae);

// The clip of a line: [samples] at 22.05 kHz. Error(input) naming the line.
at::Tensor load_wave(const std::filesystem::path& list, const Line& line);
// Why training leaves a line out, in words; empty when it does not.
std::string refusal_of_text(const text::Encoded& encoded);
std::string refusal_of_clip(const at::Tensor& wave, double min_seconds);

// Computes what the cache lacks of every parts-th line, from line `part` on (0, 1, …): several processes fill
// one cache. What cannot be used is left out; Features names it. Ctrl-C as there.
void fill_cache(const std::filesystem::path& list, const std::filesystem::path& cache_folder,
                const nets::Dvae& dvae, const FeatureOptions& options, Events& events, int part, int parts);

class Features {
  public:
    // Reads `list`, computes what the cache lacks (progress in `events`; Ctrl-C leaves what is done in the
    // cache and throws Error(interrupted)). A line that cannot be trained on is left out and named in
    // `events` and rejected(): unknown characters, over 200 text tokens, a clip over 255995 samples or
    // silent. Throws Error(input) for a bad list (see read_lines) or clip, and when no line is left, unless
    // `may_be_empty`.
    Features(const std::filesystem::path& list, const std::filesystem::path& cache_folder,
             const nets::Dvae& dvae, const text::Tokenizer& tokenizer, FeatureOptions options, Events& events,
             bool may_be_empty = false);

    int size() const { return static_cast<int>(items_.size()); }
    const Line& line(int index) const { return items_.at(static_cast<std::size_t>(index)).line; }
    const std::vector<Rejected>& rejected() const { return rejected_; }
    // Positions each example takes in the model (text + codes): what batches are bucketed by.
    const std::vector<int>& lengths() const { return lengths_; }
    double seconds() const { return seconds_; }
    int computed() const { return computed_; }  // clips that were not in the cache
    // SHA-256 over the order, clips and texts of the lines: a resumed run can tell a changed dataset.
    const std::string& fingerprint() const { return fingerprint_; }

    // One example; its conditioning crops depend on `seed` alone (see example_seed).
    nets::Example example(int index, std::uint64_t seed) const;

  private:
    struct Item {
        Line line;
        std::filesystem::path audio;
        std::vector<int> text;
        std::int64_t samples = 0;  // at 22.05 kHz
        ClipFeatures clip;
    };
    at::Tensor conditioning_mel(const Item& item, std::uint64_t draw) const;

    FeatureOptions options_;
    at::Tensor silence_;  // [80]: a frame of the mel of digital silence
    std::vector<Item> items_;
    std::vector<Rejected> rejected_;
    std::vector<int> lengths_;
    double seconds_ = 0;
    int computed_ = 0;
    std::string fingerprint_;
};

}  // namespace testudo::dataset
