#pragma once
// Learning rates as DLAS computes them (facts of its schedulers: docs/formats.md): for iteration `it` the
// scheduler evaluates at it + 1, so a milestone m acts in iteration m - 1; both schemes scale the rate in
// force (chained). Without a resume in DLAS' manner the rate is a pure function of settings and iteration.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tensors/value.h"

namespace testudo::training {

struct ScheduleSettings {
    enum class Scheme { multi_step, cosine } scheme = Scheme::multi_step;
    double base_rate = 1e-5;
    std::int64_t warmup_iterations = -1;  // train.warmup_iter; -1: off
    std::vector<std::int64_t> restarts;
    std::vector<double> restart_weights;

    std::vector<std::int64_t> milestones;  // multi_step: iterations; a repeated one counts twice
    double gamma = 0.5;
    std::optional<double> force_rate;
    std::int64_t warmup_steps = 0;

    std::vector<std::int64_t> periods;  // cosine: iterations
    double lowest_rate = 0;
    std::int64_t warmup = 0;
};

class Schedule {
  public:
    // Error(input) for settings that cannot work (as many weights as restarts, periods above 0, one period
    // more than restarts); `where` names the configuration in it. DLAS itself fails with a bare exception
    // when a restart comes for which no period is left; `lenient` puts that off until then, too.
    explicit Schedule(ScheduleSettings settings, const std::string& where = "the configuration",
                      bool lenient = false);

    // The rate in force in iteration `it`. Iterations are asked for in ascending order; those left out are as
    // never taken, except by replay().
    double at(std::int64_t iteration);
    // As if iterations first … last had been taken from the start.
    void replay(std::int64_t first, std::int64_t last);

    double rate() const { return rate_; }
    const ScheduleSettings& settings() const { return settings_; }

    // The attributes of the scheduler object that DLAS would have, as they stand in a .state file.
    tensors::Value state(std::int64_t groups = 2) const;
    // DLAS' own resume: the saved rate and saved attributes win over the settings, except milestones and the
    // forced rate. Error(input) naming `where` when the state is of another scheme or malformed.
    void resume_as_dlas(const tensors::Value& state, double saved_rate, const std::string& where);

  private:
    void advance(std::int64_t last_epoch);

    ScheduleSettings settings_;
    std::string where_;
    double rate_ = 0, initial_rate_ = 0;
    std::int64_t last_epoch_ = 0, step_count_ = 1;
    std::map<std::int64_t, std::int64_t> milestones_;
    std::vector<std::int64_t> saved_milestones_;  // in order of first appearance
    std::vector<std::int64_t> restarts_;          // as DLAS keeps them: one later
    std::vector<double> weights_;
    std::int64_t period_ = 0, last_restart_ = 0;
};

// Rates of iterations first … last of a run from its start.
std::vector<double> learning_rates(const ScheduleSettings& settings, std::int64_t first, std::int64_t last);
// The next iteration after `iteration` in which the rate steps down, and in which it starts again; nothing
// when there is none.
std::optional<std::int64_t> next_rate_step(const ScheduleSettings& settings, std::int64_t iteration);
std::optional<std::int64_t> next_restart(const ScheduleSettings& settings, std::int64_t iteration);

}  // namespace testudo::training
