#include "training/tensorboard.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "training/read_metrics.h"

namespace testudo::training {
namespace {

// A decoder of its own, of the published formats.
template <class Integer>
Integer take(std::string_view& bytes) {
    Integer value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i)
        value |= static_cast<Integer>(static_cast<unsigned char>(bytes.at(i))) << (8 * i);
    bytes.remove_prefix(sizeof value);
    return value;
}
std::uint64_t take_varint(std::string_view& bytes) {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.at(0));
        bytes.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 127) << shift;
        if (byte < 128) return value;
    }
}
struct Field {
    std::uint64_t number = 0;
    std::string_view bytes;
};
using Fields = std::multimap<int, Field>;
Fields fields_of(std::string_view bytes) {
    Fields fields;
    while (!bytes.empty()) {
        const std::uint64_t key = take_varint(bytes);
        Field field;
        switch (key & 7) {
            case 0:
                field.number = take_varint(bytes);
                break;
            case 1:
                field.number = take<std::uint64_t>(bytes);
                break;
            case 5:
                field.number = take<std::uint32_t>(bytes);
                break;
            default: {
                EXPECT_EQ(key & 7, 2u);
                const std::uint64_t size = take_varint(bytes);
                field.bytes = bytes.substr(0, size);
                bytes.remove_prefix(size);
            }
        }
        fields.emplace(static_cast<int>(key >> 3), field);
    }
    return fields;
}
std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }

std::vector<Fields> events_of(std::string_view file) {
    std::vector<Fields> events;
    while (!file.empty()) {
        const std::string_view length_bytes = file.substr(0, 8);
        const auto length = take<std::uint64_t>(file);
        EXPECT_EQ(take<std::uint32_t>(file), masked(crc32c(length_bytes)));
        const std::string_view data = file.substr(0, length);
        file.remove_prefix(length);
        EXPECT_EQ(take<std::uint32_t>(file), masked(crc32c(data)));
        events.push_back(fields_of(data));
    }
    return events;
}
std::map<std::string, float> scalars_of(const Fields& event) {
    std::map<std::string, float> scalars;
    const Fields summary = fields_of(event.find(5)->second.bytes);
    for (auto [at, end] = summary.equal_range(1); at != end; ++at) {
        const Fields value = fields_of(at->second.bytes);
        scalars[std::string(value.find(1)->second.bytes)] =
            std::bit_cast<float>(static_cast<std::uint32_t>(value.find(2)->second.number));
    }
    return scalars;
}

TEST(TensorBoard, ChecksumsAreThoseOfTheStandard) {
    EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, B.4
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(TensorBoard, AFileReadsBack) {
    MetricTable table;
    table.add({{"type", "metric"},
               {"it", 300},
               {"epoch", 2},
               {"time", 1234.5},
               {"loss_text_ce", 4.5},
               {"loss_mel_ce", 3.25},
               {"lr", 1e-5},
               {"iteration_seconds", 3.0},
               {"clips", 4},
               {"grad_norm", 0.5}});
    table.add({{"type", "metric"}, {"mode", "validation"}, {"it", 300}, {"epoch", 2}, {"loss_mel_ce", 3.5}});
    const std::string file = to_tensorboard(table);
    const auto events = events_of(file);
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(events[0].find(3)->second.bytes, "brain.Event:2");
    EXPECT_EQ(std::bit_cast<double>(events[1].find(1)->second.number), 1234.5);
    EXPECT_EQ(events[1].find(2)->second.number, 300u);
    EXPECT_EQ(scalars_of(events[1]), (std::map<std::string, float>{{"loss_text_ce", 4.5f},
                                                                   {"loss_mel_ce", 3.25f},
                                                                   {"learning_rate_gpt_0", 1e-5f},
                                                                   {"learning_rate_gpt_1", 1e-5f},
                                                                   {"iteration_seconds", 3},
                                                                   {"iteration_rate", 0.75f},
                                                                   {"clips", 4},
                                                                   {"grad_norm", 0.5f},
                                                                   {"epoch", 2}}));
    EXPECT_EQ(scalars_of(events[2]),
              (std::map<std::string, float>{{"val_loss_mel_ce", 3.5f}, {"val_epoch", 2}}));
    EXPECT_EQ(std::bit_cast<double>(events[2].find(1)->second.number), 1234.5) << "as the row before it";
}

TEST(TensorBoard, ARestartDeclaresWhatFollowsVoid) {
    const std::string bytes = tensorboard_restart(7, 20);
    const auto events = events_of(bytes);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].find(2)->second.number, 20u);
    const Fields session = fields_of(events[0].find(7)->second.bytes);
    EXPECT_EQ(session.find(1)->second.number, 1u);  // SessionLog.START
}

TEST(TensorBoard, NamesDiffer) {
    EXPECT_NE(tensorboard_file_name(1.7e9), tensorboard_file_name(1.7e9));
    EXPECT_TRUE(tensorboard_file_name(1.7e9).starts_with("events.out.tfevents.1700000000."));
}

}  // namespace
}  // namespace testudo::training
