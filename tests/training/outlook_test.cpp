#include "training/outlook.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "dataset/batches.h"

namespace testudo::training {
namespace {

std::int64_t up_to(std::mt19937& random, std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most + 1));
}

OutlookPlan random_plan(std::mt19937& random) {
    OutlookPlan plan;
    plan.counting.lines = 1 + up_to(random, 40);
    plan.counting.batch_size = 1 + up_to(random, 12);
    plan.counting.from_iteration = random() % 2 ? up_to(random, 30) : 0;
    plan.counting.from_epoch = random() % 2 ? up_to(random, 3) : 0;
    plan.counting.epochs = plan.counting.from_epoch + 1 + up_to(random, 5);
    plan.seed = random();
    for (std::int64_t i = 0; i < plan.counting.lines; ++i)
        plan.lengths.push_back(static_cast<int>(20 + up_to(random, 200)));
    // A number of iterations by hand may end within an epoch.
    plan.agenda.total = plan.counting.total() - (random() % 4 == 0 ? up_to(random, 3) : 0);
    plan.agenda.save_every = up_to(random, 15);
    plan.agenda.validate_every = up_to(random, 15);
    plan.agenda.validate_saves = random() % 2;
    if (random() % 2) {
        for (int i = 0; i < 4; ++i) plan.schedule.milestones.push_back(up_to(random, plan.agenda.total + 5));
    } else {
        plan.schedule.scheme = ScheduleSettings::Scheme::cosine;
        // Four arcs last to the end: behind the last one the rate rises without a restart.
        const std::int64_t period = std::max<std::int64_t>(3, plan.agenda.total / 4 + 1);
        for (int i = 1; i <= 3; ++i) {
            plan.schedule.restarts.push_back(period * i);
            plan.schedule.restart_weights.push_back(0.75 / i);
        }
        plan.schedule.periods.assign(4, period);
    }
    return plan;
}

struct Happened {
    double clock = 0;  // when the iteration was done
    bool save = false, validation = false, epoch_end = false, rate_fell = false, rate_rose = false;
};

// The training itself, one event after another, knowing nothing of formulas: what happens when.
std::map<std::int64_t, Happened> simulate(const OutlookPlan& plan, double pace, double validation,
                                          double save, double& end) {
    std::map<std::int64_t, Happened> all;
    Schedule schedule(plan.schedule);
    const std::int64_t from = plan.counting.from_iteration;
    double rate = plan.schedule.base_rate, clock = 0;
    for (std::int64_t it = 1; it <= from; ++it) rate = schedule.at(it);
    std::int64_t it = from;
    for (std::int64_t epoch = plan.counting.from_epoch + 1; it < plan.agenda.total; ++epoch) {
        const auto batches = dataset::epoch_batches(plan.lengths, static_cast<int>(plan.counting.batch_size),
                                                    plan.seed, static_cast<int>(epoch));
        for (std::size_t b = 0; b < batches.size() && it < plan.agenda.total; ++b) {
            Happened& now = all[++it];
            for (const int clip : batches[b]) clock += pace * plan.lengths[static_cast<std::size_t>(clip)];
            now.clock = clock;
            const double before = rate;
            rate = schedule.at(it);
            now.rate_fell = rate < before;
            now.rate_rose = rate > before;
            now.epoch_end = b + 1 == batches.size();
            now.save =
                it == plan.agenda.total || (plan.agenda.save_every > 0 && it % plan.agenda.save_every == 0);
            now.validation = (plan.agenda.validate_every > 0 && it % plan.agenda.validate_every == 0) ||
                             (plan.agenda.validate_saves && now.save);
            if (now.validation) clock += validation;
            if (now.save) clock += save;
        }
    }
    end = clock;
    return all;
}

TEST(Outlook, MilestonesAreWhatASimulationMeetsNext) {
    std::mt19937 random(11);
    for (int round = 0; round < 300; ++round) {
        const OutlookPlan plan = random_plan(random);
        if (plan.agenda.total <= plan.counting.from_iteration) continue;
        const double pace = 0.01, validation = 0.7, save = 1.3;
        double end = 0;
        const auto course = simulate(plan, pace, validation, save, end);
        ASSERT_EQ(course.rbegin()->first, plan.agenda.total);
        Outlook outlook(plan);
        outlook.validation(validation);
        outlook.save(save);
        double before = 0;
        for (const auto& [it, now] : course) {
            outlook.iteration(it, now.clock - before);
            before = now.clock + (now.validation ? validation : 0) + (now.save ? save : 0);
            // Exact in this epoch and at the ends of others; in the middle of others a mean iteration.
            EXPECT_NEAR(outlook.seconds_left(it).value(), end - before,
                        plan.agenda.total == plan.counting.total() ? 1e-9 * (1 + end) : 40 * 220 * pace);
            std::map<std::string, std::int64_t> expected;
            for (auto later = course.upper_bound(it); later != course.end(); ++later) {
                const Happened& then = later->second;
                const bool cosine = plan.schedule.scheme == ScheduleSettings::Scheme::cosine;
                if (then.epoch_end) expected.emplace("epoch", later->first);
                if (then.save) expected.emplace("save", later->first);
                if (then.validation) expected.emplace("validation", later->first);
                if (!cosine && then.rate_fell) expected.emplace("learning_rate", later->first);
                if (cosine && then.rate_rose) expected.emplace("restart", later->first);
            }
            std::map<std::string, std::int64_t> found;
            std::int64_t last = 0;
            for (const Milestone& one : outlook.milestones(it)) {
                found[one.kind] = one.iteration;
                EXPECT_GE(one.iteration, last) << "the nearest first";
                last = one.iteration;
                EXPECT_EQ(one.left, one.iteration - it);
                const auto& then = course.at(one.iteration);
                const bool same_epoch =
                    plan.counting.epoch_of(one.iteration) == plan.counting.epoch_of(it) || then.epoch_end;
                if (same_epoch) {
                    EXPECT_NEAR(one.seconds.value(), then.clock - before, 1e-9 * (1 + end)) << one.kind;
                }
            }
            ASSERT_EQ(found, expected) << "after " << it << " of " << plan.agenda.total;
        }
    }
}

