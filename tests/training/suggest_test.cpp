#include "training/suggest.h"

#include <gtest/gtest.h>

namespace testudo::training {
namespace {

// 1000 lines, 50 epochs in batches of 20: nothing to complain of.
RunFacts good() {
    RunFacts facts;
    facts.settings.epochs = 50;
    facts.settings.batch_size = 20;
    facts.settings.gradient_accumulation_size = 4;
    facts.settings.learning_rate = 1e-4;
    facts.lines = 1000;
    facts.validation_lines = 50;
    facts.per_epoch = 50;
    facts.total = 2500;
    facts.save_every = facts.validate_every = 250;
    facts.language = "en";
    facts.disk = DiskNeed{10, 10, 1e9, 1e10, 1e12};
    facts.fitting = 20;
    return facts;
}

Suggestion only(const RunFacts& facts) {
    const auto all = suggest_settings(facts);
    EXPECT_EQ(all.size(), 1u);
    if (all.empty()) return {};
    EXPECT_FALSE(all[0].reason.empty());
    EXPECT_EQ(settings_to_json(TrainingSettings()).contains(all[0].key), true) << all[0].key;
    return all[0];
}

TEST(Suggest, NothingForAGoodRun) { EXPECT_TRUE(suggest_settings(good()).empty()); }

TEST(Suggest, ABatchThatSuitsTheDataset) {
    RunFacts facts = good();
    facts.lines = 12;
    facts.per_epoch = 1;
    facts.validation_lines = 0;
    Suggestion found = only(facts);
    EXPECT_EQ(found.key, "batch_size");
    EXPECT_EQ(found.to, 12);

    facts = good();  // 1010 lines in batches of 60: a rest of 50 is good, of 1 not
    facts.lines = 1021;
    facts.settings.batch_size = 60;
    facts.per_epoch = 18;
    found = only(facts);
    EXPECT_EQ(found.key, "batch_size");
    EXPECT_EQ(found.to, 57);
    EXPECT_EQ((facts.lines + 56) / 57, facts.per_epoch);  // no step more

    facts = good();  // 60 lines at once, 50 times
    facts.lines = facts.settings.batch_size = 60;
    facts.per_epoch = 1;
    facts.total = 50;
    facts.validation_lines = 0;
    found = only(facts);
    EXPECT_EQ(found.key, "batch_size");
    EXPECT_GE(50 * ((60 + found.to.get<int>() - 1) / found.to.get<int>()), 200);

    facts.settings.epochs = 3;
    facts.total = 3;
    const auto both = suggest_settings(facts);
    ASSERT_EQ(both.size(), 2u);
    EXPECT_EQ(both[0].to, 4);
    EXPECT_EQ(both[1].key, "epochs");
    EXPECT_GE(both[1].to.get<int>() * 15, 200);
}

TEST(Suggest, PartsThatMemoryHoldsAndThatAreEqual) {
    RunFacts facts = good();
    facts.fitting = 3;
    Suggestion found = only(facts);
    EXPECT_EQ(found.key, "gradient_accumulation_size");
    EXPECT_EQ(found.to, 7);
    facts.settings.objective = "dlas";  // parts of two: seven would be unequal
    EXPECT_EQ(only(facts).to, 10);
    facts.settings.objective = "consistent";
    facts.fitting = 0;  // no number of parts helps
    EXPECT_TRUE(suggest_settings(facts).empty());
    facts.fitting.reset();  // not measured
    EXPECT_TRUE(suggest_settings(facts).empty());

    facts = good();
    facts.settings.gradient_accumulation_size = 3;
    EXPECT_TRUE(suggest_settings(facts).empty());
    facts.settings.objective = "dlas";
    found = only(facts);
    EXPECT_EQ(found.to, 4);
    EXPECT_NE(found.reason.find("weigh more"), std::string::npos);
    facts.settings.objective = "consistent";
    facts.settings.gradient_accumulation_size = 16;  // ceil(20 / 2) = 10 parts only
    found = only(facts);
    EXPECT_EQ(found.to, 20);
    EXPECT_NE(found.reason.find("DLAS would fail"), std::string::npos);
    facts.settings.gradient_accumulation_size = 21;
    EXPECT_EQ(only(facts).to, 20);
}

TEST(Suggest, SavesThatFitTheDiskAndAreNeitherManyNorNone) {
    RunFacts facts = good();
    facts.disk->room = 4.5e9;
    Suggestion found = only(facts);
    EXPECT_EQ(found.key, "keep_states");
    EXPECT_EQ(found.to, 3);  // and the one being written
    facts.settings.keep_best = 1;
    EXPECT_EQ(only(facts).to, 2);  // as many at one time in all
    facts.settings.keep_best = 5;
    const auto both = suggest_settings(facts);
    ASSERT_EQ(both.size(), 2u);
    EXPECT_EQ(both[0].to, 1);
    EXPECT_EQ(both[1].key, "keep_best");
    EXPECT_EQ(both[1].to, 2);
    facts.settings.keep_best = 0;
    facts.disk->room = 1.9e9;
    EXPECT_TRUE(suggest_settings(facts).empty());  // nothing helps

    facts = good();
    facts.save_every = 1;
    facts.disk->checkpoints = 2500;
    found = only(facts);
    EXPECT_EQ(found.key, "save_rate");
    EXPECT_EQ(found.to, 3);
    facts = good();
    facts.save_every = 2500;
    facts.settings.save_rate = 50;
    found = only(facts);
    EXPECT_EQ(found.key, "save_rate");
    EXPECT_EQ(found.to, 5);
}

TEST(Suggest, ValidationThatHappensAndIsNotDear) {
    RunFacts facts = good();
    facts.validate_every = 2501;
    facts.settings.validation_rate = 51;
    EXPECT_EQ(only(facts).key, "validation_rate");
    facts = good();
    facts.validate_every = 5;  // 100 clips trained on, 50 tried
    facts.settings.validation_rate = 0.1;
    Suggestion found = only(facts);
    EXPECT_EQ(found.key, "validation_rate");
    EXPECT_EQ(found.to, 0.2);
    facts.settings.validation_enabled = false;
    EXPECT_TRUE(suggest_settings(facts).empty());

    EXPECT_EQ(advise_validation_list(good()), "");
    facts = good();
    facts.validation_lines = 5;
    EXPECT_NE(advise_validation_list(facts).find("too few"), std::string::npos);
    facts.validation_lines = 600;
    EXPECT_NE(advise_validation_list(facts).find("not learned from"), std::string::npos);
    facts.lines = 5;
    facts.validation_lines = 5;
    EXPECT_EQ(advise_validation_list(facts), "");
}

TEST(Suggest, WeightsOfTheLanguageAndRatesThatDoNotFry) {
    RunFacts facts = good();
    facts.language = "ja";
    Suggestion found = only(facts);
    EXPECT_EQ(found.key, "text_lr_weight");
    EXPECT_EQ(found.to, 1.0);
    facts.language = "";
    EXPECT_TRUE(suggest_settings(facts).empty());
    facts.english_tokenizer = false;
    EXPECT_EQ(only(facts).to, 1.0);
    facts = good();
    facts.settings.text_lr_weight = 1;
    EXPECT_EQ(only(facts).to, 0.01);
    facts = good();
    facts.settings.learning_rate = 1e-3;
    EXPECT_EQ(only(facts).to, 1e-4);
}

}  // namespace
}  // namespace testudo::training
