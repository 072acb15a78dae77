#include "studio/dataset_picture.h"

#include <gtest/gtest.h>

namespace testudo::test {

TEST(DatasetPicture, SaysInWordsWhatItShows) {
    dataset::Statistics s;
    s.voice = "a<b>&\"c\"";
    s.train_lines = 12;
    s.validation_lines = 3;
    s.seconds = 90;
    s.speech_seconds = 45;
    s.length = dataset::histogram({1, 2, 2, 3, 8});
    s.loudness = dataset::histogram({-23, -23, -20});
    s.verdicts = {{"good", 14}, {"doubtful", 1}};
    s.lost["too short"] = {4, 2.0};
    const std::string svg = studio::dataset_svg(s);
    EXPECT_TRUE(svg.starts_with("<svg "));
    EXPECT_NE(svg.find("role=\"img\""), std::string::npos);
    EXPECT_NE(svg.find("<title>Dataset a&lt;b&gt;&amp;"), std::string::npos);
    const std::string description = svg.substr(svg.find("<desc>"), svg.find("</desc>") - svg.find("<desc>"));
    for (const char* part : {"12 lines to train on", "50 % speech", "1 doubtful", "1 to 8, median 2",
                             "Left out as too short: 4", "Speaking rate in characters a second: nothing"})
        EXPECT_NE(description.find(part), std::string::npos) << part << "\n" << description;
    // White behind it, so that it is read in dark surroundings, too; nothing is outside the picture.
    EXPECT_NE(svg.find("fill=\"#ffffff\""), std::string::npos);
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
}

}  // namespace testudo::test
