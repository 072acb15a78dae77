#include "training/trainer.h"

#include <chrono>
#include <cmath>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/batches.h"
#include "training/allocator.h"
#include "training/launch.h"
#include "training/out_of_memory.h"
#include "training/outlook.h"
#include "training/run_metrics.h"
#include "training/run_setup.h"
#include "training/share_run.h"
#include "training/step_parts.h"

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

OutlookPlan plan_of(const RunSetup& setup) {
    constexpr double disk_pace = 300e6;  // bytes a second, written and read back; until the first save
    OutlookPlan plan;
    plan.counting = setup.counting;
    plan.agenda = agenda_of(setup);
    plan.schedule = setup.config.schedule;
    plan.lengths = setup.lines->lengths();
    plan.seed = setup.config.seed;
    if (setup.validation)
        for (const int length : setup.validation->lengths()) plan.validation_work += length;
    plan.save_seconds = checkpoint_bytes(*setup.model, *setup.optimizer) / disk_pace;
    return plan;
}

class Training {
  public:
    Training(RunSetup& setup, Events& events, const TrainOptions& options)
        : setup_(setup),
          options_(options),
          config_(setup.config),
          events_(events),
          step_(*setup.model, *setup.optimizer, config_.step, setup.ranks, config_.shard_optimizer),
          metrics_(setup, events),
          outlook_(plan_of(setup)) {
        step_.loss_scale() = setup.own.loss_scale;
    }

    Json run();

  private:
    std::vector<nets::Batch> load_batch(std::int64_t iteration);
    StepResult run_step(std::int64_t iteration, double rate, double limit);
    void announce();
    void one_iteration(std::int64_t iteration);
    void report(std::int64_t iteration, const StepResult& result, double rate, double seconds,
                std::size_t clips);
    void skip(std::int64_t iteration, const StepResult& result, double limit);
    std::int64_t go_back(std::int64_t iteration);  // to a good checkpoint; returns its iteration
    std::optional<SavedState> good_checkpoint();
    bool agree(bool here) { return setup_.ranks ? setup_.ranks->any(here) : here; }  // on one rank: on all
    void save(std::int64_t iteration);
    void speak_samples(std::int64_t iteration);
    void save_or_try_later(std::int64_t iteration);
    nets::Losses evaluate(int begin, int end);  // lines of validation
    void validate(std::int64_t iteration);
    void progress(std::int64_t iteration, bool now);
    bool save_again_due() const {
        return save_failed_ && seconds_since(*save_failed_) >= options_.save_again_seconds;
    }
    CheckpointContents contents(std::int64_t iteration);
    double rate() const { return setup_.schedule->rate() * setup_.own.rate_scale; }

    RunSetup& setup_;
    const TrainOptions& options_;
    const Config& config_;
    Events& events_;
    Step step_;
    RunMetrics metrics_;
    Outlook outlook_;
    std::int64_t epoch_of_batches_ = 0;
    std::vector<std::vector<int>> batches_;
    std::vector<int> clips_;  // of the current step
    int validation_batch_ = static_cast<int>(std::max<std::int64_t>(1, config_.validation_batch_size));
    std::int64_t skipped_ = 0, last_saved_ = 0;
    std::int64_t returned_to_ = -1, returns_ = 0;  // how often there
    std::int64_t all_returns_ = 0;
    std::optional<Clock::time_point> save_failed_;  // the last save, then
    std::int64_t validated_ = -1;                   // the iteration of the last validation
    std::optional<double> validation_loss_;         // its total loss
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
    const Ranks* ranks = setup_.ranks;
    std::vector<nets::Batch> micro;
    for (const auto& part :
         step_parts(clips_, setup_.lines->lengths(), config_.accumulation, config_.step.form.objective,
                    ranks ? ranks->rank() : 0, ranks ? ranks->size() : 1)) {
        micro.emplace_back();
        for (const int clip : part)
            micro.back().push_back(
                setup_.lines->example(clip, dataset::example_seed(config_.seed, iteration, clip)));
    }
    return micro;
}

