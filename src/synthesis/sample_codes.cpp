#include "synthesis/sample_codes.h"

#include <algorithm>
#include <limits>
#include <random>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "nets/unified_voice.h"

namespace testudo::synthesis {
namespace {

// A draw from [0, 1) with 53 bits, the same on every machine (std::uniform_real_distribution is not).
double uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

std::mt19937_64 stream(std::uint64_t seed, int candidate) {
    std::seed_seq words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                        static_cast<std::uint32_t>(candidate)};
    return std::mt19937_64(words);
}

// scores: one row of processed logits, float32 on the CPU.
int draw(const at::Tensor& scores, std::mt19937_64& random) {
    const at::Tensor running = at::softmax(scores.to(at::kDouble), -1).cumsum(-1);
    const double* sum = running.const_data_ptr<double>();
    const double* end = sum + running.numel();
    // upper_bound skips removed codes, whose share of the running sum is empty.
    const double* found = std::upper_bound(sum, end, uniform(random) * *(end - 1));
    if (found == end) found = std::lower_bound(sum, end, *(end - 1));
    return static_cast<int>(found - sum);
}

void check(const nets::VoiceGenerator& generator, const SamplingOptions& options) {
    if (!options.greedy) check_processors(options.processors);
    if (options.candidates < 1 || options.batch < 1)
        throw usage_error("candidates and batch must be at least 1", "Set both to 1 or more.");
    if (options.max_codes < 1 || options.max_codes > generator.max_codes())
        throw usage_error(
            cat("max_codes is ", options.max_codes, "; this model takes from 1 to ", generator.max_codes()),
            "Choose a number in that range.");
}

// The rows first, first + 1, … of the candidates, whose prompt has been run already.
class Rows {
  public:
    Rows(const nets::VoiceGenerator& generator, nets::DecodingState state, const SamplingOptions& options,
         int first, std::vector<Candidate>& out)
        : generator_(generator), state_(std::move(state)), options_(options), out_(out) {
        const std::int64_t rows = state_.logits.size(0);
        for (std::int64_t i = 0; i < rows; ++i) {
            open_.push_back(first + static_cast<int>(i));
            random_.push_back(stream(options.seed, open_.back()));
        }
        // What the reference's repetition penalty sees from the start: its prompt is filled with code 1.
        history_ = at::tensor({std::int64_t{1}, std::int64_t{generator.config().start_mel_token}})
                       .expand({rows, 2})
                       .to(state_.logits.device());
    }

    bool empty() const { return open_.empty(); }

    void step(bool last) {
        const at::Tensor codes = choose();
        const std::int64_t* chosen = codes.const_data_ptr<std::int64_t>();
        std::vector<std::int64_t> kept;
        for (std::size_t i = 0; i < open_.size(); ++i) {
            Candidate& candidate = out_[static_cast<std::size_t>(open_[i])];
            if (chosen[i] == generator_.config().stop_mel_token) {
                candidate.stopped = true;
            } else {
                candidate.codes.push_back(static_cast<int>(chosen[i]));
                kept.push_back(static_cast<std::int64_t>(i));
            }
        }
        if (last || kept.empty()) {
            open_.clear();
            return;
        }
        at::Tensor fed = codes;
        if (kept.size() < open_.size()) fed = drop_finished(kept, codes);
        fed = fed.to(state_.logits.device());
        history_ = at::cat({history_, fed.unsqueeze(1)}, 1);
        generator_.advance(state_, fed);
    }

  private:
    at::Tensor choose() {
        at::Tensor logits = state_.logits;
        const std::int64_t usable = std::min<std::int64_t>(options_.usable_codes, logits.size(1));
        if (usable < logits.size(1)) {
            const int stop = generator_.config().stop_mel_token;
            const at::Tensor stop_logit = logits.select(1, stop).clone();
            logits = logits.clone();
            logits.narrow(1, usable, logits.size(1) - usable).fill_(-std::numeric_limits<double>::infinity());
            logits.select(1, stop).copy_(stop_logit);
        }
        if (options_.greedy) return logits.argmax(1).cpu();
        const at::Tensor scores = process_logits(logits, history_, options_.processors).cpu();
        const at::Tensor codes = at::empty({scores.size(0)}, at::kLong);
        for (std::int64_t i = 0; i < scores.size(0); ++i)
            codes[i] = draw(scores[i], random_[static_cast<std::size_t>(i)]);
        return codes;
    }

