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

TEST(Counting, TheAgendaIsThatOfALoopThatAsksEachIteration) {
    std::mt19937 random(10);
    for (int round = 0; round < 500; ++round) {
        Agenda agenda;
        agenda.total = 1 + static_cast<std::int64_t>(random() % 60);
        agenda.save_every = static_cast<std::int64_t>(random() % 12);
        agenda.validate_every = static_cast<std::int64_t>(random() % 12);
        agenda.validate_saves = random() % 2;
        std::set<std::int64_t> saves, validations;
        for (std::int64_t it = 1; it <= agenda.total; ++it) {
            const bool save = it == agenda.total || (agenda.save_every > 0 && it % agenda.save_every == 0);
            const bool validation = (agenda.validate_every > 0 && it % agenda.validate_every == 0) ||
                                    (agenda.validate_saves && save);
            EXPECT_EQ(agenda.save_due(it), save);
            EXPECT_EQ(agenda.validation_due(it), validation);
            if (save) saves.insert(it);
            if (validation) validations.insert(it);
        }
        const auto between = [](const std::set<std::int64_t>& due, std::int64_t after, std::int64_t until) {
            return until <= after ? 0 : std::distance(due.upper_bound(after), due.upper_bound(until));
        };
        const auto next = [](const std::set<std::int64_t>& due, std::int64_t after) {
            const auto found = due.upper_bound(after);
            return found == due.end() ? std::optional<std::int64_t>() : *found;
        };
        for (std::int64_t after = 0; after <= agenda.total; ++after) {
            EXPECT_EQ(agenda.next_save(after), next(saves, after));
            EXPECT_EQ(agenda.next_validation(after), next(validations, after));
            for (std::int64_t until = after; until <= agenda.total; ++until) {
                ASSERT_EQ(agenda.saves(after, until), between(saves, after, until));
                ASSERT_EQ(agenda.validations(after, until), between(validations, after, until))
                    << "of " << agenda.total << ", every " << agenda.save_every << " and "
                    << agenda.validate_every << ", in (" << after << ", " << until << "]";
            }
        }
    }
}

TEST(Eta, AnInterruptionDoesNotCount) {
    Eta eta;
    EXPECT_FALSE(eta.remaining(10, 1, 1));
    for (int i = 0; i < 30; ++i) eta.iteration(1, 1);
    eta.iteration(3600, 1);  // the lid was shut
    EXPECT_LT(eta.remaining(100, 0, 0).value(), 110);
}

TEST(Eta, TheFirstStepsAreForgottenAsSoonAsThereAreOthers) {
    Eta eta;
    eta.iteration(10, 1);
    EXPECT_EQ(eta.remaining(2, 0, 0), 20);
    for (const double seconds : {3.0, 2.0, 1.0, 1.0}) eta.iteration(seconds, 1);
    EXPECT_EQ(eta.remaining(2, 0, 0), 2);
}

TEST(Eta, WhatNeverHappenedYetIsForetold) {
    Eta eta;
    eta.expect(30, 5);
    eta.iteration(2, 10);
    EXPECT_NEAR(eta.remaining(100, 4, 3).value(), 20 + 4 * (0.2 * 30 / 3) + 3 * 5, 1e-9);
    eta.validation(1);
    eta.save(7);
    EXPECT_NEAR(eta.remaining(100, 4, 3).value(), 20 + 4 + 21, 1e-9);
}

}  // namespace
}  // namespace testudo::training
