#include "training/trainer.h"

#include <chrono>
#include <cmath>
#include <new>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/batches.h"
#include "training/allocator.h"
#include "training/eta.h"
#include "training/original_log.h"
#include "training/run_setup.h"

namespace testudo::training {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

constexpr std::int64_t most_bad_steps = 3;  // in a row
constexpr int most_returns = 3;             // to the same checkpoint
constexpr double least_rate_scale = 1.0 / 1024;
constexpr double progress_interval = 0.2;  // seconds; a tiny model makes hundreds of steps a second

// Iteration 0 is never trained, so the crops of validation repeat in every validation and in no step.
constexpr std::int64_t validation_iteration = 0;
constexpr std::int64_t step_seed = -1;  // in place of an example's number: the seed of dropout

class Training {
  public:
    Training(RunSetup& setup, Events& events, const TrainOptions& options)
        : setup_(setup),
          options_(options),
          config_(setup.config),
          events_(events),
          step_(*setup.model, *setup.optimizer, config_.step),
          log_(setup.paths.finetune, config_.voice),
          eta_(setup.counting.per_epoch()) {}

    Json run();

  private:
    std::vector<nets::Batch> load_batch(std::int64_t iteration);
    void one_iteration(std::int64_t iteration);
    void report(std::int64_t iteration, const StepResult& result, double rate, double seconds,
                std::size_t clips);
    void skip(std::int64_t iteration, const StepResult& result, double limit);
    std::int64_t go_back(std::int64_t iteration);  // to a good checkpoint; returns its iteration
    std::optional<SavedState> good_checkpoint();
    void save(std::int64_t iteration);
    void speak_samples(std::int64_t iteration);
    void save_or_try_later(std::int64_t iteration);
    void validate(std::int64_t iteration);
    void progress(std::int64_t iteration, bool now);
    bool save_due(std::int64_t iteration) const {
        return iteration == setup_.total || is_due(iteration, config_.save_every);
    }
    bool save_again_due() const {
        return save_failed_ && seconds_since(*save_failed_) >= options_.save_again_seconds;
    }
    bool validation_due(std::int64_t iteration) const {
        return setup_.validation && is_due(iteration, config_.validate_every);
    }
    CheckpointContents contents(std::int64_t iteration) const;
    double rate() const { return setup_.schedule->rate() * setup_.own.rate_scale; }

