#include "training/remarks.h"

#include <gtest/gtest.h>

#include "training/read_metrics.h"

namespace testudo::training {
namespace {

TEST(Remarks, MelAboveText) {
    Remarks remarks(5);
    for (int it = 1; it <= 19; ++it) {
        remarks.training(it, 3, 4, 4.03);
        EXPECT_FALSE(remarks.next()) << "20 iterations are the least";
    }
    remarks.training(20, 3, 4, 4.03);
    const auto remark = remarks.next();
    ASSERT_TRUE(remark);
    EXPECT_EQ(remark->name, "mel_above_text");
    EXPECT_NE(remark->message.find("do not expect decent speech"), std::string::npos);
    EXPECT_NE(remark->message.find("The training goes on"), std::string::npos);
    remarks.training(21, 3, 4, 4.03);
    EXPECT_FALSE(remarks.next()) << "once";

    Remarks good(5);
    for (int it = 1; it <= 300; ++it) good.training(it, 4, it % 3 ? 3 : 5, 3);
    EXPECT_FALSE(good.next()) << "single ones are no matter";
}

// Steps of an epoch with one training loss, then a validation.
void epoch(Remarks& remarks, int number, double training, double validation) {
    for (int i = 0; i < 10; ++i) remarks.training(10 * number + i, 9, training, training);
    remarks.validation(10 * number + 9, validation);
}

TEST(Remarks, Overfitting) {
    Remarks remarks(10);
    epoch(remarks, 1, 4.0, 4.1);
    epoch(remarks, 2, 3.5, 3.8);
    epoch(remarks, 3, 3.2, 3.85);
    epoch(remarks, 4, 3.0, 3.9);
    EXPECT_FALSE(remarks.next());
    epoch(remarks, 5, 2.8, 3.95);
    const auto remark = remarks.next();
    ASSERT_TRUE(remark);
    EXPECT_EQ(remark->name, "overfitting");
    for (const char* part :
         {"3.800 (iteration 29)", "3.950 (iteration 59)", "from 3.500 to 2.800", "overfit"})
        EXPECT_NE(remark->message.find(part), std::string::npos) << part << " in " << remark->message;
    epoch(remarks, 6, 2.7, 4.1);
    EXPECT_FALSE(remarks.next());
}

TEST(Remarks, WhatIsNoOverfitting) {
    Remarks noisy(10), both(10);
    for (int i = 1; i <= 40; ++i) epoch(noisy, i, 4.0 - 0.01 * i, 4.2 - 0.01 * i + (i % 2 ? 0.03 : 0));
    EXPECT_FALSE(noisy.next()) << "it falls, if not every time";
    for (int i = 1; i <= 10; ++i) epoch(both, i, 3 + 0.1 * i, 3 + 0.1 * i);
    EXPECT_FALSE(both.next()) << "both rise: that is another trouble";
}

TEST(Remarks, AReturnTakesBackWhatCameAfter) {
    Remarks remarks(10);
    epoch(remarks, 1, 4.0, 3.0);
    epoch(remarks, 2, 3.5, 3.8);
    epoch(remarks, 3, 3.2, 3.85);
    epoch(remarks, 2, 3.5, 2.9);  // again from iteration 20 on
    epoch(remarks, 3, 3.2, 2.8);
    EXPECT_FALSE(remarks.next());
}

TEST(Remarks, GoOnWhereAnEarlierRunEnded) {
    std::vector<Json> events;
    const auto add = [&](int number, double training, double validation) {
        for (int i = 0; i < 10; ++i)
            events.push_back({{"type", "metric"},
                              {"it", 10 * number + i},
                              {"loss_text_ce", 9},
                              {"loss_mel_ce", training},
                              {"loss_gpt_total", training}});
        events.push_back({{"type", "metric"},
                          {"mode", "validation"},
                          {"it", 10 * number + 9},
                          {"loss_gpt_total", validation}});
    };
    add(1, 3.5, 3.8);
    add(2, 3.2, 3.85);
    add(3, 3.0, 3.9);
    Remarks remarks(10), said(10);
    remarks.add(metrics_of_events(events));
    said.add(metrics_of_events(events));
    said.mark_said("overfitting");
    epoch(remarks, 4, 2.8, 3.95);
    epoch(said, 4, 2.8, 3.95);
    EXPECT_TRUE(remarks.next());
    EXPECT_FALSE(said.next());
}

}  // namespace
}  // namespace testudo::training