StepResult Training::run_step(std::int64_t iteration, double rate, double limit) {
    while (true) {
        const auto micro = load_batch(iteration);
        std::string problem;
        try {
            return step_.run(micro, rate, dataset::example_seed(config_.seed, iteration, step_seed),
                             iteration, limit);
        } catch (const std::exception& error) {
            if (!is_out_of_memory(error)) throw;
            problem = failed_allocation(error);
        }
        const auto clips = static_cast<std::int64_t>(clips_.size());
        if (setup_.ranks)  // the others wait in the middle of it
            throw step_out_of_memory(setup_, step_, clips, problem);
        events_.warning(cat("iteration ", iteration, ": ", make_steps_smaller(setup_, step_, clips, problem)),
                        {{"about", "memory"}, {"it", iteration}});
    }
}

void Training::one_iteration(std::int64_t iteration) {
    const auto start = Clock::now();
    const double rate = setup_.schedule->at(iteration) * setup_.own.rate_scale;
    const double limit = setup_.losses.limit();
    const StepResult result = run_step(iteration, rate, limit);
    setup_.samples += static_cast<std::int64_t>(clips_.size());
    const double seconds = seconds_since(start);
    outlook_.iteration(iteration, seconds);
    if (result.overflow) {
        ++skipped_;
        events_.info(cat("iteration ", iteration, " overflowed float16 and changed nothing; losses are now ",
                         "scaled by ", step_.loss_scale().scale),
                     {{"about", "skipped"}, {"it", iteration}});
    } else if (result.skipped) {
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
    metrics_.training(std::move(metric));
}

void Training::skip(std::int64_t iteration, const StepResult& result, double limit) {
    ++skipped_;
    ++setup_.own.bad_in_a_row;
    std::vector<std::string> names;
    for (const int clip : clips_) names.push_back(setup_.lines->line(clip).audio);
    const std::string what =
        result.leap ? cat(" gave the loss ", result.total, ", above ", limit,
                          " (five standard deviations over the last ", setup_.losses.losses().size(),
                          "), and changed nothing")
                    : cat(" gave numbers that are not finite (loss ", result.total, ") and changed nothing");
    events_.warning(cat("iteration ", iteration, what, "; its clips: ", join(names, ", ")),
                    {{"about", "skipped"}, {"it", iteration}, {"clips", names}});
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
    if (!setup_.leads()) {
        epoch_of_batches_ = 0;
        return share_run(setup_, 0);
    }
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
    validated_ = saved->iteration;
    validation_loss_ = saved->own ? saved->own->validation_loss : std::nullopt;
    events_.warning(
        cat(most_bad_steps, " steps in a row had to be skipped: the training goes back from iteration ",
            iteration, " to ", saved->file, " (iteration ", saved->iteration,
            ") and goes on with half the learning rate: ", scale, " of what ", config_.yaml, " says"),
        {{"about", "returned"}, {"it", iteration}});
    if (setup_.ranks) share_run(setup_, saved->iteration);
    return saved->iteration;
}

CheckpointContents Training::contents(std::int64_t iteration) {
    OwnState own = setup_.own;
    own.losses = setup_.losses.losses();
    own.validation_loss = validated_ == iteration ? validation_loss_ : std::nullopt;
    own.loss_scale = step_.loss_scale();
    return {iteration,
            setup_.counting.finished_epochs(iteration),
            setup_.samples,
            setup_.model.get(),
            setup_.optimizer.get(),
            setup_.schedule.get(),
            std::move(own),
            config_.save_half};
}

void Training::save(std::int64_t iteration) {
    const auto start = Clock::now();
    gather_moments(setup_);
    if (!setup_.leads()) return;
    metrics_.log().line("Saving models and training states.");
    try {
        files_ = save_checkpoint(setup_.paths, contents(iteration));
    } catch (...) {
        free_gathered(setup_);
        throw;
    }
    free_gathered(setup_);
    last_saved_ = iteration;
    save_failed_.reset();
    events_.artifact("model", files_.model);
    if (!files_.ema_model.empty()) events_.artifact("ema_model", files_.ema_model);
    if (!files_.adapters.empty()) events_.artifact("adapters", files_.adapters);
    if (!files_.half_model.empty()) events_.artifact("half_model", files_.half_model);
    events_.artifact("state", files_.state);
    delete_old_checkpoints(setup_.paths, keep_rule(setup_), events_);
    speak_samples(iteration);
    outlook_.save(seconds_since(start));
}

void Training::speak_samples(std::int64_t iteration) {
    if (!options_.speak || config_.sample_sentences.empty() || stop_requested()) return;
    const SpeakingVoice voice{*setup_.model,
                              files_.model,
                              config_.tokenizer,
                              config_.dvae,
                              conditioning_clip(*setup_.lines, config_.train_list),
                              config_.seed};
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
                            options_.save_again_seconds, " seconds or when it is due. ", error.hint()),
                        {{"about", "disk"}, {"it", iteration}});
    }
}

