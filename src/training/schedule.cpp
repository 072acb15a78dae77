#include "training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::training {

namespace {

using tensors::Dict;
using tensors::List;
using tensors::Value;

std::ptrdiff_t index_of(const std::vector<std::int64_t>& values, std::int64_t value) {
    const auto found = std::find(values.begin(), values.end(), value);
    return found == values.end() ? -1 : found - values.begin();
}

template <class T>
Value list_of(const std::vector<T>& values) {
    List list;
    for (const T& value : values) list.items.emplace_back(value);
    return list;
}

}  // namespace

Schedule::Schedule(ScheduleSettings settings, const std::string& where, bool lenient)
    : settings_(std::move(settings)),
      where_(where),
      rate_(settings_.base_rate),
      initial_rate_(settings_.base_rate) {
    const bool cosine = settings_.scheme == ScheduleSettings::Scheme::cosine;
    const auto bad = [&](const std::string& what) {
        return input_error(cat(where, ": ", what),
                           "Correct it, or write the configuration again with `testudo configure`.");
    };
    restarts_ = settings_.restarts;
    if (restarts_.empty()) restarts_ = {0};
    for (auto& restart : restarts_) ++restart;
    weights_ = settings_.restart_weights;
    if (weights_.empty()) weights_ = {1};
    if (weights_.size() != restarts_.size())
        throw bad(cat("train.restart_weights has ", weights_.size(), " entries, train.restarts ",
                      restarts_.size()));
    if (cosine) {
        if (settings_.periods.empty()) throw bad("train.T_period is empty");
        for (const auto period : settings_.periods)
            if (period < 1)
                throw bad(cat("train.T_period holds ", period, "; a period is at least 1 iteration"));
        if (!lenient && !settings_.restarts.empty() &&
            settings_.periods.size() < settings_.restarts.size() + 1)
            throw bad(cat("train.T_period has ", settings_.periods.size(), " entries; ",
                          settings_.restarts.size(), " restarts need ", settings_.restarts.size() + 1));
        period_ = settings_.periods.front();
    }
    for (const auto milestone : settings_.milestones)
        if (milestones_[milestone]++ == 0) saved_milestones_.push_back(milestone);
    advance(0);  // a scheduler evaluates once when it is made
}

void Schedule::advance(std::int64_t last_epoch) {
    last_epoch_ = last_epoch;
    if (settings_.scheme == ScheduleSettings::Scheme::multi_step) {
        if (settings_.force_rate) {
            rate_ = *settings_.force_rate;
        } else if (const auto restart = index_of(restarts_, last_epoch); restart >= 0) {
            rate_ = initial_rate_ * weights_[static_cast<std::size_t>(restart)];
        } else if (last_epoch < settings_.warmup_steps) {
            const double steps = static_cast<double>(settings_.warmup_steps);
            rate_ = initial_rate_ * (1 - (steps - static_cast<double>(last_epoch)) / steps);
        } else if (const auto milestone = milestones_.find(last_epoch); milestone != milestones_.end()) {
            rate_ *= std::pow(settings_.gamma, static_cast<double>(milestone->second));
        }
        return;
    }
    const std::int64_t step = last_epoch - settings_.warmup;
    const double lowest = settings_.lowest_rate;
    if (step <= 0) {
        rate_ = initial_rate_;
    } else if (const auto restart = index_of(restarts_, step); restart >= 0) {
        const auto next = static_cast<std::size_t>(restart) + 1;
        if (next < settings_.periods.size())
            period_ = settings_.periods[next];
        else if (!settings_.restarts.empty())
            throw input_error(cat(where_, ": train.T_period has no period for the restart at ", step - 1),
                              "Give train.T_period one entry more than train.restarts.");
        last_restart_ = step;
        rate_ = initial_rate_ * weights_[static_cast<std::size_t>(restart)];
    } else {
        const double angle = std::numbers::pi / static_cast<double>(period_);
        const std::int64_t position = step - last_restart_;
        if ((position - 1 - period_) % (2 * period_) == 0)
            rate_ += (initial_rate_ - lowest) * (1 - std::cos(angle)) / 2;
        else
            rate_ = (1 + std::cos(angle * static_cast<double>(position))) /
                        (1 + std::cos(angle * static_cast<double>(position - 1))) * (rate_ - lowest) +
                    lowest;
    }
}

double Schedule::at(std::int64_t iteration) {
    advance(iteration + 1);
    ++step_count_;
    if (iteration < settings_.warmup_iterations)
        rate_ =
            initial_rate_ / static_cast<double>(settings_.warmup_iterations) * static_cast<double>(iteration);
    return rate_;
}

void Schedule::replay(std::int64_t first, std::int64_t last) {
    for (std::int64_t iteration = first; iteration <= last; ++iteration) at(iteration);
}

