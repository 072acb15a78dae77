#include "training/outlook.h"

#include <algorithm>
#include <numeric>

#include "dataset/batches.h"

namespace testudo::training {

Outlook::Outlook(OutlookPlan plan) : plan_(std::move(plan)) {
    epoch_work_ = std::accumulate(plan_.lengths.begin(), plan_.lengths.end(), 0.0);
    eta_.expect(plan_.validation_work, plan_.save_seconds);
}

void Outlook::look_into(std::int64_t epoch) {
    if (epoch == epoch_) return;
    epoch_ = epoch;
    work_so_far_ = {0};
    for (const auto& batch :
         dataset::epoch_batches(plan_.lengths, static_cast<int>(plan_.counting.batch_size), plan_.seed,
                                static_cast<int>(epoch))) {
        double work = 0;
        for (const int clip : batch) work += plan_.lengths.at(static_cast<std::size_t>(clip));
        work_so_far_.push_back(work_so_far_.back() + work);
    }
}

double Outlook::work_until(std::int64_t iteration) const {
    const Counting& counting = plan_.counting;
    const std::int64_t done = iteration - counting.from_iteration, per_epoch = counting.per_epoch();
    const std::int64_t epochs = done / per_epoch, step = done % per_epoch;
    double work = static_cast<double>(epochs) * epoch_work_;
    if (step > 0)
        work += counting.from_epoch + epochs + 1 == epoch_
                    ? work_so_far_.at(static_cast<std::size_t>(step))
                    : epoch_work_ * static_cast<double>(step) / static_cast<double>(per_epoch);
    return work;
}

double Outlook::work(std::int64_t after, std::int64_t until) const {
    return work_until(until) - work_until(after);
}

void Outlook::iteration(std::int64_t iteration, double seconds) {
    look_into(plan_.counting.epoch_of(iteration));
    eta_.iteration(seconds, work(iteration - 1, iteration));
}

std::optional<double> Outlook::seconds_until(std::int64_t after, std::int64_t until,
                                             std::int64_t last_due) const {
    return eta_.remaining(work(after, until), plan_.agenda.validations(after, last_due),
                          plan_.agenda.saves(after, last_due));
}

std::optional<double> Outlook::seconds_left(std::int64_t done) const {
    return seconds_until(done, plan_.agenda.total, plan_.agenda.total);
}

double Outlook::iterations_per_second() const {
    const auto typical = eta_.remaining(epoch_work_ / static_cast<double>(plan_.counting.per_epoch()), 0, 0);
    return typical && *typical > 0 ? 1 / *typical : 0;
}

std::vector<Milestone> Outlook::milestones(std::int64_t done) const {
    const Counting& counting = plan_.counting;
    const Agenda& agenda = plan_.agenda;
    std::vector<Milestone> found;
    const auto offer = [&](const char* kind, std::optional<std::int64_t> iteration) {
        if (iteration && *iteration > done && *iteration <= agenda.total)
            found.push_back(
                {kind, *iteration, *iteration - done, seconds_until(done, *iteration, *iteration - 1)});
    };
    offer("learning_rate", next_rate_step(plan_.schedule, done));
    offer("restart", next_restart(plan_.schedule, done));
    offer("validation", agenda.next_validation(done));
    offer("save", agenda.next_save(done));
    offer("epoch", counting.last_of_epoch(counting.epoch_of(done + 1)));
    std::stable_sort(found.begin(), found.end(),
                     [](const Milestone& a, const Milestone& b) { return a.iteration < b.iteration; });
    return found;
}

Json Outlook::progress(std::int64_t done) const {
    const Counting& counting = plan_.counting;
    const auto eta = seconds_left(done);
    Json fields = {{"epoch", counting.epoch_of(done)},         {"epochs", counting.epochs},
                   {"batch", counting.step_of(done)},          {"batches", counting.per_epoch()},
                   {"rate", iterations_per_second()},          {"next_save", nullptr},
                   {"eta_seconds", eta ? Json(*eta) : Json()}, {"milestones", Json::array()}};
    for (const Milestone& one : milestones(done)) {
        fields["milestones"].push_back({{"kind", one.kind},
                                        {"iteration", one.iteration},
                                        {"iterations_left", one.left},
                                        {"seconds_left", one.seconds ? Json(*one.seconds) : Json()}});
        if (one.kind == "save") fields["next_save"] = one.iteration;
        if (one.kind == "validation") fields["next_validation"] = one.iteration;
        if ((one.kind == "learning_rate" || one.kind == "restart") && !fields.contains("next_milestone"))
            fields["next_milestone"] = one.iteration;
    }
    return fields;
}

}  // namespace testudo::training