nets::Losses Training::evaluate(int begin, int end) {
    nets::Batch batch;
    for (int i = begin; i < end; ++i)
        batch.push_back(
            setup_.validation->example(i, dataset::example_seed(config_.seed, validation_iteration, i)));
    return step_.evaluate(batch);
}

void Training::validate(std::int64_t iteration) {
    const auto start = Clock::now();
    metrics_.log().line("Beginning validation.");
    const dataset::Features& lines = *setup_.validation;
    double text = 0, mel = 0;
    double text_tokens = 0, mel_tokens = 0;
    Ranks* ranks = setup_.ranks;
    for (int begin = 0, end = 0; begin < lines.size(); begin = end) {
        end = std::min(begin + validation_batch_, lines.size());
        if (ranks && begin / validation_batch_ % ranks->size() != ranks->rank()) continue;
        nets::Losses losses;
        try {
            losses = evaluate(begin, end);
        } catch (const std::exception& error) {
            if (ranks || !is_out_of_memory(error)) throw;
            events_.warning(make_validation_smaller(setup_, end - begin, failed_allocation(error)),
                            {{"about", "memory"}, {"it", iteration}});
            validation_batch_ = (end - begin + 1) / 2;
            end = begin;
            continue;
        }
        text += losses.text * static_cast<double>(losses.text_tokens);
        mel += losses.mel * static_cast<double>(losses.mel_tokens);
        text_tokens += static_cast<double>(losses.text_tokens);
        mel_tokens += static_cast<double>(losses.mel_tokens);
    }
    if (ranks) {
        const auto sums = ranks->sum({text, mel, text_tokens, mel_tokens});
        text = sums[0], mel = sums[1], text_tokens = sums[2], mel_tokens = sums[3];
    }
    text /= text_tokens;
    mel /= mel_tokens;
    const double total = config_.step.text_weight * text + config_.step.mel_weight * mel;
    const double seconds = seconds_since(start);
    outlook_.validation(seconds);
    Json metric = {
        {"mode", "validation"},  {"it", iteration},    {"epoch", setup_.counting.epoch_of(iteration)},
        {"loss_text_ce", text},  {"loss_mel_ce", mel}, {"loss_gpt_total", total},
        {"clips", lines.size()}, {"seconds", seconds}};
    last_validation_ = {{"text", text}, {"mel", mel}, {"total", total}};
    if (first_validation_.is_null()) first_validation_ = last_validation_;
    validated_ = iteration;
    validation_loss_ = total;
    metrics_.validation(std::move(metric));
}

void Training::progress(std::int64_t iteration, bool now) {
    if (!now && seconds_since(last_progress_) < progress_interval) return;
    last_progress_ = Clock::now();
    Json extra = outlook_.progress(iteration);
    extra["lr"] = rate();
    Json losses = last_losses_.is_null() ? Json::object() : last_losses_;
    if (!last_validation_.is_null()) losses["validation"] = last_validation_["total"];
    extra["losses"] = std::move(losses);
    events_.progress("train", static_cast<double>(iteration), static_cast<double>(setup_.total), "iterations",
                     std::move(extra));
}

