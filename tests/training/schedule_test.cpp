#include "training/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "support/golden.h"

namespace testudo::training {
namespace {

ScheduleSettings settings_of(const Json& scheme, double base_rate, std::int64_t warmup) {
    const auto integers = [&](const char* key) {
        return scheme.contains(key) && scheme[key].is_array() ? scheme[key].get<std::vector<std::int64_t>>()
                                                              : std::vector<std::int64_t>{};
    };
    ScheduleSettings out;
    out.base_rate = base_rate;
    out.warmup_iterations = warmup;
    out.restarts = integers("restarts");
    if (scheme.contains("restart_weights") && scheme["restart_weights"].is_array())
        out.restart_weights = scheme["restart_weights"].get<std::vector<double>>();
    if (scheme["default_lr_scheme"] == "MultiStepLR") {
        out.milestones = integers("gen_lr_steps");
        out.gamma = scheme.value("lr_gamma", 0.5);
        if (scheme.contains("force_lr") && scheme["force_lr"].is_number())
            out.force_rate = scheme["force_lr"].get<double>();
        out.warmup_steps = scheme.value("warmup_steps", std::int64_t{0});
    } else {
        out.scheme = ScheduleSettings::Scheme::cosine;
        out.periods = integers("T_period");
        out.lowest_rate = scheme.value("eta_min", 0.0);
        out.warmup = scheme.value("warmup", std::int64_t{0});
    }
    return out;
}

// Within rounding of a chain of that many products.
void expect_rates(Schedule& schedule, const Json& rates, std::int64_t first, const std::string& name) {
    std::int64_t iteration = first;
    for (const Json& expected : rates) {
        if (expected.is_number()) {
            EXPECT_NEAR(schedule.at(iteration) / expected.get<double>(), 1, 1e-9)
                << name << ", iteration " << iteration;
        } else {
            EXPECT_THROW(schedule.at(iteration), Error) << name << ", iteration " << iteration;
        }
        ++iteration;
    }
}

void expect_state(const tensors::Value& ours, const Json& theirs, const std::string& name) {
    ASSERT_TRUE(ours.dict());
    EXPECT_EQ(ours.dict()->items.size(), theirs.size()) << name;
    for (const auto& [key, expected] : theirs.items()) {
        const tensors::Value* value = ours.find(key);
        ASSERT_TRUE(value) << name << ": " << key;
        if (expected.is_null()) {
            EXPECT_TRUE(value->is_none()) << name << ": " << key;
        } else if (expected.is_object()) {
            ASSERT_TRUE(value->dict()) << name << ": " << key;
            EXPECT_EQ(value->dict()->items.size(), expected.size()) << name << ": " << key;
            for (const auto& [milestone, count] : expected.items()) {
                const tensors::Value* held = value->dict()->find(std::int64_t{std::stoll(milestone)});
                ASSERT_TRUE(held) << name << ": milestone " << milestone;
                EXPECT_EQ(held->integer(), count.get<std::int64_t>());
            }
        } else if (expected.is_array()) {
            ASSERT_EQ(value->elements().size(), expected.size()) << name << ": " << key;
            for (std::size_t i = 0; i < expected.size(); ++i)
                EXPECT_NEAR(value->elements()[i].number().value(), expected[i].get<double>(), 1e-9)
                    << name << ": " << key;
        } else if (expected.is_boolean()) {
            EXPECT_EQ(value->boolean(), expected.get<bool>()) << name << ": " << key;
        } else {
            EXPECT_NEAR(value->number().value(), expected.get<double>(), 1e-12) << name << ": " << key;
        }
    }
}

TEST(GoldenLearningRate, EveryScheduleAtEveryIteration) {
    const auto cases = test::golden_cases("ar", "lr");
    if (cases.empty()) GTEST_SKIP();
    int compared = 0;
    for (const auto& golden : cases)
        for (const Json& entry : golden.manifest["schedules"]) {
            Schedule schedule(settings_of(entry["scheme"], entry["base_lr"], entry["warmup_iter"]), "lr",
                              true);
            expect_rates(schedule, entry["lr"], entry["first_iteration"], entry["name"]);
            ++compared;
        }
    EXPECT_GT(compared, 0);
}

TEST(GoldenLearningRate, ResumedAsDlasResumes) {
    const auto cases = test::golden_cases("ar", "lr");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases)
        for (const Json& entry : golden.manifest["resumed"]) {
            const std::string name = entry["name"];
            const Json* of = nullptr;
            for (const Json& schedule : golden.manifest["schedules"])
                if (schedule["name"] == entry["schedule"]) of = &schedule;
            ASSERT_TRUE(of) << name;
            const std::int64_t done = entry["resumed_after_iteration"];
            Schedule before(settings_of((*of)["scheme"], (*of)["base_lr"], (*of)["warmup_iter"]));
            before.replay((*of)["first_iteration"].get<std::int64_t>(), done);
            expect_state(before.state(), entry["scheduler_state"], name);

            Json scheme = (*of)["scheme"];
            double base = (*of)["base_lr"];
            for (const auto& [key, value] : entry["changed_in_yaml"].items()) {
                if (key == "lr") base = value;
                scheme[key] = value;
            }
            Schedule after(settings_of(scheme, base, (*of)["warmup_iter"]), "lr", true);
            after.resume_as_dlas(before.state(), before.rate(), name);
            expect_rates(after, entry["lr"], entry["lr_from_iteration"], name);
        }
}

TEST(LearningRate, IsAPureFunctionOfTheConfiguration) {
    ScheduleSettings settings;
    settings.base_rate = 1e-4;
    settings.milestones = {6, 12, 27};
    const auto whole = learning_rates(settings, 1, 40);
    for (const std::int64_t done : {1, 5, 6, 11, 26, 39}) {
        Schedule resumed(settings);
        resumed.replay(1, done);
        for (std::int64_t it = done + 1; it <= 40; ++it)
            EXPECT_EQ(resumed.at(it), whole[static_cast<std::size_t>(it - 1)]);
    }
    // Another rate in the configuration counts at once.
    settings.base_rate = 5e-5;
    const auto other = learning_rates(settings, 1, 40);
    for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_DOUBLE_EQ(other[i] * 2, whole[i]);
}

TEST(LearningRate, NextMilestoneIsWhereTheRateChanges) {
    ScheduleSettings steps;
    steps.milestones = {2, 4, 9, 30};
    ScheduleSettings arcs;
    arcs.scheme = ScheduleSettings::Scheme::cosine;
    arcs.periods = {10, 10, 10};
    arcs.restarts = {10, 20};
    arcs.restart_weights = {0.5, 0.25};
    for (const auto& settings : {steps, arcs}) {
        const auto rates = learning_rates(settings, 1, 60);
        for (std::int64_t it = 1; it < 59; ++it) {
            const bool cosine = settings.scheme == ScheduleSettings::Scheme::cosine;
            EXPECT_FALSE((cosine ? next_rate_step : next_restart)(settings, it));
            const auto next = (cosine ? next_restart : next_rate_step)(settings, it);
            if (!next) continue;
            ASSERT_GT(*next, it);
            const double before = rates[static_cast<std::size_t>(*next - 2)],
                         at = rates[static_cast<std::size_t>(*next - 1)];
            EXPECT_GT(std::fabs(at - before), 0.1 * before) << "iteration " << *next;
            if (settings.scheme != ScheduleSettings::Scheme::multi_step) continue;
            for (std::int64_t quiet = it + 1; quiet < *next; ++quiet)
                EXPECT_EQ(rates[static_cast<std::size_t>(quiet - 1)],
                          rates[static_cast<std::size_t>(it - 1)]);
        }
    }
    EXPECT_FALSE(next_rate_step(steps, 29));
    steps.warmup_iterations = 5;  // overrules the milestones before it
    EXPECT_EQ(next_rate_step(steps, 1), 8);
}

TEST(LearningRate, RefusesWhatCannotWork) {
    ScheduleSettings arcs;
    arcs.scheme = ScheduleSettings::Scheme::cosine;
    EXPECT_THROW(Schedule{arcs}, Error);
    arcs.periods = {10, 0};
    EXPECT_THROW(Schedule{arcs}, Error);
    arcs.periods = {10, 10};
    arcs.restarts = {10, 20};
    arcs.restart_weights = {0.5, 0.25};
    EXPECT_THROW(Schedule{arcs}, Error);  // a third period is wanted
    arcs.restart_weights = {0.5};
    EXPECT_THROW(Schedule{arcs}, Error);

    Schedule fresh((ScheduleSettings()));
    EXPECT_THROW(fresh.resume_as_dlas(tensors::Value("nonsense"), 1e-5, "x.state"), Error);
}

}  // namespace
}  // namespace testudo::training
