#include "training/remarks.h"

#include <algorithm>
#include <cstdio>

#include "core/strings.h"

namespace testudo::training {

namespace {

constexpr std::size_t worse_in_a_row = 3;
constexpr double worse_by = 1.01;

std::string loss(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", value);
    return text;
}

}  // namespace

Remarks::Remarks(std::int64_t per_epoch)
    : window_(static_cast<std::size_t>(std::clamp<std::int64_t>(per_epoch, 20, 400))) {}

void Remarks::rewind_to(std::int64_t iteration) {
    while (!steps_.empty() && steps_.back().iteration >= iteration) steps_.pop_back();
    while (!validations_.empty() && validations_.back().iteration >= iteration) validations_.pop_back();
    sum_ = 0;
    count_ = 0;
}

void Remarks::training(std::int64_t iteration, double text, double mel, double total) {
    if (iteration <= last_) rewind_to(iteration);
    last_ = iteration;
    steps_.push_back({iteration, text, mel});
    if (steps_.size() > window_) steps_.pop_front();
    sum_ += total;
    ++count_;
}

void Remarks::validation(std::int64_t iteration, double total) {
    validations_.push_back(
        {iteration, total, count_ > 0 ? sum_ / static_cast<double>(count_) : std::nan("")});
    sum_ = 0;
    count_ = 0;
}

void Remarks::add(const MetricTable& earlier) {
    for (const MetricRow& row : earlier.rows()) {
        const double total = earlier.value(row, "loss_gpt_total");
        if (!std::isfinite(total)) continue;
        if (row.validation)
            validation(row.iteration, total);
        else
            training(row.iteration, earlier.value(row, "loss_text_ce"), earlier.value(row, "loss_mel_ce"),
                     total);
    }
}

std::optional<std::string> Remarks::mel_above_text() const {
    if (steps_.size() < window_) return {};
    double text = 0, mel = 0;
    for (const Step& step : steps_) {
        text += step.text;
        mel += step.mel;
    }
    text /= static_cast<double>(window_);
    mel /= static_cast<double>(window_);
    if (!(mel > text)) return {};
    return cat("the mel loss (", loss(mel), " on average over the last ", window_,
               " iterations) is above the text loss (", loss(text),
               "). In a good model the text loss is typically the higher one, and the total loss a little "
               "above the mel loss; while it is the other way round, do not expect decent speech. A higher "
               "learning rate or more epochs may bring the mel loss down. The training goes on.");
}

std::optional<std::string> Remarks::overfitting() const {
    if (validations_.size() <= worse_in_a_row) return {};
    const auto best =
        std::min_element(validations_.begin(), validations_.end(),
                         [](const Validated& a, const Validated& b) { return a.total < b.total; });
    const Validated& now = validations_.back();
    if (static_cast<std::size_t>(validations_.end() - best) <= worse_in_a_row ||
        !(now.total > worse_by * best->total) || !(now.training < best->training))
        return {};
    return cat("the validation loss has risen from ", loss(best->total), " (iteration ", best->iteration,
               ") to ", loss(now.total), " (iteration ", now.iteration,
               "), while the training loss fell from ", loss(best->training), " to ", loss(now.training),
               ". The validation lines are speech that the model does not learn from; when they part from "
               "those it learns from, it has probably begun to overfit: it learns the recordings by heart. "
               "Checkpoints near iteration ",
               best->iteration, " may speak better. The training goes on; Ctrl-C saves and stops it.");
}

std::optional<Remark> Remarks::next() {
    if (!said_.count("mel_above_text"))
        if (auto message = mel_above_text()) {
            mark_said("mel_above_text");
            return Remark{"mel_above_text", std::move(*message)};
        }
    if (!said_.count("overfitting"))
        if (auto message = overfitting()) {
            mark_said("overfitting");
            return Remark{"overfitting", std::move(*message)};
        }
    return {};
}

}  // namespace testudo::training
