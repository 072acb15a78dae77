#include "training/presets.h"

#include <gtest/gtest.h>

#include "training/config.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using test::error_of;
using test::Workshop;

TEST(Presets, AreTheManualsSuggestions) {
    TrainingSettings settings;
    settings.learning_rate_scheme = "CosineAnnealingLR_Restart";
    settings.batch_size = 7;
    apply_preset(settings, "robust");
    EXPECT_EQ(settings.epochs, 50);
    EXPECT_EQ(settings.learning_rate, 1e-4);
    EXPECT_EQ(settings.learning_rate_scheme, "MultiStepLR");
    EXPECT_EQ(settings.learning_rate_schedule, (std::vector<double>{2, 4, 9, 18, 25, 33, 50, 59}));
    EXPECT_EQ(settings.text_lr_weight, 0.01);
    EXPECT_EQ(settings.batch_size, 7);  // not the preset's business
    apply_preset(settings, "accurate");
    EXPECT_EQ(settings.learning_rate, 1e-5);
    EXPECT_EQ(settings.epochs, TrainingSettings().epochs);
    apply_preset(settings, "new-language");
    EXPECT_EQ(settings.text_lr_weight, 1);
    EXPECT_EQ(settings.learning_rate, 1e-4);
}

TEST(Presets, HoldOnlySettingsInTheirRanges) {
    ASSERT_FALSE(presets().empty());
    const Json known = settings_to_json(TrainingSettings());
    for (const Json& preset : presets_to_json()) {
        TrainingSettings settings;
        settings.voice = "v";
        apply_preset(settings, preset["name"].get<std::string>());
        EXPECT_NO_THROW(check_settings(settings));
        for (const auto& [key, value] : preset["values"].items()) {
            EXPECT_TRUE(known.contains(key)) << key;
            EXPECT_EQ(settings_to_json(settings)[key], value) << key;
        }
        EXPECT_FALSE(preset["label"].get<std::string>().empty());
        EXPECT_FALSE(preset["help"].get<std::string>().empty());
    }
    TrainingSettings settings;
    const Error error = error_of([&] { apply_preset(settings, "quick"); });
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.hint().find("robust"), std::string::npos);
}

TEST(Presets, BecomeAConfiguration) {
    Workshop shop(10, 0);
    apply_preset(shop.settings, "robust");
    shop.configure();
    const Config config = read_config(shop.root(), shop.paths().yaml);
    EXPECT_EQ(config.epochs, 50);
    EXPECT_EQ(config.schedule.base_rate, 1e-4);
    EXPECT_EQ(config.schedule.milestones.back(), 59 * 3);
}

}  // namespace
}  // namespace testudo::training