// Which parts are trained, and in what form, where it is not all of them in 32 bits.
void Training::announce() {
    const std::int64_t trained = setup_.optimizer->trained_elements(),
                       all = nets::count_elements(setup_.model->parameters());
    if (config_.lora.rank > 0)
        events_.info(cat("LoRA: adapters of rank ", config_.lora.rank, ", alpha ", config_.lora.alpha,
                         ", are trained on ", join(config_.lora.targets, ", "), ": ", trained,
                         " parameters beside the ", all, " of the model, which stay as they are"));
    else if (trained < all)
        events_.info(cat("frozen: ", join(config_.freeze, ", "), "; ", trained, " of ", all,
                         " parameters are trained"));
    if (config_.adamw.eight_bit) {
        const auto elements = static_cast<double>(trained);
        events_.info(cat("8-bit AdamW: optimiser states take ", human_bytes(setup_.optimizer->state_bytes()),
                         " instead of ", human_bytes(8 * elements)));
    }
    if (const std::string notice = precision_notice(config_.step.precision, setup_.model->device());
        !notice.empty())
        events_.info(notice);
}

Json Training::run() {
    const auto start = Clock::now();
    const std::int64_t first = setup_.start + 1;
    metrics_.log().line(cat("Number of training data elements: ", setup_.counting.lines,
                            ", iters: ", setup_.counting.per_epoch()));
    metrics_.log().line(
        cat("Start training from epoch: ", setup_.counting.epoch_of(first) - 1, ", iter: ", setup_.start));
    events_.info(cat(setup_.resumed_from.empty() ? "training " : "resuming ", config_.voice, ": iterations ",
                     first, " to ", setup_.total, ", ", setup_.counting.epochs, " epochs of ",
                     setup_.counting.per_epoch(), " with ", setup_.counting.lines, " clips in batches of ",
                     std::min(config_.batch_size, setup_.counting.lines)));
    announce();
    bool stopped = false;
    std::int64_t iteration = setup_.start;
    while (iteration < setup_.total && !stopped) {
        ++iteration;
        one_iteration(iteration);
        const bool went_back = setup_.own.bad_in_a_row >= most_bad_steps;
        if (went_back) iteration = go_back(iteration);
        stopped = agree(stop_requested()) && iteration < setup_.total;
        if (went_back && !stopped) continue;
        // While steps fail nothing new was learnt, and older checkpoints must not be pushed out by copies.
        const bool worth_saving = setup_.own.bad_in_a_row == 0 || iteration == setup_.total;
        // Before the save, whose state keeps the loss.
        if (outlook_.agenda().validation_due(iteration) && !stopped) validate(iteration);
        if (stopped)
            save(iteration);
        else if (worth_saving && (outlook_.agenda().save_due(iteration) || agree(save_again_due())))
            save_or_try_later(iteration);
        progress(iteration, iteration == first || iteration == setup_.total || stopped);
        // A signal that came while saving or validating: this iteration may not be saved yet.
        if (!stopped && agree(stop_requested()) && iteration < setup_.total) {
            stopped = true;
            if (agree(setup_.leads() && last_saved_ != iteration)) save(iteration);
        }
    }
    if (stopped)
        events_.info(cat("stopped after iteration ", iteration,
                         ", which is saved; go on with `testudo resume ", config_.voice, "`"));
    else
        metrics_.log().line("Finished training!");

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
    if (!files_.adapters.empty()) summary["adapters"] = to_utf8(files_.adapters.native());
    if (!files_.ema_model.empty()) summary["ema_model"] = to_utf8(files_.ema_model.native());
    if (setup_.archived) summary["archived"] = to_utf8(setup_.archived->native());
    return summary;
}

}  // namespace

Json train_voice(const std::filesystem::path& workspace, const std::filesystem::path& yaml, Events& events,
                 TrainOptions options) {
    try {
        Company company(workspace, yaml, events, options);
        options.device = company.device();
        return company.work([&](Ranks* ranks) {
            Events silent;  // rank 0 speaks for all
            Events& spoken = company.leads() ? events : silent;
            RunSetup setup = company.leads() ? set_up_run(workspace, yaml, spoken, options, ranks)
                                             : follow_run(workspace, yaml, spoken, options, *ranks);
            return Training(setup, spoken, options).run();
        });
    } catch (const std::exception& error) {
        if (!is_out_of_memory(error)) throw;
        throw start_out_of_memory(error);
    }
}

Json resume_voice(const std::filesystem::path& workspace, const std::string& voice, Events& events,
                  TrainOptions options) {
    options.resume = true;
    options.voice = voice;
    return train_voice(workspace, run_paths(workspace, voice).yaml, events, options);
}

}  // namespace testudo::training