Value Schedule::state(std::int64_t groups) const {
    const auto each_group = [&](double value) {
        return list_of(std::vector<double>(static_cast<std::size_t>(groups), value));
    };
    const auto weights = [&] {
        return settings_.restart_weights.empty() ? list_of(std::vector<std::int64_t>{1}) : list_of(weights_);
    };
    Dict state;
    if (settings_.scheme == ScheduleSettings::Scheme::multi_step) {
        Dict counter;
        counter.kind = Dict::Kind::counter;
        for (const auto milestone : saved_milestones_) counter.set(milestone, milestones_.at(milestone));
        state.set("milestones", std::move(counter));
        state.set("gamma", settings_.gamma);
        state.set("clear_state", Value());
        state.set("restarts", list_of(restarts_));
        state.set("restart_weights", weights());
        state.set("force_lr", settings_.force_rate ? Value(*settings_.force_rate) : Value());
        state.set("warmup_steps", settings_.warmup_steps);
    } else {
        state.set("warmup", settings_.warmup);
        state.set("T_period", list_of(settings_.periods));
        state.set("T_max", period_);
        state.set("eta_min", settings_.lowest_rate);
        state.set("restarts", list_of(restarts_));
        state.set("restart_weights", weights());
        state.set("last_restart", last_restart_);
    }
    state.set("base_lrs", each_group(initial_rate_));
    state.set("last_epoch", last_epoch_);
    state.set("_step_count", step_count_);
    state.set("_is_initial", false);
    state.set("_get_lr_called_within_step", false);
    state.set("_last_lr", each_group(rate_));
    return state;
}

void Schedule::resume_as_dlas(const Value& state, double saved_rate, const std::string& where) {
    const auto wrong = [&](const std::string& key) {
        return input_error(cat(where, ": its learning-rate schedule has no usable ", key),
                           "Start from another checkpoint, or begin anew from its model file.");
    };
    const auto integer = [&](const char* key) {
        const Value* value = state.find(key);
        const auto found = value ? value->integer() : std::nullopt;
        if (!found) throw wrong(key);
        return *found;
    };
    const auto number = [&](const char* key) {
        const Value* value = state.find(key);
        const auto found = value ? value->number() : std::nullopt;
        if (!found) throw wrong(key);
        return *found;
    };
    const auto numbers = [&](const char* key) {
        const Value* value = state.find(key);
        if (!value || !value->list()) throw wrong(key);
        std::vector<double> out;
        for (const Value& item : value->elements()) {
            if (!item.number()) throw wrong(key);
            out.push_back(*item.number());
        }
        return out;
    };
    const auto integers = [&](const char* key) {
        std::vector<std::int64_t> out;
        for (const double value : numbers(key)) out.push_back(static_cast<std::int64_t>(value));
        return out;
    };
    restarts_ = integers("restarts");
    weights_ = numbers("restart_weights");
    if (weights_.size() != restarts_.size()) throw wrong("restart_weights");
    settings_.restart_weights = weights_;
    if (settings_.scheme == ScheduleSettings::Scheme::multi_step) {
        settings_.gamma = number("gamma");
        settings_.warmup_steps = integer("warmup_steps");
    } else {
        settings_.warmup = integer("warmup");
        settings_.periods = integers("T_period");
        settings_.lowest_rate = number("eta_min");
        period_ = integer("T_max");
        last_restart_ = integer("last_restart");
        if (settings_.periods.empty() || period_ < 1) throw wrong("T_max");
    }
    if (const auto rates = numbers("base_lrs"); !rates.empty()) initial_rate_ = rates.front();
    last_epoch_ = integer("last_epoch");
    step_count_ = integer("_step_count");
    rate_ = saved_rate;
}

std::vector<double> learning_rates(const ScheduleSettings& settings, std::int64_t first, std::int64_t last) {
    Schedule schedule(settings);
    std::vector<double> rates;
    for (std::int64_t iteration = first; iteration <= last; ++iteration)
        rates.push_back(schedule.at(iteration));
    return rates;
}

namespace {

// Of the iterations in which what is evaluated there acts, the first after `iteration`.
std::optional<std::int64_t> first_after(const std::vector<std::int64_t>& evaluated_at,
                                        std::int64_t iteration) {
    std::optional<std::int64_t> next;
    for (const std::int64_t at : evaluated_at)
        if (at - 1 > iteration && (!next || at - 1 < *next)) next = at - 1;
    return next;
}

}  // namespace

std::optional<std::int64_t> next_rate_step(const ScheduleSettings& settings, std::int64_t iteration) {
    if (settings.scheme != ScheduleSettings::Scheme::multi_step || settings.force_rate) return {};
    std::vector<std::int64_t> steps;
    for (const auto milestone : settings.milestones)
        // One during a warm-up is overruled by it.
        if (milestone >= settings.warmup_steps && milestone > settings.warmup_iterations)
            steps.push_back(milestone);
    return first_after(steps, iteration);
}

std::optional<std::int64_t> next_restart(const ScheduleSettings& settings, std::int64_t iteration) {
    const bool cosine = settings.scheme == ScheduleSettings::Scheme::cosine;
    if (!cosine && settings.force_rate) return {};
    std::vector<std::int64_t> restarts;
    for (const auto restart : settings.restarts)
        restarts.push_back(restart + 1 + (cosine ? settings.warmup : 0));
    return first_after(restarts, iteration);
}

}  // namespace testudo::training
