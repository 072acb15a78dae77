#pragma once
// What lies ahead of a training: how long it will take, and the next event of each kind.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "training/counting.h"
#include "training/eta.h"
#include "training/schedule.h"

namespace testudo::training {

struct OutlookPlan {
    Counting counting;
    Agenda agenda;
    ScheduleSettings schedule;
    std::vector<int> lengths;    // of the clips: an iteration's work
    std::uint64_t seed = 0;      // of the order of clips
    double validation_work = 0;  // lengths of the validation's clips
    double save_seconds = 0;     // what the first save is taken to cost
};

struct Milestone {
    std::string kind;               // epoch (its end), learning_rate, restart, validation, save
    std::int64_t iteration = 0;     // during or after which it happens
    std::int64_t left = 0;          // iterations until then, that one included
    std::optional<double> seconds;  // until that iteration is done; nothing before the run's first one
};

class Outlook {
  public:
    explicit Outlook(OutlookPlan plan);

    const Agenda& agenda() const { return plan_.agenda; }
    void iteration(std::int64_t iteration, double seconds);
    void validation(double seconds) { eta_.validation(seconds); }
    void save(double seconds) { eta_.save(seconds); }

    // After iteration `done` and what was due with it.
    std::optional<double> seconds_left(std::int64_t done) const;
    double iterations_per_second() const;                        // 0 before the first iteration
    std::vector<Milestone> milestones(std::int64_t done) const;  // by iteration
    // The fields of a progress event: epoch, epochs, batch, batches, rate, eta_seconds, milestones,
    // next_save, next_milestone, next_validation.
    Json progress(std::int64_t done) const;

    // The work of the iterations in (after, until]: exact in the epoch of the last iteration() call, the mean
    // of an iteration elsewhere.
    double work(std::int64_t after, std::int64_t until) const;

  private:
    // For the iterations in (after, until], with what is due after those in (after, last_due].
    std::optional<double> seconds_until(std::int64_t after, std::int64_t until, std::int64_t last_due) const;
    double work_until(std::int64_t iteration) const;
    void look_into(std::int64_t epoch);

    OutlookPlan plan_;
    Eta eta_;
    double epoch_work_ = 0;
    std::int64_t epoch_ = 0;           // of which
    std::vector<double> work_so_far_;  // after each of its iterations, 0 first
};

}  // namespace testudo::training
