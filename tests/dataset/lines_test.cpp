#include "dataset/lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "core/error.h"
#include "dataset/batches.h"
#include "dataset/fixtures.h"
#include "support/golden.h"

namespace testudo::test {

TEST(Lines, AreReadWithTheirNumbers) {
    const TemporaryFolder folder;
    write_text(folder / "audio/ a b.wav", "x");
    write_text(folder / "train.txt",
               "\xEF\xBB\xBF"
               "audio/ a b.wav| Hello there. \r\n\n \naudio/ a b.wav|Again");
    const auto lines = dataset::read_lines(folder / "train.txt");
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0].text, "Hello there.");
    EXPECT_EQ(lines[1].number, 4);
    EXPECT_TRUE(fs::exists(dataset::audio_path(folder / "train.txt", lines[0])));
}

TEST(Lines, EveryMistakeIsNamedWithItsLine) {
    const TemporaryFolder folder;
    write_text(folder / "a.wav", "x");
    write_text(folder / "train.txt",
               "a.wav|fine\nno bar\nmissing.wav|text\na.wav|\n|text\na.wav|a|b\na.wav|\xff\n");
    try {
        dataset::read_lines(folder / "train.txt");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        const std::string what = error.what();
        EXPECT_EQ(what.find("train.txt:1 "), std::string::npos);
        for (const char* line :
             {"train.txt:2 ", "train.txt:3 ", "train.txt:4 ", "train.txt:5 ", "train.txt:6 ", "train.txt:7 "})
            EXPECT_NE(what.find(line), std::string::npos) << line;
        EXPECT_NE(what.find("missing.wav"), std::string::npos);
    }
    EXPECT_THROW(dataset::read_lines(folder / "none.txt"), Error);
    write_text(folder / "empty.txt", "\n\n");
    EXPECT_THROW(dataset::read_lines(folder / "empty.txt"), Error);
    EXPECT_TRUE(dataset::read_lines(folder / "empty.txt", true).empty());
}

TEST(Batches, HoldEveryClipOnceAndSimilarLengthsTogether) {
    std::vector<int> lengths;
    for (int i = 0; i < 1003; ++i) lengths.push_back((i * 7919) % 250 + 20);
    const auto batches = dataset::epoch_batches(lengths, 8, 5, 0);
    EXPECT_EQ(static_cast<int>(batches.size()), dataset::iterations_per_epoch(1003, 8));
    std::set<int> seen;
    double spread = 0;
    for (const auto& batch : batches) {
        int least = 1000, most = 0;
        for (const int i : batch) {
            EXPECT_TRUE(seen.insert(i).second);
            least = std::min(least, lengths[static_cast<std::size_t>(i)]);
            most = std::max(most, lengths[static_cast<std::size_t>(i)]);
        }
        spread += most - least;
    }
    EXPECT_EQ(seen.size(), lengths.size());
    EXPECT_LT(spread / static_cast<double>(batches.size()), 20);  // about 190 without buckets
    EXPECT_EQ(batches, dataset::epoch_batches(lengths, 8, 5, 0));
    EXPECT_NE(batches, dataset::epoch_batches(lengths, 8, 5, 1));
    EXPECT_NE(batches, dataset::epoch_batches(lengths, 8, 6, 0));
}

TEST(Batches, CountsAreTheOnesOfTheBatches) {
    for (int lines = 0; lines < 40; ++lines)
        for (int size = 1; size < 12; ++size)
            for (const bool drop : {false, true})
                EXPECT_EQ(dataset::epoch_batches(std::vector<int>(static_cast<std::size_t>(lines), 3), size,
                                                 1, 2, drop)
                              .size(),
                          static_cast<std::size_t>(dataset::iterations_per_epoch(lines, size, drop)));
    EXPECT_EQ(dataset::iterations_per_epoch(2, 128), 1);        // a two-clip dataset trains
    EXPECT_EQ(dataset::iterations_per_epoch(2, 128, true), 0);  // not in DLAS
    EXPECT_THROW(dataset::iterations_per_epoch(2, 0), Error);
}

}  // namespace testudo::test
