#include "training/suggest.h"

#include <algorithm>
#include <cmath>

#include "core/strings.h"
#include "training/counting.h"

namespace testudo::training {

namespace {

constexpr std::int64_t few_steps = 200;  // fewer hardly move a voice
constexpr std::int64_t small_batch = 4;  // under it gradients are noise
constexpr std::int64_t many_checkpoints = 100;
constexpr double costly_validation = 0.25;  // of the clips trained on

std::int64_t ceiling(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

double rounded(double epochs) {
    if (epochs >= 1) return std::ceil(epochs);
    return std::max(0.0001, std::ceil(epochs * 100) / 100);
}

class Suggestions {
  public:
    template <class T>
    void add(const std::string& key, const T& from, const T& to, const std::string& reason) {
        for (const Suggestion& one : all)
            if (one.key == key) return;
        if (from != to) all.push_back({key, from, to, reason});
    }
    std::vector<Suggestion> all;
};

void about_batches(const RunFacts& facts, Suggestions& out) {
    const TrainingSettings& s = facts.settings;
    if (s.batch_size > facts.lines) {
        out.add("batch_size", s.batch_size, facts.lines,
                cat("the dataset has only ", facts.lines, " clips; DLAS would make no step at all"));
        return;
    }
    if (facts.start == 0 && facts.total < few_steps && facts.lines > 1) {
        std::int64_t batch = s.batch_size;
        while (batch > small_batch && s.epochs * ceiling(facts.lines, batch) < few_steps) --batch;
        out.add("batch_size", s.batch_size, batch,
                cat("there are only ", facts.total, " steps in all; a voice needs some ", few_steps,
                    ", and smaller batches make more of the same clips"));
        const std::int64_t steps = ceiling(facts.lines, batch);
        if (s.epochs * steps < few_steps)
            out.add("epochs", s.epochs, ceiling(few_steps, steps),
                    cat("even so there would be only ", s.epochs * steps, " steps"));
        return;
    }
    const std::int64_t rest = facts.lines % s.batch_size;
    if (rest == 0 || facts.per_epoch < 2 || rest * 4 >= s.batch_size) return;
    out.add("batch_size", s.batch_size, ceiling(facts.lines, facts.per_epoch),
            cat("the last batch of each epoch has only ", rest, rest == 1 ? " clip" : " clips",
                ", yet weighs as much as one of ", s.batch_size, "; this divides the ", facts.lines,
                " clips evenly in as many steps"));
}

// `batch` as suggested above. Unequal parts change nothing in Testudo's objective; DLAS weighs their clips
// unequally, and fails where torch.chunk makes fewer parts than asked for.
void about_accumulation(const RunFacts& facts, std::int64_t batch, Suggestions& out) {
    const std::int64_t parts = facts.settings.gradient_accumulation_size;
    const bool dlas = facts.settings.objective == "dlas";
    const auto divides = [&](std::int64_t into) {
        return dlas ? batch % into == 0 : ceiling(batch, ceiling(batch, into)) == into;
    };
    const auto next = [&](std::int64_t least) {
        while (!divides(least)) ++least;
        return least;
    };
    const std::int64_t at_once = ceiling(batch, std::max(parts, facts.settings.gpus));
    if (facts.fitting && *facts.fitting > 0 && at_once > *facts.fitting)
        out.add("gradient_accumulation_size", parts, next(ceiling(batch, *facts.fitting)),
                cat("memory holds ", *facts.fitting, " of the longest clips at a time, not ", at_once));
    else if (parts > batch)
        out.add("gradient_accumulation_size", parts, batch,
                cat("a batch of ", batch, " clips has no more parts"));
    else if (!divides(parts))
        out.add("gradient_accumulation_size", parts, next(parts),
                cat("a batch of ", batch, " does not divide into ", parts,
                    dlas ? " equal parts: the clips of smaller ones weigh more"
                         : " parts of about equal size: DLAS would fail at the first step"));
}

void about_saving(const RunFacts& facts, Suggestions& out) {
    const TrainingSettings& s = facts.settings;
    if (facts.disk && facts.disk->bytes > facts.disk->room) {
        const auto fit = static_cast<std::int64_t>(facts.disk->room / facts.disk->each) - 1;
        const std::string reason =
            cat(facts.disk->together, " checkpoints of ", human_bytes(facts.disk->each), " do not fit into ",
                human_bytes(facts.disk->room));
        const std::int64_t best = std::min(s.keep_best, fit - 1);
        if (fit >= 1) out.add("keep_states", s.keep_states, fit - best, reason);
        if (fit >= 1) out.add("keep_best", s.keep_best, best, reason);
    }
    const double per_epoch = static_cast<double>(std::max<std::int64_t>(facts.per_epoch, 1));
    const double left = static_cast<double>(facts.total - facts.start) / per_epoch;
    if (facts.disk && facts.disk->checkpoints > many_checkpoints)
        out.add("save_rate", s.save_rate, rounded(left / 20),
                cat(facts.disk->checkpoints, " checkpoints of ", human_bytes(facts.disk->each),
                    " would be written"));
    else if (facts.save_every >= facts.total - facts.start && facts.total - facts.start > 2 * few_steps)
        out.add("save_rate", s.save_rate, rounded(left / 10),
                "nothing is saved before the end: whatever interrupts the run loses all of it");
}

void about_validation(const RunFacts& facts, Suggestions& out) {
    const TrainingSettings& s = facts.settings;
    if (!s.validation_enabled || facts.validation_lines == 0 || facts.validate_every < 1) return;
    const double trained =
        static_cast<double>(facts.validate_every) * static_cast<double>(std::min(s.batch_size, facts.lines));
    const double share = static_cast<double>(facts.validation_lines) / trained;
    const double per_epoch = static_cast<double>(std::max<std::int64_t>(facts.per_epoch, 1));
    if (facts.validate_every > facts.total) {
        out.add("validation_rate", s.validation_rate,
                rounded(static_cast<double>(facts.total) / per_epoch / 10),
                "the run ends before the first validation");
    } else if (share > costly_validation) {
        const double epochs = s.validation_rate * share / costly_validation;
        if (rounded(epochs) <= static_cast<double>(s.epochs))
            out.add("validation_rate", s.validation_rate, rounded(epochs),
                    cat("every ", facts.validate_every, " steps ", facts.validation_lines,
                        " clips are tried: ", std::lround(share * 100), " % of those trained on"));
    }
}

void about_rates(const RunFacts& facts, Suggestions& out) {
    const TrainingSettings& s = facts.settings;
    const bool english = facts.language == "en" || facts.language == "english";
    if (!facts.english_tokenizer && s.text_lr_weight < 0.1)
        out.add("text_lr_weight", s.text_lr_weight, 1.0,
                "a model learns what the tokens of another vocabulary mean only with about 1");
    else if (!facts.language.empty() && !english && s.text_lr_weight < 0.1)
        out.add("text_lr_weight", s.text_lr_weight, 1.0,
                cat("the dataset is in \"", printable(facts.language),
                    "\": 0.01 is for English, which the model knows"));
    else if (english && facts.english_tokenizer && s.text_lr_weight > 0.5)
        out.add("text_lr_weight", s.text_lr_weight, 0.01,
                "the dataset is English, which the model need not be taught again");
    if (s.learning_rate > 1e-4)
        out.add("learning_rate", s.learning_rate, 1e-4, "rates above 1e-4 are likely to fry the model");
}

}  // namespace

std::vector<Suggestion> suggest_settings(const RunFacts& facts) {
    Suggestions out;
    if (facts.lines < 1) return {};
    about_batches(facts, out);
    std::int64_t batch = facts.settings.batch_size;
    for (const Suggestion& one : out.all)
        if (one.key == "batch_size") batch = one.to.get<std::int64_t>();
    about_accumulation(facts, batch, out);
    about_saving(facts, out);
    about_validation(facts, out);
    about_rates(facts, out);
    return out.all;
}

std::string advise_validation_list(const RunFacts& facts) {
    if (!facts.settings.validation_enabled || facts.lines + facts.validation_lines < 20) return {};
    const std::int64_t all = facts.lines + facts.validation_lines;
    const std::int64_t good = std::max<std::int64_t>(2, std::min<std::int64_t>(all / 20, 200));
    if (facts.validation_lines == 0) return {};
    if (facts.validation_lines * 100 < all * 2)
        return cat("validation.txt has ", facts.validation_lines, " of ", all,
                   " lines: too few to tell overfitting from chance; move some lines there, up to ", good);
    if (facts.validation_lines * 100 > all * 25)
        return cat("validation.txt has ", facts.validation_lines, " of ", all,
                   " lines, which are not learned from; move most of them to train.txt and leave some ",
                   good);
    return {};
}

}  // namespace testudo::training