    at::Tensor drop_finished(const std::vector<std::int64_t>& kept, const at::Tensor& codes) {
        const at::Tensor index = at::tensor(kept);
        nets::select_rows(state_, index);
        history_ = history_.index_select(0, index.to(history_.device()));
        for (std::size_t i = 0; i < kept.size(); ++i) {
            const auto from = static_cast<std::size_t>(kept[i]);
            open_[i] = open_[from];
            if (from != i) random_[i] = random_[from];
        }
        open_.resize(kept.size());
        return codes.index_select(0, index);
    }

    const nets::VoiceGenerator& generator_;
    nets::DecodingState state_;
    const SamplingOptions& options_;
    std::vector<Candidate>& out_;
    std::vector<int> open_;
    std::vector<std::mt19937_64> random_;
    at::Tensor history_;
};

}  // namespace

std::vector<Candidate> sample_codes(const nets::VoiceGenerator& generator, const at::Tensor& latent,
                                    std::span<const int> text, const SamplingOptions& options,
                                    const std::function<void(int, int)>& step) {
    const at::NoGradGuard no_grad;
    check(generator, options);
    std::vector<std::int64_t> ids(text.begin(), text.end());
    ids.push_back(0);
    const nets::DecodingState prompt =
        generator.begin(latent, at::tensor(ids).unsqueeze(0), options.max_codes);
    std::vector<Candidate> out(static_cast<std::size_t>(options.candidates));
    const int in_all = (options.candidates + options.batch - 1) / options.batch;
    for (int batch = 0; batch < in_all; ++batch) {
        const int first = batch * options.batch;
        const int rows = std::min(options.batch, options.candidates - first);
        nets::DecodingState state = prompt;  // select_rows replaces its tensors, so the prompt stays as it is
        nets::select_rows(state, at::zeros({rows}, at::kLong));
        Rows open(generator, std::move(state), options, first, out);
        for (int i = 0; i < options.max_codes && !open.empty(); ++i) {
            if (stop_requested())
                throw Error(ErrorKind::interrupted, "stopped while generating", "Start it again.");
            open.step(i + 1 == options.max_codes);
            if (step) step(batch * options.max_codes + i + 1, in_all * options.max_codes);
        }
    }
    return out;
}

std::vector<int> fix_codes(std::vector<int> codes, int stop) {
    const auto first = std::find(codes.begin(), codes.end(), stop);
    if (first == codes.end()) return codes;
    std::fill(first, codes.end(), 83);
    constexpr int tail[] = {45, 45, 248};
    const std::size_t n = std::min<std::size_t>(3, codes.size());
    std::copy(std::end(tail) - n, std::end(tail), codes.end() - static_cast<std::ptrdiff_t>(n));
    return codes;
}

std::size_t calm_cut(std::span<const int> codes, int breathing_room) {
    int calm = 0;
    for (std::size_t k = 0; k < codes.size(); ++k) {
        calm = codes[k] == 83 ? calm + 1 : 0;
        if (calm > breathing_room) return k;
    }
    return codes.size();
}

nets::VoiceGenerator make_generator(const nets::UnifiedVoice& model, nets::MelPositions positions) {
    return make_generator(nets::find_in(model.parameters()), model.config(), positions);
}

nets::VoiceGenerator make_generator(const nets::Find& weights, const nets::UnifiedVoiceConfig& sizes,
                                    nets::MelPositions positions) {
    nets::GenerateConfig config;
    config.heads = sizes.heads;
    config.start_text_token = sizes.start_text_token;
    config.stop_text_token = sizes.stop_text_token;
    config.start_mel_token = sizes.start_mel_token;
    config.stop_mel_token = sizes.stop_mel_token;
    config.positions = positions;
    return {weights, config};
}

}  // namespace testudo::synthesis