    RunSetup& setup_;
    const TrainOptions& options_;
    const Config& config_;
    Events& events_;
    Step step_;
    OriginalLog log_;
    Eta eta_;
    std::int64_t epoch_of_batches_ = 0;
    std::vector<std::vector<int>> batches_;
    std::vector<int> clips_;  // of the current step
    std::int64_t skipped_ = 0, last_saved_ = 0;
    std::int64_t returned_to_ = -1, returns_ = 0;  // how often there
    std::int64_t all_returns_ = 0;
    std::optional<Clock::time_point> save_failed_;  // the last save, then
    CheckpointFiles files_;
    Json first_losses_, last_losses_, first_validation_, last_validation_;
    Clock::time_point last_progress_{};
};

std::vector<nets::Batch> Training::load_batch(std::int64_t iteration) {
    const std::int64_t epoch = setup_.counting.epoch_of(iteration);
    if (epoch != epoch_of_batches_) {
        batches_ = dataset::epoch_batches(setup_.lines->lengths(), static_cast<int>(config_.batch_size),
                                          config_.seed, static_cast<int>(epoch));
        epoch_of_batches_ = epoch;
    }
    clips_ = batches_.at(static_cast<std::size_t>(setup_.counting.step_of(iteration) - 1));
    // Parts of equal size, or one clip more: never none, unlike the original's.
    const std::size_t parts =
        std::min<std::size_t>(static_cast<std::size_t>(config_.accumulation), clips_.size());
    std::vector<nets::Batch> micro(parts);
    for (std::size_t i = 0; i < clips_.size(); ++i)
        micro[i * parts / clips_.size()].push_back(
            setup_.lines->example(clips_[i], dataset::example_seed(config_.seed, iteration, clips_[i])));
    return micro;
}

void Training::one_iteration(std::int64_t iteration) {
    const auto start = Clock::now();
    const auto micro = load_batch(iteration);
    const double rate = setup_.schedule->at(iteration) * setup_.own.rate_scale;
    const double limit = setup_.losses.limit();
    const StepResult result =
        step_.run(micro, rate, dataset::example_seed(config_.seed, iteration, step_seed), iteration, limit);
    setup_.samples += static_cast<std::int64_t>(clips_.size());
    const double seconds = seconds_since(start);
    eta_.iteration(seconds);
    if (result.skipped) {
        skip(iteration, result, limit);
    } else {
        setup_.own.bad_in_a_row = 0;
        setup_.losses.add(result.total);
        report(iteration, result, rate, seconds, clips_.size());
    }
}

void Training::report(std::int64_t iteration, const StepResult& result, double rate, double seconds,
                      std::size_t clips) {
    const auto clip_count = static_cast<double>(clips);
    const auto tokens = static_cast<double>(result.losses.text_tokens + result.losses.mel_tokens);
    Json metric = {{"it", iteration},
                   {"epoch", setup_.counting.epoch_of(iteration)},
                   {"step", setup_.counting.step_of(iteration)},
                   {"steps", setup_.counting.per_epoch()},
                   {"loss_text_ce", result.losses.text},
                   {"loss_mel_ce", result.losses.mel},
                   {"loss_gpt_total", result.total},
                   {"lr", rate},
                   {"iteration_seconds", seconds},
                   {"grad_norm", std::hypot(result.grad_norm_decay, result.grad_norm_rest)},
                   {"grad_norm_decay", result.grad_norm_decay},
                   {"grad_norm_rest", result.grad_norm_rest},
                   {"clips", clips},
                   {"clips_per_second", clip_count / seconds},
                   {"text_tokens", result.losses.text_tokens},
                   {"mel_tokens", result.losses.mel_tokens},
                   {"tokens_per_second", tokens / seconds}};
    last_losses_ = {{"text", result.losses.text}, {"mel", result.losses.mel}, {"total", result.total}};
    if (first_losses_.is_null()) first_losses_ = last_losses_;
    log_.training(metric);
    events_.metric(std::move(metric));
}

void Training::skip(std::int64_t iteration, const StepResult& result, double limit) {
    ++skipped_;
    ++setup_.own.bad_in_a_row;
    std::vector<std::string> names;
    for (const int clip : clips_) names.push_back(setup_.lines->line(clip).audio);
    const std::string clips = cat("; its clips: ", join(names, ", "));
    if (result.leap)
        events_.warning(cat("iteration ", iteration, " gave the loss ", result.total, ", above ", limit,
                            " (five standard deviations over the last ", setup_.losses.losses().size(),
                            "), and changed nothing", clips));
    else
        events_.warning(cat("iteration ", iteration, " gave numbers that are not finite (loss ", result.total,
                            ") and changed nothing", clips));
}

std::optional<SavedState> Training::good_checkpoint() {
    std::vector<std::string> problems;
    auto saved = newest_state(setup_.paths, problems);
    for (const auto& problem : problems) events_.warning(cat("a checkpoint is left out: ", problem));
    if (saved || setup_.resumed_from.empty()) return saved;
    try {
        return read_state(setup_.resumed_from);
    } catch (const Error& error) {
        events_.warning(cat("a checkpoint is left out: ", error.what()));
        return {};
    }
}

std::int64_t Training::go_back(std::int64_t iteration) {
    const auto saved = good_checkpoint();
    if (saved) {
        returns_ = saved->iteration == returned_to_ ? returns_ + 1 : 1;
        returned_to_ = saved->iteration;
    }
    const double scale = setup_.own.rate_scale / 2;
    if (!saved || returns_ > most_returns || scale < least_rate_scale)
        throw Error(
            ErrorKind::diverged,
            cat("training diverged: ", most_bad_steps, " steps in a row had to be skipped, up to iteration ",
                iteration,
                returns_ > most_returns    ? cat(", also after ", most_returns, " returns with half the rate")
                : scale < least_rate_scale ? " at a thousandth of the learning rate asked for"
                                           : "",
                "; the last good checkpoint: ", saved ? cat(saved->file) : "none was written yet"),
            cat("Lower the learning rate (now ", rate(), ") in ", config_.yaml,
                ", look at the clips named above, and go on with `testudo ", saved ? "resume " : "train ",
                config_.voice, "`."));
    ++all_returns_;
    return_to(setup_, *saved, events_);
    // Not that of the checkpoint: it may be from before an earlier return.
    setup_.own.rate_scale = scale;
    setup_.own.bad_in_a_row = 0;
    epoch_of_batches_ = 0;
    events_.warning(
        cat(most_bad_steps, " steps in a row had to be skipped: the training goes back from iteration ",
            iteration, " to ", saved->file, " (iteration ", saved->iteration,
            ") and goes on with half the learning rate: ", scale, " of what ", config_.yaml, " says"));
    return saved->iteration;
}

CheckpointContents Training::contents(std::int64_t iteration) const {
    OwnState own = setup_.own;
    own.losses = setup_.losses.losses();
    return {iteration,
            setup_.counting.finished_epochs(iteration),
            setup_.samples,
            setup_.model.get(),
            setup_.optimizer.get(),
            setup_.schedule.get(),
            std::move(own)};
}

void Training::save(std::int64_t iteration) {
    const auto start = Clock::now();
    log_.line("Saving models and training states.");
    files_ = save_checkpoint(setup_.paths, contents(iteration));
    last_saved_ = iteration;
    save_failed_.reset();
    events_.artifact("model", files_.model);
    if (!files_.ema_model.empty()) events_.artifact("ema_model", files_.ema_model);
    events_.artifact("state", files_.state);
    if (const auto deleted = delete_old_checkpoints(setup_.paths, config_.keep_states); !deleted.empty())
        events_.info(cat("deleted ", deleted.size(),
                         deleted.size() == 1 ? " older checkpoint" : " older checkpoints",
                         "; kept the newest ", config_.keep_states));
    speak_samples(iteration);
    eta_.save(seconds_since(start));
}

void Training::speak_samples(std::int64_t iteration) {
    if (!options_.speak || config_.sample_sentences.empty() || stop_requested()) return;
    const SpeakingVoice voice{*setup_.model, config_.tokenizer, config_.dvae,
                              conditioning_clip(*setup_.lines, config_.train_list), config_.seed};
    write_samples(setup_.paths, config_.sample_sentences, voice, options_.speak, iteration, events_);
}

void Training::save_or_try_later(std::int64_t iteration) {
    try {
        save(iteration);
    } catch (const Error& error) {
        if (iteration == setup_.total) throw;
        save_failed_ = Clock::now();
        events_.warning(cat("the checkpoint of iteration ", iteration, " could not be written: ",
                            error.what(), ". The training goes on; the next save is tried in ",
                            options_.save_again_seconds, " seconds or when it is due. ", error.hint()));
    }
}

void Training::validate(std::int64_t iteration) {
    const auto start = Clock::now();
    log_.line("Beginning validation.");
    const dataset::Features& lines = *setup_.validation;
    const int size = static_cast<int>(std::max<std::int64_t>(1, config_.validation_batch_size));
    double text = 0, mel = 0;
    std::int64_t text_tokens = 0, mel_tokens = 0;
    for (int begin = 0; begin < lines.size(); begin += size) {
        nets::Batch batch;
        for (int i = begin; i < std::min(begin + size, lines.size()); ++i)
            batch.push_back(lines.example(i, dataset::example_seed(config_.seed, validation_iteration, i)));
        const nets::Losses losses = step_.evaluate(batch);
        text += losses.text * static_cast<double>(losses.text_tokens);
        mel += losses.mel * static_cast<double>(losses.mel_tokens);
        text_tokens += losses.text_tokens;
        mel_tokens += losses.mel_tokens;
    }
    text /= static_cast<double>(text_tokens);
    mel /= static_cast<double>(mel_tokens);
    const double total = config_.step.text_weight * text + config_.step.mel_weight * mel;
    const double seconds = seconds_since(start);
    eta_.validation(seconds);
    Json metric = {
        {"mode", "validation"},  {"it", iteration},    {"epoch", setup_.counting.epoch_of(iteration)},
        {"loss_text_ce", text},  {"loss_mel_ce", mel}, {"loss_gpt_total", total},
        {"clips", lines.size()}, {"seconds", seconds}};
    last_validation_ = {{"text", text}, {"mel", mel}, {"total", total}};
    if (first_validation_.is_null()) first_validation_ = last_validation_;
    log_.validation(metric);
    events_.metric(std::move(metric));
}

void Training::progress(std::int64_t iteration, bool now) {
    if (!now && seconds_since(last_progress_) < progress_interval) return;
    last_progress_ = Clock::now();
    const Counting& counting = setup_.counting;
    const std::int64_t total = setup_.total, validate_every = setup_.validation ? config_.validate_every : 0;
    const std::int64_t last_save = is_due(total, config_.save_every) ? 0 : 1;
    const auto eta =
        eta_.remaining(total - iteration, count_due(iteration, total, validate_every),
                       iteration == total ? 0 : count_due(iteration, total, config_.save_every) + last_save);
    const double typical = eta_.iteration_seconds();
    const auto milestone = next_milestone(config_.schedule, iteration);
    Json extra = {
        {"epoch", counting.epoch_of(iteration)},
        {"epochs", counting.epochs},
        {"batch", counting.step_of(iteration)},
        {"batches", counting.per_epoch()},
        {"rate", typical > 0 ? 1 / typical : 0.0},
        {"lr", rate()},
        {"next_save", iteration < total ? Json(next_due(iteration + 1, config_.save_every, total)) : Json()},
        {"eta_seconds", eta ? Json(*eta) : Json()}};
    if (milestone && *milestone <= total) extra["next_milestone"] = *milestone;
    if (const auto next = next_due(iteration + 1, validate_every, total + 1);
        validate_every > 0 && next <= total)
        extra["next_validation"] = next;
    Json losses = last_losses_.is_null() ? Json::object() : last_losses_;
    if (!last_validation_.is_null()) losses["validation"] = last_validation_["total"];
    extra["losses"] = std::move(losses);
    events_.progress("train", static_cast<double>(iteration), static_cast<double>(total), "iterations",
                     std::move(extra));
}

Json Training::run() {
    const auto start = Clock::now();
    const std::int64_t first = setup_.start + 1;
    log_.line(cat("Number of training data elements: ", setup_.counting.lines,
                  ", iters: ", setup_.counting.per_epoch()));
    log_.line(
        cat("Start training from epoch: ", setup_.counting.epoch_of(first) - 1, ", iter: ", setup_.start));
    events_.info(cat(setup_.resumed_from.empty() ? "training " : "resuming ", config_.voice, ": iterations ",
                     first, " to ", setup_.total, ", ", setup_.counting.epochs, " epochs of ",
                     setup_.counting.per_epoch(), " with ", setup_.counting.lines, " clips in batches of ",
                     std::min(config_.batch_size, setup_.counting.lines)));
    if (config_.adamw.eight_bit) {
        constexpr double mib = 1048576;
        const auto elements = static_cast<double>(nets::count_elements(setup_.model->parameters()));
        events_.info(cat("8-bit AdamW: optimiser states take ",
                         std::llround(setup_.optimizer->state_bytes() / mib), " MiB instead of ",
                         std::llround(8 * elements / mib)));
    }
    bool stopped = false;
    std::int64_t iteration = setup_.start;
    while (iteration < setup_.total && !stopped) {
        ++iteration;
        one_iteration(iteration);
        const bool went_back = setup_.own.bad_in_a_row >= most_bad_steps;
        if (went_back) iteration = go_back(iteration);
        stopped = stop_requested() && iteration < setup_.total;
        if (went_back && !stopped) continue;
        // While steps fail nothing new was learnt, and older checkpoints must not be pushed out by copies.
        const bool worth_saving = setup_.own.bad_in_a_row == 0 || iteration == setup_.total;
        if (stopped)
            save(iteration);
        else if ((save_due(iteration) || save_again_due()) && worth_saving)
            save_or_try_later(iteration);
        if (validation_due(iteration) && !stopped) validate(iteration);
        progress(iteration, iteration == first || iteration == setup_.total || stopped);
        // A signal that came while saving or validating: this iteration may not be saved yet.
        if (!stopped && stop_requested() && iteration < setup_.total) {
            stopped = true;
            if (last_saved_ != iteration) save(iteration);
        }
    }
    if (stopped)
        events_.info(cat("stopped after iteration ", iteration,
                         ", which is saved; go on with `testudo resume ", config_.voice, "`"));
    else
        log_.line("Finished training!");

    Json losses = Json::object();
    if (!first_losses_.is_null()) losses["first"] = first_losses_;
    if (!last_losses_.is_null()) losses["last"] = last_losses_;
    if (!first_validation_.is_null()) losses["validation_first"] = first_validation_;
    if (!last_validation_.is_null()) losses["validation_last"] = last_validation_;
    Json summary = {{"voice", config_.voice},
                    {"stopped", stopped},
                    {"resumed", !setup_.resumed_from.empty()},
                    {"first_iteration", first},
                    {"iterations", iteration},
                    {"epochs", setup_.counting.finished_epochs(iteration)},
                    {"epochs_asked", setup_.counting.epochs},
                    {"seconds", seconds_since(start)},
                    {"skipped_steps", skipped_},
                    {"returns", all_returns_},
                    {"losses", std::move(losses)},
                    {"model", to_utf8(files_.model.native())},
                    {"state", to_utf8(files_.state.native())}};
    if (!files_.ema_model.empty()) summary["ema_model"] = to_utf8(files_.ema_model.native());
    if (setup_.archived) summary["archived"] = to_utf8(setup_.archived->native());
    return summary;
}

Error out_of_memory(const std::string& what) {
    return environment_error(
        cat("the memory does not suffice for a step: ", what),
        "Raise gradient_accumulation_size, or switch checkpointing on; the result stays the same.");
}

}  // namespace

Json train_voice(const std::filesystem::path& workspace, const std::filesystem::path& yaml, Events& events,
                 TrainOptions options) {
    try {
        RunSetup setup = set_up_run(workspace, yaml, events, options);
        return Training(setup, events, options).run();
    } catch (const c10::Error& error) {
        if (!is_out_of_memory(error)) throw;
        throw out_of_memory(error.what_without_backtrace());
    } catch (const std::bad_alloc&) {
        throw out_of_memory("an allocation failed");
    }
}

Json resume_voice(const std::filesystem::path& workspace, const std::string& voice, Events& events,
                  TrainOptions options) {
    options.resume = true;
    options.voice = voice;
    return train_voice(workspace, run_paths(workspace, voice).yaml, events, options);
}

}  // namespace testudo::training
