#include "training/counting.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "training/eta.h"

namespace testudo::training {
namespace {

TEST(Counting, EveryIterationBelongsToOneStepOfOneEpoch) {
    std::mt19937 random(7);
    for (int round = 0; round < 500; ++round) {
        Counting counting;
        counting.lines = 1 + static_cast<std::int64_t>(random() % 60);
        counting.batch_size = 1 + static_cast<std::int64_t>(random() % 70);
        counting.from_epoch = static_cast<std::int64_t>(random() % 3);
        counting.epochs = counting.from_epoch + 1 + static_cast<std::int64_t>(random() % 5);
        counting.from_iteration = static_cast<std::int64_t>(random() % 50);
        EXPECT_GE(counting.per_epoch() * counting.batch_size, counting.lines);
        EXPECT_LT((counting.per_epoch() - 1) * counting.batch_size, counting.lines);
        std::int64_t iteration = counting.from_iteration;
        for (std::int64_t epoch = counting.from_epoch + 1; epoch <= counting.epochs; ++epoch)
            for (std::int64_t step = 1; step <= counting.per_epoch(); ++step) {
                ++iteration;
                ASSERT_EQ(counting.epoch_of(iteration), epoch);
                ASSERT_EQ(counting.step_of(iteration), step);
                ASSERT_EQ(counting.finished_epochs(iteration),
                          step == counting.per_epoch() ? epoch : epoch - 1);
            }
        EXPECT_EQ(iteration, counting.total());
    }
}

TEST(Counting, DueIterations) {
    std::mt19937 random(8);
    for (int round = 0; round < 300; ++round) {
        const std::int64_t every = static_cast<std::int64_t>(random() % 8),
                           total = 1 + static_cast<std::int64_t>(random() % 50);
        std::set<std::int64_t> due;
        for (std::int64_t it = 1; it <= total; ++it)
            if (is_due(it, every)) due.insert(it);
        for (std::int64_t it = 0; it <= total; ++it) {
            const auto after = due.upper_bound(it);
            EXPECT_EQ(count_due(it, total, every), std::distance(after, due.end()));
            if (it < total) {
                EXPECT_EQ(next_due(it + 1, every, total), after == due.end() ? total : *after);
            }
        }
    }
}

TEST(Counting, FractionsOfEpochs) {
    EXPECT_EQ(iterations_of_rate(1, 3), 3);
    EXPECT_EQ(iterations_of_rate(0.5, 10), 5);
    EXPECT_EQ(iterations_of_rate(0.1, 30), 3);
    EXPECT_EQ(iterations_of_rate(0.01, 3), 1);
    EXPECT_EQ(iterations_of_rate(2.5, 2), 5);
}

// With steady durations the estimate is what the rest then takes, validations and saves included.
TEST(Eta, IsRightForSteadyDurations) {
    std::mt19937 random(9);
    std::uniform_real_distribution<double> noise(0.9, 1.1);
    for (int round = 0; round < 40; ++round) {
        const std::int64_t per_epoch = 1 + static_cast<std::int64_t>(random() % 30), epochs = 40;
        const std::int64_t total = per_epoch * epochs,
                           save_every = 1 + static_cast<std::int64_t>(random() % (3 * per_epoch)),
                           validate_every = 1 + static_cast<std::int64_t>(random() % (2 * per_epoch));
        const double step = 0.5 * noise(random), save = 3 * noise(random), validation = 2 * noise(random);
        Eta eta(per_epoch);
        std::vector<double> estimates(static_cast<std::size_t>(total) + 1, -1),
            clock(static_cast<std::size_t>(total) + 1, 0);
        double now = 0;
        for (std::int64_t it = 1; it <= total; ++it) {
            // The last batch of an epoch is short.
            const double seconds = (it % per_epoch == 0 ? 0.3 : 1) * step * noise(random);
            now += seconds;
            eta.iteration(seconds);
            if (is_due(it, save_every)) eta.save(save), now += save;
            if (is_due(it, validate_every)) eta.validation(validation), now += validation;
            clock[static_cast<std::size_t>(it)] = now;
            estimates[static_cast<std::size_t>(it)] =
                eta.remaining(total - it, count_due(it, total, validate_every),
                              count_due(it, total, save_every))
                    .value();
        }
        for (std::int64_t it = std::max<std::int64_t>({3 * per_epoch, save_every, validate_every, 20});
             it < total * 9 / 10; ++it) {
            const double left = now - clock[static_cast<std::size_t>(it)];
            EXPECT_NEAR(estimates[static_cast<std::size_t>(it)] / left, 1, 0.15)
                << "iteration " << it << " of " << total;
        }
    }
}

TEST(Eta, AnInterruptionDoesNotCount) {
    Eta eta(10);
    EXPECT_FALSE(eta.remaining(10, 1, 1));
    for (int i = 0; i < 15; ++i) eta.iteration(1);
    eta.iteration(3600);  // the lid was shut
    EXPECT_LT(eta.remaining(100, 0, 0).value(), 120);
}

}  // namespace
}  // namespace testudo::training