// Right within 10 % after 20 iterations: batches of unequal lengths, a short last one, a slow start, noise,
// validations and saves that take their time, none of which may have happened yet.
TEST(Outlook, TheEstimateIsRightAfterTwentyIterations) {
    std::mt19937 random(12);
    std::uniform_real_distribution<double> noise(0.92, 1.08), ratio(0.85, 1.2);
    int judged = 0;
    for (int round = 0; round < 200; ++round) {
        OutlookPlan plan;
        plan.counting.lines = 5 + up_to(random, 300);
        plan.counting.batch_size = 1 + up_to(random, 15);
        plan.counting.epochs = 2 + up_to(random, 20);
        plan.seed = random();
        for (std::int64_t i = 0; i < plan.counting.lines; ++i)
            plan.lengths.push_back(static_cast<int>(50 + up_to(random, 300)));
        plan.agenda = {plan.counting.total(), 5 + up_to(random, 200), 5 + up_to(random, 100),
                       random() % 2 == 0};
        if (plan.agenda.total < 60) continue;
        const double pace = 0.002 * noise(random), fixed = 0.02 * noise(random);
        // Forward passes alone cost about a third, disks are about as fast as is taken for granted.
        plan.validation_work = 150.0 * static_cast<double>(plan.counting.lines) / 20;
        plan.save_seconds = 2;
        const double validation = plan.validation_work * pace / 3 * ratio(random),
                     save = plan.save_seconds * ratio(random);
        std::vector<double> clock(static_cast<std::size_t>(plan.agenda.total) + 1, 0),
            estimates(static_cast<std::size_t>(plan.agenda.total) + 1, 0);
        Outlook outlook(plan);
        double now = 0;
        std::vector<std::vector<int>> batches;
        for (std::int64_t it = 1; it <= plan.agenda.total; ++it) {
            if (plan.counting.step_of(it) == 1)
                batches = dataset::epoch_batches(plan.lengths, static_cast<int>(plan.counting.batch_size),
                                                 plan.seed, static_cast<int>(plan.counting.epoch_of(it)));
            double work = 0;
            for (const int clip : batches.at(static_cast<std::size_t>(plan.counting.step_of(it) - 1)))
                work += plan.lengths[static_cast<std::size_t>(clip)];
            double seconds = (fixed + pace * work) * noise(random);
            if (it == 1) seconds *= 6;  // memory and kernels are made ready
            if (it == 2) seconds *= 2;
            now += seconds;
            outlook.iteration(it, seconds);
            if (plan.agenda.validation_due(it)) outlook.validation(validation), now += validation;
            if (plan.agenda.save_due(it)) outlook.save(save), now += save;
            clock[static_cast<std::size_t>(it)] = now;
            estimates[static_cast<std::size_t>(it)] = outlook.seconds_left(it).value();
        }
        for (std::int64_t it = 20; it < plan.agenda.total * 4 / 5; ++it, ++judged) {
            const double left = now - clock[static_cast<std::size_t>(it)];
            ASSERT_NEAR(estimates[static_cast<std::size_t>(it)] / left, 1, 0.1)
                << "iteration " << it << " of " << plan.agenda.total << ", " << plan.counting.per_epoch()
                << " an epoch, round " << round;
        }
    }
    EXPECT_GT(judged, 10000);
}

// After a return to an earlier state iteration numbers come again.
TEST(Outlook, IterationsThatComeAgainAreCountedAgain) {
    OutlookPlan plan;
    plan.counting = {10, 2, 4, 0, 0};
    plan.lengths.assign(10, 7);
    plan.agenda = {20, 5, 0, false};
    Outlook outlook(plan);
    for (std::int64_t it = 1; it <= 13; ++it) outlook.iteration(it, 1);
    outlook.save(2);
    EXPECT_NEAR(outlook.seconds_left(13).value(), 7 + 2 * 2, 1e-9);
    for (std::int64_t it = 6; it <= 7; ++it) outlook.iteration(it, 1);
    EXPECT_NEAR(outlook.seconds_left(7).value(), 13 + 3 * 2, 1e-9);
    const Json fields = outlook.progress(7);
    EXPECT_EQ(fields["epoch"], 2);
    EXPECT_EQ(fields["batch"], 2);
    EXPECT_EQ(fields["next_save"], 10);
    EXPECT_NEAR(fields["rate"].get<double>(), 1, 1e-9);
    EXPECT_EQ(fields["milestones"][0]["iterations_left"], 3);
    EXPECT_FALSE(fields.contains("next_validation"));
    EXPECT_FALSE(fields.contains("next_milestone"));
    EXPECT_TRUE(outlook.milestones(20).empty());
}

}  // namespace
}  // namespace testudo::training
